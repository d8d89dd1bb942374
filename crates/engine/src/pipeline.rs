//! A model loaded onto the device: the parts of a diffusers folder.

use atelier_diffusion::{NoiseSchedule, SchedulerConfig};
use atelier_models::{
    AutoencoderTiny, AutoencoderTinyConfig, BertConfig, BertModel, ModelError, PerBlock, TensorMap,
    UNet2DConditionConfig, UNet2DConditionModel,
};
use atelier_text::Tokenizer;
use atelier_weights::{Decoder, Limits, Pipeline as ModelIndex, to_f32};
use burn::tensor::Device;
use serde::Deserialize;

use crate::{error::EngineError, hash::Hash, source::Source};

/// The parts, ready to run.
pub struct Pipeline {
    pub name: String,
    pub unet: UNet2DConditionModel,
    pub vae: AutoencoderTiny,
    pub text_encoder: BertModel,
    pub tokenizer: Tokenizer,
    /// Tokens of a prompt that are looked at.
    pub max_tokens: usize,
    /// Width of a token's embedding.
    pub embedding: usize,
    pub schedule: NoiseSchedule,
    /// Parameters of the UNet.
    pub parameters: u64,
    /// Hash of the UNet's tensors, in the order of their file.
    pub hash: String,
    /// Side of the latents.
    side: usize,
}

/// Largest JSON file that is read. tokenizer.json is the largest of them.
const JSON_LIMIT: u64 = 16 << 20;

/// What of `tokenizer_config.json` matters here.
#[derive(Deserialize)]
struct TokenizerConfig {
    model_max_length: usize,
}

impl Pipeline {
    /// Loads the folder. `progress` is called with bytes read and the file's share known so far.
    ///
    /// # Errors
    /// Names the file that is missing, broken or of a kind the engine does not know.
    pub async fn load(
        source: &impl Source,
        device: &Device,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Self, EngineError> {
        let index_path = "model_index.json";
        let index = ModelIndex::parse(&source.read(index_path, JSON_LIMIT).await?)
            .map_err(|error| weights(index_path, error))?;
        for (part, expected) in [
            ("unet", "UNet2DConditionModel"),
            ("vae", "AutoencoderTiny"),
            ("text_encoder", "BertModel"),
        ] {
            let class = index.class_of(part).unwrap_or("part that is missing");
            if class != expected {
                return Err(EngineError::Class {
                    part,
                    class: class.into(),
                    expected,
                });
            }
        }
        let unet_config =
            json(source, "unet/config.json", UNet2DConditionConfig::from_json).await?;
        let side = match &unet_config.sample_size {
            Some(PerBlock::Same(side)) => *side,
            Some(PerBlock::Each(sides)) if sides.len() == 2 && sides[0] == sides[1] => sides[0],
            _ => {
                return Err(EngineError::Config {
                    path: "unet/config.json".into(),
                    reason: "It does not say which size of square pictures the model makes \
                        (sample_size). Choose another model."
                        .into(),
                });
            }
        };
        let vae_config = json(source, "vae/config.json", AutoencoderTinyConfig::from_json).await?;
        let text_config = json(source, "text_encoder/config.json", BertConfig::from_json).await?;
        let scheduler = json(
            source,
            "scheduler/scheduler_config.json",
            SchedulerConfig::from_json,
        )
        .await?;
        let tokenizer_config: TokenizerConfig =
            json(source, "tokenizer/tokenizer_config.json", |text| {
                serde_json::from_str(text)
            })
            .await?;
        let tokenizer = json(source, "tokenizer/tokenizer.json", Tokenizer::from_json).await?;

        // The lengths of files that have not been opened are not known, so the total grows.
        let mut before = 0;
        let mut load = async |path: &'static str, device: &Device, hash: Option<&mut Hash>| {
            let mut file = 0;
            let tensors = tensors(source, path, device, hash, |done, total| {
                file = total;
                progress(before + done, before + total);
            })
            .await;
            before += file;
            tensors
        };

        // The UNet stands on the autodiff side, where gradients of adapters pass through it. Its own
        // weights are not tracked.
        let train = device.clone().autodiff();
        let mut hash = Hash::default();
        let path = "unet/diffusion_pytorch_model.safetensors";
        let (map, parameters) = load(path, &train, Some(&mut hash)).await?;
        let unet =
            UNet2DConditionModel::load(unet_config, map).map_err(|error| model(path, error))?;
        let path = "vae/diffusion_pytorch_model.safetensors";
        let (map, _) = load(path, device, None).await?;
        let vae = AutoencoderTiny::load(vae_config, map).map_err(|error| model(path, error))?;
        let path = "text_encoder/model.safetensors";
        let (map, _) = load(path, device, None).await?;
        let text_encoder = BertModel::load(text_config, map).map_err(|error| model(path, error))?;

        Ok(Self {
            name: index
                .options
                .get("name")
                .and_then(|name| name.as_str())
                .unwrap_or("Sketch")
                .to_string(),
            max_tokens: tokenizer_config
                .model_max_length
                .clamp(2, text_encoder.config().max_position_embeddings),
            embedding: text_encoder.config().hidden_size,
            unet,
            vae,
            text_encoder,
            tokenizer,
            schedule: NoiseSchedule::new(&scheduler)?,
            parameters,
            hash: hash.finish(),
            side,
        })
    }

    /// Shape of one picture's latents: channels, height, width.
    pub fn latents(&self) -> [usize; 3] {
        let config = self.unet.config();
        [config.in_channels, self.side, self.side]
    }

    /// Side of the pictures, in pixels.
    pub fn resolution(&self) -> usize {
        self.latents()[1] * self.vae.config().pixels_per_latent()
    }
}

async fn json<T, E: std::fmt::Display>(
    source: &impl Source,
    path: &str,
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<T, EngineError> {
    let text = String::from_utf8_lossy(&source.read(path, JSON_LIMIT).await?).into_owned();
    read(&text).map_err(|error| EngineError::Config {
        path: path.into(),
        reason: error.to_string(),
    })
}

async fn tensors(
    source: &impl Source,
    path: &str,
    device: &Device,
    mut hash: Option<&mut Hash>,
    mut progress: impl FnMut(u64, u64),
) -> Result<(TensorMap, u64), EngineError> {
    let mut decoder = Decoder::new(Limits::BASE);
    let mut map = TensorMap::new();
    let mut parameters = 0;
    source
        .stream(path, &mut |piece, length| {
            decoder.push(piece, &mut |info, bytes| {
                if let Some(hash) = &mut hash {
                    hash.push(&bytes);
                }
                let values = to_f32(info.dtype, &bytes).map_err(|error| weights(path, error))?;
                parameters += values.len() as u64;
                map.insert(&info.name, &info.shape, values, device)
                    .map_err(|error| model(path, error))
            })?;
            let received = decoder.received();
            progress(received, length.unwrap_or(received));
            Ok(())
        })
        .await?;
    decoder.finish().map_err(|error| weights(path, error))?;
    Ok((map, parameters))
}

fn weights(path: &str, error: atelier_weights::WeightsError) -> EngineError {
    EngineError::Weights {
        path: path.into(),
        error,
    }
}

fn model(path: &str, error: ModelError) -> EngineError {
    EngineError::Model {
        path: path.into(),
        error,
    }
}
