//! The recorded training step: noise, UNet with the adapter, loss, gradients, AdamW.

use std::{cell::RefCell, rc::Rc};

use atelier_adapter::{Lora, Parts, TEXT_ENCODER, UNET, attach, attach_trainable};
use atelier_kernels::{AdamW, AdamWState, VIEW_ALIGNMENT, adamw, settle, view};
use atelier_models::{CLIPTextModel, Checkpointed, ModelError};
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
    /// Values of a token: the width of its embedding, or 1, its number, where the text encoder is trained.
    pub embedding: usize,
}

impl Shapes {
    /// Samples that are in the network at once.
    pub fn at_once(&self) -> usize {
        self.batch / self.pieces
    }

    /// With latents of another height and width.
    pub(crate) fn of_size(self, [height, width]: [usize; 2]) -> Self {
        Self {
            height,
            width,
            ..self
        }
    }

    /// Values of one sample's latents.
    pub fn latents(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Values of one prompt.
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

/// The closure to record, which trains an adapter laid out as `adapter`. It gives `[loss, squared norm of the gradients]`
/// and updates `state`. A text encoder among `parts` is trained too. `gradient` is zeros as long as the adapter, written in
/// its place each step. With `block_checkpointing` the UNet is run stage by stage: slower by a forward pass, in less
/// memory.
pub(crate) fn training_step(
    parts: Parts<'_>,
    adapter: &Lora,
    shapes: Shapes,
    block_checkpointing: bool,
    state: Rc<RefCell<AdamWState>>,
    gradient: Tensor<1>,
    device: &Device,
) -> Result<impl Fn(Tensor<1>) -> Tensor<1> + 'static, ModelError> {
    let device = device.clone().without_autodiff();
    let layout = adapter.layout.clone();
    let scale = Tensor::<1>::full([1], adapter.scale, &device);
    // Hung in once to find out about errors here, where they can be answered.
    let param = state.borrow().param.clone();
    let (unet, text_encoder) = (parts.unet.clone(), parts.text_encoder.cloned());
    attach_trainable(&mut unet.clone(), UNET, &layout, &param, &gradient, &scale)?;
    if let Some(mut text_encoder) = text_encoder.clone() {
        let text_encoder = &mut text_encoder;
        attach_trainable(
            text_encoder,
            TEXT_ENCODER,
            &layout,
            &param,
            &gradient,
            &scale,
        )?;
    }
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
            let mut leaves =
                attach_trainable(&mut trained, UNET, &layout, &param, &gradient, &scale)
                    .expect("the layout was tried on this model when recording began");
            let sample = piece_of(&noisy, first, at_once).autodiff();
            let timesteps = piece_of(&timesteps, first, at_once).autodiff();
            let mut prompts = piece_of(&prompts, first, at_once).autodiff();
            if let Some(mut encoder) = text_encoder.clone() {
                let more = attach_trainable(
                    &mut encoder,
                    TEXT_ENCODER,
                    &layout,
                    &param,
                    &gradient,
                    &scale,
                )
                .expect("the layout was tried on this text encoder when recording began");
                leaves = leaves.and(more);
                prompts = embed(&encoder, prompts);
            }
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
                    attach(&mut plain, UNET, &layout, &param, &scale)
                        .expect("the layout was tried on this model when recording began");
                    let text = prompts.clone().without_autodiff().autodiff();
                    let forward = Checkpointed::forward(&plain, sample, timesteps, text);
                    let mut taken = Vec::new();
                    let found = |gradients: &mut Gradients| taken.extend(leaves.take(gradients));
                    let (loss, of_text) =
                        forward.backward(&trained, text_encoder.is_some(), loss, found);
                    if let Some(of_text) = of_text {
                        // Whose gradient with respect to `prompts` is the one that was found.
                        let stand_in = (prompts * of_text.autodiff()).sum();
                        taken.extend(leaves.take(&mut stand_in.backward()));
                    }
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

/// Token numbers `[batch, tokens, 1]` to the text encoder's states, `[batch, tokens, width]`.
fn embed(encoder: &CLIPTextModel, numbers: Tensor<3>) -> Tensor<3> {
    let [batch, tokens, _] = numbers.dims();
    encoder.forward(numbers.reshape([batch, tokens]).int(), 0)
}

/// `count` samples of `all` from `first` on.
fn piece_of<const D: usize>(all: &Tensor<D>, first: usize, count: usize) -> Tensor<D> {
    match all.dims()[0] == count {
        true => all.clone(),
        false => all.clone().narrow(0, first, count),
    }
}
