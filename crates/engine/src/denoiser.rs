//! The guided UNet of one sampler step, recorded.

use atelier_adapter::{Lora, UNET};
use atelier_kernels::{KernelError, Recorded, Timing, VIEW_ALIGNMENT, view};
use burn::tensor::{Device, Tensor};

use crate::{error::EngineError, held::Held, pipeline::Pipeline};

/// Both prompts' predictions, put together by classifier-free guidance (Ho and Salimans 2022), or the prompt's alone.
/// Holds an adapter whose values can be exchanged.
pub struct Denoiser {
    recorded: Recorded,
    form: Form,
    adapter: Option<Held>,
    places: Places,
    inputs: Vec<f32>,
    device: Device,
}

/// What of a picture's settings a recording is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// Tokens of each prompt.
    pub tokens: usize,
    /// Whether the negative prompt is asked too.
    pub guided: bool,
}

impl Form {
    /// For prompts of `values` values each. As in diffusers, guidance of 1 or less asks for the prompt alone, and so do
    /// models that are told the scale.
    pub fn new(pipeline: &Pipeline, values: usize, guidance_scale: f32) -> Self {
        Self {
            tokens: values / pipeline.embedding.max(1),
            guided: guidance_scale > 1.0 && !pipeline.is_told_guidance(),
        }
    }

    /// Prompts that are asked.
    fn asked(self) -> usize {
        1 + usize::from(self.guided)
    }
}

/// Where the parts of the input buffer begin.
#[derive(Clone, Copy)]
struct Places {
    latents: usize,
    prompts: usize,
    timestep: usize,
    guidance: usize,
    /// One for each prompt.
    strengths: usize,
    length: usize,
}

impl Denoiser {
    /// Records the UNet of `pipeline` for pictures of this form, with the branches of `adapter` hung in.
    pub async fn record(
        pipeline: &Pipeline,
        adapter: Option<&Lora>,
        form: Form,
        device: &Device,
    ) -> Result<Self, EngineError> {
        let [channels, height, width] = pipeline.latents();
        let (tokens, embedding) = (form.tokens, pipeline.embedding);
        let size = channels * height * width;
        let (asked, is_told) = (form.asked(), pipeline.is_told_guidance());

        let mut length = 0;
        let mut place = |values: usize| {
            let start = length;
            length = (start + values).next_multiple_of(VIEW_ALIGNMENT);
            start
        };
        let places = Places {
            latents: place(size),
            prompts: place(asked * tokens * embedding),
            timestep: place(1),
            guidance: place(1),
            strengths: place(asked),
            length,
        };
        let places = Places { length, ..places };

        let held = adapter.map(|lora| Held::new(lora, &pipeline.unet, UNET, device));
        let (held, branches) = held.transpose()?.unzip();
        let unet = pipeline.unet.clone();
        let closure = move |inputs: Tensor<1>| {
            let part = |start: usize, length: usize| view(inputs.clone(), start, length);
            let guidance = part(places.guidance, 1);
            let latents = part(places.latents, size)
                .reshape([1, channels, height, width])
                .repeat_dim(0, asked)
                .autodiff();
            let timesteps = part(places.timestep, 1).repeat_dim(0, asked).autodiff();
            let prompts = part(places.prompts, asked * tokens * embedding)
                .reshape([asked, tokens, embedding])
                .autodiff();
            let unet = match &branches {
                Some(branches) => branches.on(&unet, &part(places.strengths, asked)),
                None => unet.clone(),
            };
            let predicted = match is_told {
                true => {
                    unet.forward_guided(latents, timesteps, prompts, guidance.clone().autodiff())
                }
                false => unet.forward(latents, timesteps, prompts),
            };
            let predicted = predicted.without_autodiff().reshape([asked, size]);
            if !form.guided {
                return predicted.flatten::<1>(0, 1);
            }
            let [unconditional, conditional] =
                [0, 1].map(|prompt| predicted.clone().narrow(0, prompt, 1).flatten::<1>(0, 1));
            unconditional.clone() + (conditional - unconditional) * guidance
        };
        let inputs = vec![0.0; places.length];
        Ok(Self {
            recorded: Recorded::new(device, &inputs, closure).await?,
            form,
            adapter: held,
            places,
            inputs,
            device: device.clone(),
        })
    }

    /// Whether pictures of this form can be made, `adapter` in the place of the one it was recorded with.
    pub fn fits(&self, adapter: Option<&Lora>, form: Form) -> bool {
        self.form == form && self.takes(adapter)
    }

    /// Whether `adapter` can take the place of the one it was recorded with by [`Self::set_adapter`].
    pub fn takes(&self, adapter: Option<&Lora>) -> bool {
        match (&self.adapter, adapter) {
            (None, None) => true,
            (Some(held), Some(lora)) => held.takes(lora),
            _ => false,
        }
    }

    /// Puts another adapter of the same layout in place.
    pub fn set_adapter(&mut self, lora: &Lora) {
        if let Some(held) = &mut self.adapter {
            held.set(lora, &self.device);
        }
    }

    /// Sets what stays the same over the steps of a picture. Both prompts are as long as the form says. The adapter has a
    /// strength in what is said to each of them; 0 is the base.
    pub fn set_picture(
        &mut self,
        [negative, prompt]: [&[f32]; 2],
        guidance_scale: f32,
        strengths: [f32; 2],
    ) {
        let unasked = 2 - self.form.asked();
        let mut start = self.places.prompts;
        for prompt in &[negative, prompt][unasked..] {
            self.inputs[start..start + prompt.len()].copy_from_slice(prompt);
            start += prompt.len();
        }
        self.inputs[self.places.guidance] = guidance_scale;
        let scale = self.adapter.as_ref().map_or(0.0, Held::scale);
        for (i, strength) in strengths[unasked..].iter().enumerate() {
            self.inputs[self.places.strengths + i] = strength * scale;
        }
    }

    /// The guided prediction for `latents` (already scaled for the network) at `timestep`.
    pub async fn predict(
        &mut self,
        latents: &[f32],
        timestep: f32,
    ) -> Result<Vec<f32>, KernelError> {
        let start = self.places.latents;
        self.inputs[start..start + latents.len()].copy_from_slice(latents);
        self.inputs[self.places.timestep] = timestep;
        self.recorded.run_and_read(&self.inputs).await
    }

    /// How long the recording's eager and replayed runs took.
    pub fn timing(&self) -> Timing {
        self.recorded.timing()
    }
}
