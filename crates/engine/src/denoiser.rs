//! The guided UNet of one sampler step, recorded.

use std::ops::Range;

use atelier_adapter::{Lora, UNET};
use atelier_kernels::{KernelError, Recorded, Timing, VIEW_ALIGNMENT, view};
use atelier_models::UNet2DConditionModel;
use atelier_protocol::SampleSettings;
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
    /// Whether it is asked without the adapter.
    pub from_base: bool,
}

impl Form {
    /// For prompts of `values` values each. As in diffusers, guidance of 1 or less asks for the prompt alone, and so do
    /// models that are told the scale.
    pub fn new(
        pipeline: &Pipeline,
        values: usize,
        settings: &SampleSettings,
        adapter: Option<&Lora>,
    ) -> Self {
        let guided = settings.guidance_scale > 1.0 && !pipeline.is_told_guidance();
        Self {
            tokens: values / pipeline.embedding.max(1),
            guided,
            from_base: guided && settings.guide_from_base && adapter.is_some(),
        }
    }
}

/// Where the parts of the input buffer begin.
#[derive(Clone, Copy)]
struct Places {
    latents: usize,
    prompts: usize,
    timestep: usize,
    guidance: usize,
    strength: usize,
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
        let (asked, is_told) = (1 + usize::from(form.guided), pipeline.is_told_guidance());

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
            strength: place(1),
            length,
        };
        let places = Places { length, ..places };

        let held = adapter.map(|lora| Held::new(lora, &pipeline.unet, UNET, device));
        let (held, branches) = held.transpose()?.unzip();
        let unet = pipeline.unet.clone();
        let closure = move |inputs: Tensor<1>| {
            let part = |start: usize, length: usize| view(inputs.clone(), start, length);
            let guidance = part(places.guidance, 1);
            let predict = |unet: &UNet2DConditionModel, prompts: Range<usize>| {
                let batch = prompts.len();
                let latents = part(places.latents, size)
                    .reshape([1, channels, height, width])
                    .repeat_dim(0, batch)
                    .autodiff();
                let timesteps = part(places.timestep, 1).repeat_dim(0, batch).autodiff();
                let prompts = part(places.prompts, asked * tokens * embedding)
                    .reshape([asked, tokens, embedding])
                    .narrow(0, prompts.start, batch)
                    .autodiff();
                let predicted = match is_told {
                    true => {
                        let told = guidance.clone().autodiff();
                        unet.forward_guided(latents, timesteps, prompts, told)
                    }
                    false => unet.forward(latents, timesteps, prompts),
                };
                predicted.without_autodiff().reshape([batch, size])
            };
            let adapted = match &branches {
                Some(branches) => branches.on(&unet, &part(places.strength, 1)),
                None => unet.clone(),
            };
            if !form.guided {
                return predict(&adapted, 0..1).flatten::<1>(0, 1);
            }
            let [unconditional, conditional] = match form.from_base {
                true => [predict(&unet, 0..1), predict(&adapted, 1..2)],
                false => {
                    let both = predict(&adapted, 0..2);
                    [0, 1].map(|prompt: usize| both.clone().narrow(0, prompt, 1))
                }
            }
            .map(|predicted| predicted.flatten::<1>(0, 1));
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

    /// Sets what stays the same over the steps of a picture. Both prompts are as long as the form says. `strength` 0 is the
    /// base.
    pub fn set_picture(
        &mut self,
        negative: &[f32],
        prompt: &[f32],
        guidance_scale: f32,
        strength: f32,
    ) {
        let mut start = self.places.prompts;
        let prompts = [negative, prompt];
        for prompt in &prompts[usize::from(!self.form.guided)..] {
            self.inputs[start..start + prompt.len()].copy_from_slice(prompt);
            start += prompt.len();
        }
        self.inputs[self.places.guidance] = guidance_scale;
        let scale = self.adapter.as_ref().map_or(0.0, Held::scale);
        self.inputs[self.places.strength] = strength * scale;
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
