//! The text encoder and both halves of the autoencoder, recorded.

use atelier_kernels::{KernelError, Recorded, VIEW_ALIGNMENT, view};
use burn::tensor::{Device, Int, Tensor};

use crate::{error::EngineError, pipeline::Pipeline};

/// Prompts to embeddings.
pub struct TextEncoder {
    recorded: Recorded,
    max_tokens: usize,
}

/// A prompt as the UNet takes it.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// `[tokens, width]`, flat.
    pub embedding: Vec<f32>,
    /// Whether the end of the prompt was left out.
    pub truncated: bool,
}

impl TextEncoder {
    pub async fn record(pipeline: &Pipeline, device: &Device) -> Result<Self, KernelError> {
        let tokens = pipeline.max_tokens;
        let second = tokens.next_multiple_of(VIEW_ALIGNMENT);
        let bert = pipeline.text_encoder.clone();
        // Token numbers travel as f32, which holds them exactly up to 2^24.
        let recorded = Recorded::new(device, &vec![0.0; 2 * second], move |inputs| {
            let ids: Tensor<2, Int> = view(inputs.clone(), 0, tokens).int().reshape([1, tokens]);
            let mask = view(inputs, second, tokens).reshape([1, tokens]);
            // The UNet was trained with nothing after a text's last token.
            let states = bert.forward(ids, mask.clone());
            (states * mask.reshape([1, tokens, 1])).flatten(0, 2)
        })
        .await?;
        Ok(Self {
            recorded,
            max_tokens: tokens,
        })
    }

    pub async fn encode(&mut self, pipeline: &Pipeline, text: &str) -> Result<Prompt, EngineError> {
        let tokens = pipeline.tokenizer.encode(text, self.max_tokens);
        let second = self.max_tokens.next_multiple_of(VIEW_ALIGNMENT);
        let mut inputs = vec![0.0; 2 * second];
        for (i, (&id, &mask)) in tokens.ids.iter().zip(&tokens.mask).enumerate() {
            inputs[i] = id as f32;
            inputs[second + i] = mask;
        }
        Ok(Prompt {
            embedding: self.recorded.run_and_read(&inputs).await?,
            truncated: tokens.truncated,
        })
    }
}

/// Pictures to latents.
pub struct ImageEncoder(Recorded);

impl ImageEncoder {
    pub async fn record(pipeline: &Pipeline, device: &Device) -> Result<Self, KernelError> {
        let side = pipeline.resolution();
        let vae = pipeline.vae.clone();
        let recorded = Recorded::new(device, &vec![0.0; 3 * side * side], move |inputs| {
            let latents = vae.encode(inputs.reshape([1, 3, side, side]));
            (latents * vae.config().scaling_factor).flatten(0, 3)
        })
        .await?;
        Ok(Self(recorded))
    }

    /// `image` is `[3, side, side]` in -1 to 1; latents come scaled as the UNet takes them.
    pub async fn encode(&mut self, image: &[f32]) -> Result<Vec<f32>, KernelError> {
        self.0.run_and_read(image).await
    }
}

/// Latents to pictures.
pub struct ImageDecoder(Recorded);

impl ImageDecoder {
    pub async fn record(pipeline: &Pipeline, device: &Device) -> Result<Self, KernelError> {
        let [channels, height, width] = pipeline.latents();
        let vae = pipeline.vae.clone();
        let recorded = Recorded::new(
            device,
            &vec![0.0; channels * height * width],
            move |inputs| {
                let latents =
                    inputs.reshape([1, channels, height, width]) / vae.config().scaling_factor;
                vae.decode(latents).flatten(0, 3)
            },
        )
        .await?;
        Ok(Self(recorded))
    }

    /// Scaled latents to `[3, side, side]` in -1 to 1.
    pub async fn decode(&mut self, latents: &[f32]) -> Result<Vec<f32>, KernelError> {
        self.0.run_and_read(latents).await
    }
}
