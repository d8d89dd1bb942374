//! The recorded training step: noise, UNet with the adapter, loss, gradients, AdamW.

use std::{cell::RefCell, rc::Rc};

use atelier_adapter::{Layout, attach, attach_trainable};
use atelier_kernels::{AdamW, AdamWState, VIEW_ALIGNMENT, adamw, settle, view};
use atelier_models::{Checkpointed, ModelError, UNet2DConditionModel};
use burn::tensor::{Device, Gradients, Tensor};

/// Sizes of a step's inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shapes {
    /// Samples of a step, a multiple of `pieces`.
    pub batch: usize,
    /// The batch goes through the network in so many pieces, one after the other, and their gradients are added up.
    pub pieces: usize,
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub tokens: usize,
    pub embedding: usize,
}

impl Shapes {
    /// Samples that are in the network at once.
    pub fn at_once(&self) -> usize {
        self.batch / self.pieces
    }

    /// Values of one sample's latents.
    pub fn latents(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Values of one prompt's embedding.
    pub fn prompt(&self) -> usize {
        self.tokens * self.embedding
    }
}

/// The parts of the flat input buffer, in this order, each starting at a view's alignment.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// Clean latents, `[batch, channels, height, width]`.
    Latents,
    /// Noise, of the same shape.
    Noise,
    /// `[batch, tokens, embedding]`.
    Prompts,
    /// `[batch]`, and so are the next five.
    Timesteps,
    /// Noisy = `SignalRate` * latents + `NoiseRate` * noise.
    SignalRate,
    NoiseRate,
    /// Target = `TargetLatents` * latents + `TargetNoise` * noise.
    TargetLatents,
    TargetNoise,
    /// Weight of each sample in the loss.
    Weights,
    /// [`AdamW::hyper`].
    Hyper,
}

const PARTS: [Part; 10] = [
    Part::Latents,
    Part::Noise,
    Part::Prompts,
    Part::Timesteps,
    Part::SignalRate,
    Part::NoiseRate,
    Part::TargetLatents,
    Part::TargetNoise,
    Part::Weights,
    Part::Hyper,
];

impl Part {
    fn length(self, shapes: &Shapes) -> usize {
        match self {
            Part::Latents | Part::Noise => shapes.batch * shapes.latents(),
            Part::Prompts => shapes.batch * shapes.prompt(),
            Part::Hyper => AdamW::HYPER,
            _ => shapes.batch,
        }
    }

    /// Where the part lies in the input buffer.
    pub(crate) fn range(self, shapes: &Shapes) -> std::ops::Range<usize> {
        let start = PARTS[..self as usize]
            .iter()
            .map(|part| part.length(shapes).next_multiple_of(VIEW_ALIGNMENT))
            .sum();
        start..start + self.length(shapes)
    }
}

/// Length of the input buffer.
pub(crate) fn input_length(shapes: &Shapes) -> usize {
    Part::Hyper
        .range(shapes)
        .end
        .next_multiple_of(VIEW_ALIGNMENT)
}

/// The closure to record. It gives `[loss, squared norm of the gradients]` and updates `state`. With
/// `block_checkpointing` the UNet is run stage by stage: slower by a forward pass, in less memory.
pub(crate) fn training_step(
    unet: UNet2DConditionModel,
    layout: Layout,
    scale: f32,
    shapes: Shapes,
    block_checkpointing: bool,
    state: Rc<RefCell<AdamWState>>,
    device: &Device,
) -> Result<impl Fn(Tensor<1>) -> Tensor<1> + 'static, ModelError> {
    let device = device.clone().without_autodiff();
    let scale = Tensor::<1>::full([1], scale, &device);
    // Written in its place each step; its gaps stay zero.
    let gradient = Tensor::<1>::zeros([layout.length], &device);
    // Hung in once to find out about errors here, where they can be answered.
    let param = state.borrow().param.clone();
    attach_trainable(&mut unet.clone(), &layout, &param, &gradient, &scale)?;
    Ok(move |inputs: Tensor<1>| {
        let part = |part: Part| {
            let range = part.range(&shapes);
            view(inputs.clone(), range.start, range.len())
        };
        let Shapes {
            batch,
            channels,
            height,
            width,
            ..
        } = shapes;
        let images = |p: Part| part(p).reshape([batch, channels, height, width]);
        let per_sample = |p: Part| part(p).reshape([batch, 1, 1, 1]);

        let (latents, noise) = (images(Part::Latents), images(Part::Noise));
        let noisy = latents.clone() * per_sample(Part::SignalRate)
            + noise.clone() * per_sample(Part::NoiseRate);
        let target =
            latents * per_sample(Part::TargetLatents) + noise * per_sample(Part::TargetNoise);
        let prompts = part(Part::Prompts).reshape([batch, shapes.tokens, shapes.embedding]);

        let param = state.borrow().param.clone();
        let timesteps = part(Part::Timesteps);
        let weights = per_sample(Part::Weights);
        let at_once = shapes.at_once();
        // Loss and gradients of one piece, which are the mean of its samples.
        let piece = |first: usize| {
            let mut trained = unet.clone();
            let leaves = attach_trainable(&mut trained, &layout, &param, &gradient, &scale)
                .expect("the layout was tried on this model when recording began");
            let sample = piece_of(&noisy, first, at_once).autodiff();
            let timesteps = piece_of(&timesteps, first, at_once).autodiff();
            let prompts = piece_of(&prompts, first, at_once).autodiff();
            let target = piece_of(&target, first, at_once).autodiff();
            let weights = piece_of(&weights, first, at_once).autodiff();
            let loss = |prediction: Tensor<4>| {
                let error = prediction - target;
                (error.clone() * error * weights).mean()
            };
            match block_checkpointing {
                false => {
                    let loss = loss(trained.forward(sample, timesteps, prompts));
                    let gradient = leaves.gradient(&mut loss.backward(), gradient.clone());
                    (loss.without_autodiff(), gradient)
                }
                true => {
                    let mut plain = unet.clone();
                    attach(&mut plain, &layout, &param, &scale)
                        .expect("the layout was tried on this model when recording began");
                    let forward = Checkpointed::forward(&plain, sample, timesteps, prompts);
                    let mut taken = Vec::new();
                    let found = |gradients: &mut Gradients| taken.extend(leaves.take(gradients));
                    let loss = forward.backward(&trained, loss, found);
                    (loss, leaves.gather(taken, gradient.clone()))
                }
            }
        };
        let share = 1.0 / shapes.pieces as f32;
        let (mut loss, mut gradient) = piece(0);
        let mut settled = Ok(());
        if shapes.pieces > 1 {
            (loss, gradient) = (loss * share, gradient * share);
            for number in 1..shapes.pieces {
                // The next piece's gradients go where this one's are, which must have been read by then.
                settled = settled.and(settle(&device));
                let (more, further) = piece(number * at_once);
                loss = loss + more * share;
                gradient = gradient + further * share;
            }
        }

        // All that reads the factors is handed over before they are written.
        let settled = settled.and(settle(&device));
        let held = state.borrow().clone();
        let (updated, squared_norm) = adamw(held, gradient, part(Part::Hyper));
        *state.borrow_mut() = updated;
        match settled {
            Ok(()) => Tensor::cat(vec![loss, squared_norm], 0),
            // Not a number stops the run, which then asks the device what is wrong.
            Err(_) => Tensor::full([2], f32::NAN, &device),
        }
    })
}

/// `count` samples of `all` from `first` on.
fn piece_of<const D: usize>(all: &Tensor<D>, first: usize, count: usize) -> Tensor<D> {
    match all.dims()[0] == count {
        true => all.clone(),
        false => all.clone().narrow(0, first, count),
    }
}
