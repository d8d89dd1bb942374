//! The text encoder and both halves of the autoencoder, ready to be asked again and again.

use atelier_adapter::{Lora, TEXT_ENCODER};
use atelier_kernels::{KernelError, Recorded, VIEW_ALIGNMENT, upload, view};
use atelier_models::Autoencoder;
use atelier_text::{Chunk, ClipTokenizer};
use burn::tensor::{Device, Int, Tensor};

use crate::{
    error::EngineError,
    held::{Branches, Held},
    pipeline::{Pipeline, Text},
};

/// Prompts to embeddings. Holds an adapter whose values can be exchanged.
pub struct TextEncoder {
    recorded: Recorded,
    device: Device,
    max_tokens: usize,
    /// Layers left out at the end, as the recording has it.
    clip_skip: u32,
    adapter: Option<(Held, Branches)>,
    /// Strength of the adapter times its scale.
    scale: f32,
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
    /// Records the text encoder of `pipeline` with the branches that `adapter` has for it.
    pub async fn record(
        pipeline: &Pipeline,
        adapter: Option<&Lora>,
        device: &Device,
    ) -> Result<Self, EngineError> {
        let adapter = match (&pipeline.text, adapter.filter(|lora| reads(lora))) {
            (Text::Clip(clip, _), Some(lora)) => Some(Held::new(lora, clip, TEXT_ENCODER, device)?),
            _ => None,
        };
        let branches = adapter.as_ref().map(|(_, branches)| branches.clone());
        Ok(Self {
            recorded: record_text(pipeline, device, 0, branches).await?,
            device: device.clone(),
            max_tokens: pipeline.max_tokens,
            clip_skip: 0,
            adapter,
            scale: 0.0,
        })
    }

    /// Whether prompts can be read with `adapter` in the place of the one it was recorded with; without one, as with any.
    pub fn takes(&self, adapter: Option<&Lora>) -> bool {
        match (&self.adapter, adapter.filter(|lora| reads(lora))) {
            (_, None) => true,
            (Some((held, _)), Some(lora)) => held.takes(lora),
            (None, Some(_)) => false,
        }
    }

    /// Puts an adapter that it [`takes`](Self::takes) in place, to be used so strongly; none is the base.
    pub fn set_adapter(&mut self, adapter: Option<&Lora>, strength: f32) {
        self.scale = 0.0;
        if let (Some((held, _)), Some(lora)) = (&mut self.adapter, adapter) {
            held.set(lora, &self.device);
            if held.takes(lora) {
                self.scale = strength * held.scale();
            }
        }
    }

    /// One text as it stands, cut where the encoder's tokens end.
    pub async fn encode(&mut self, pipeline: &Pipeline, text: &str) -> Result<Prompt, EngineError> {
        self.skip(pipeline, 0).await?;
        let tokens = pipeline.text.tokens(text, self.max_tokens);
        Ok(Prompt {
            embedding: self.states(pipeline, &tokens.ids, &tokens.mask).await?,
            truncated: tokens.truncated,
        })
    }

    /// Prompts of any length with A1111's weights, the shorter of the two filled up with empty chunks. `clip_skip` layers
    /// are left out at the end of the encoder.
    pub async fn encode_chunks(
        &mut self,
        pipeline: &Pipeline,
        tokenizer: &ClipTokenizer,
        [prompt, negative]: [&str; 2],
        clip_skip: u32,
    ) -> Result<[Prompt; 2], EngineError> {
        self.skip(pipeline, clip_skip).await?;
        let mut prompt = tokenizer.chunks(prompt)?;
        let mut negative = tokenizer.chunks(negative)?;
        tokenizer.level(&mut prompt, &mut negative);
        Ok([
            self.concatenated(pipeline, &prompt).await?,
            self.concatenated(pipeline, &negative).await?,
        ])
    }

    async fn concatenated(
        &mut self,
        pipeline: &Pipeline,
        chunks: &[Chunk],
    ) -> Result<Prompt, EngineError> {
        let mut embedding = Vec::new();
        for chunk in chunks {
            let mask = vec![1.0; chunk.ids.len()];
            let mut states = self.states(pipeline, &chunk.ids, &mask).await?;
            if chunk.is_weighted() {
                weigh(&mut states, &chunk.weights);
            }
            embedding.extend(states);
        }
        Ok(Prompt {
            embedding,
            truncated: false,
        })
    }

    async fn states(
        &mut self,
        pipeline: &Pipeline,
        ids: &[i32],
        mask: &[f32],
    ) -> Result<Vec<f32>, EngineError> {
        let second = self.max_tokens.next_multiple_of(VIEW_ALIGNMENT);
        let mut inputs = vec![0.0; 2 * second + VIEW_ALIGNMENT];
        inputs[2 * second] = self.scale;
        let numbers = numbers(&pipeline.text, ids)?;
        for (i, (number, &mask)) in numbers.into_iter().zip(mask).enumerate() {
            inputs[i] = number;
            inputs[second + i] = mask;
        }
        Ok(self.recorded.run_and_read(&inputs).await?)
    }

    async fn skip(&mut self, pipeline: &Pipeline, clip_skip: u32) -> Result<(), KernelError> {
        if self.clip_skip != clip_skip {
            let branches = self.adapter.as_ref().map(|(_, branches)| branches.clone());
            self.recorded = record_text(pipeline, &self.device, clip_skip, branches).await?;
            self.clip_skip = clip_skip;
        }
        Ok(())
    }
}

/// Tokens as they travel: as f32, which holds them exactly up to 2^24.
///
/// # Errors
/// When there is one that the text encoder does not know.
pub(crate) fn numbers(text: &Text, ids: &[i32]) -> Result<Vec<f32>, EngineError> {
    let vocabulary = text.vocabulary();
    if ids.iter().any(|&id| id < 0 || id as usize >= vocabulary) {
        return Err(EngineError::Config {
            path: "tokenizer".into(),
            reason: "It has tokens that the text encoder does not know. Get the model again from \
                     where it was published."
                .into(),
        });
    }
    Ok(ids.iter().map(|&id| id as f32).collect())
}

/// Whether an adapter changes how prompts are read.
fn reads(lora: &Lora) -> bool {
    lora.layout.slots_in(TEXT_ENCODER).next().is_some()
}

async fn record_text(
    pipeline: &Pipeline,
    device: &Device,
    clip_skip: u32,
    branches: Option<Branches>,
) -> Result<Recorded, KernelError> {
    let tokens = pipeline.max_tokens;
    let second = tokens.next_multiple_of(VIEW_ALIGNMENT);
    // Token numbers, which of them there are, and the adapter's scale.
    let example = vec![0.0; 2 * second + VIEW_ALIGNMENT];
    match &pipeline.text {
        Text::Bert(bert, _) => {
            let bert = bert.clone();
            let ids = move |inputs: Tensor<1>| -> Tensor<2, Int> {
                view(inputs, 0, tokens).int().reshape([1, tokens])
            };
            Recorded::new(device, &example, move |inputs| {
                let mask = view(inputs.clone(), second, tokens).reshape([1, tokens]);
                // The UNet was trained with nothing after a text's last token.
                let states = bert.forward(ids(inputs), mask.clone());
                (states * mask.reshape([1, tokens, 1])).flatten(0, 2)
            })
            .await
        }
        Text::Clip(clip, _) => {
            let (clip, skip) = (clip.clone(), clip_skip as usize);
            Recorded::new(device, &example, move |inputs| {
                // It stands on the autodiff side, as the UNet does.
                let numbers = view(inputs.clone(), 0, tokens).autodiff();
                let numbers = numbers.int().reshape([1, tokens]);
                let clip = match &branches {
                    Some(branches) => branches.on(&clip, &view(inputs, 2 * second, 1)),
                    None => clip.clone(),
                };
                let states = clip.forward(numbers, skip).without_autodiff();
                states.flatten(0, 2)
            })
            .await
        }
    }
}

/// Multiplies each token's embedding by its weight, and all by what brings their mean back to where it was.
fn weigh(states: &mut [f32], weights: &[f32]) {
    let mean = |states: &[f32]| states.iter().map(|&x| f64::from(x)).sum::<f64>();
    let before = mean(states);
    let width = states.len() / weights.len().max(1);
    for (state, &weight) in states.chunks_mut(width.max(1)).zip(weights) {
        state.iter_mut().for_each(|x| *x *= weight);
    }
    let back = before / mean(states);
    // All weights 0 leave no mean to bring back.
    if back.is_finite() {
        states
            .iter_mut()
            .for_each(|x| *x = (f64::from(*x) * back) as f32);
    }
}

/// One half of the autoencoder.
enum Half {
    Recorded(Box<Recorded>),
    /// Run each time: Stable Diffusion's has so much to compute that starting it costs little beside, and a recording,
    /// which runs five times before the first result, would cost more than it saves and keep a gigabyte.
    Eager {
        device: Device,
        run: Box<dyn Fn(Tensor<1>) -> Tensor<1>>,
        inputs: usize,
    },
}

impl Half {
    async fn new(
        pipeline: &Pipeline,
        device: &Device,
        inputs: usize,
        run: impl Fn(Tensor<1>) -> Tensor<1> + 'static,
    ) -> Result<Self, KernelError> {
        Ok(match pipeline.vae {
            Autoencoder::Tiny(_) => {
                let recorded = Recorded::new(device, &vec![0.0; inputs], run).await?;
                Self::Recorded(Box::new(recorded))
            }
            Autoencoder::Kl(_) => Self::Eager {
                device: device.clone(),
                run: Box::new(run),
                inputs,
            },
        })
    }

    async fn run(&mut self, inputs: &[f32]) -> Result<Vec<f32>, KernelError> {
        match self {
            Self::Recorded(recorded) => recorded.run_and_read(inputs).await,
            Self::Eager {
                inputs: expected, ..
            } if inputs.len() != *expected => Err(KernelError::Inputs {
                expected: *expected,
                found: inputs.len(),
            }),
            Self::Eager { device, run, .. } => {
                let data = run(upload(inputs, device)).into_data_async().await?;
                Ok(data.iter::<f32>().collect())
            }
        }
    }
}

/// Pictures to latents.
pub struct ImageEncoder(Half);

impl ImageEncoder {
    /// For pictures of this height and width.
    pub async fn record(
        pipeline: &Pipeline,
        [height, width]: [usize; 2],
        device: &Device,
    ) -> Result<Self, KernelError> {
        let vae = pipeline.vae.clone();
        let half = Half::new(pipeline, device, 3 * height * width, move |inputs| {
            let image = inputs.reshape([1, 3, height, width]);
            vae.encode(image).flatten(0, 3)
        });
        Ok(Self(half.await?))
    }

    /// `image` is `[3, height, width]` in -1 to 1; latents come scaled as the UNet takes them.
    pub async fn encode(&mut self, image: &[f32]) -> Result<Vec<f32>, KernelError> {
        self.0.run(image).await
    }
}

/// Latents to pictures.
pub struct ImageDecoder(Half);

impl ImageDecoder {
    pub async fn record(pipeline: &Pipeline, device: &Device) -> Result<Self, KernelError> {
        let [channels, height, width] = pipeline.latents();
        let vae = pipeline.vae.clone();
        let half = Half::new(pipeline, device, channels * height * width, move |inputs| {
            let latents = inputs.reshape([1, channels, height, width]);
            vae.decode(latents).flatten(0, 3)
        });
        Ok(Self(half.await?))
    }

    /// Scaled latents to `[3, side, side]` in -1 to 1.
    ///
    /// # Errors
    /// When the device fails, or a value is no number.
    pub async fn decode(&mut self, latents: &[f32]) -> Result<Vec<f32>, EngineError> {
        let image = self.0.run(latents).await?;
        match image.iter().all(|value| value.is_finite()) {
            true => Ok(image),
            false => Err(EngineError::NoPicture),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::weigh;

    #[test]
    fn weights_keep_the_mean() {
        let mut states = vec![1.0, 2.0, 3.0, 4.0];
        weigh(&mut states, &[1.0, 2.0]);
        // 1, 2, 6, 8 have a sum of 17 for 10.
        let expected = [1.0, 2.0, 6.0, 8.0].map(|x| x * 10.0 / 17.0);
        for (found, expected) in states.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6);
        }
        weigh(&mut states, &[0.0, 0.0]);
        assert_eq!(states, [0.0; 4]);
    }
}
