//! Either of the autoencoders, by the class that config.json names.

use burn::tensor::Tensor;
use serde::Deserialize;

use crate::{
    AutoencoderKL, AutoencoderKLConfig, AutoencoderTiny, AutoencoderTinyConfig, ModelError,
    TensorMap,
};

/// Latents (in each direction) beyond which [`AutoencoderKL`] works in tiles of as many: the activations of one take
/// about 1 GB. diffusers' autoencoders have the same number, made of their `sample_size` of 512 pixels.
const TILE: usize = 64;

/// `vae/config.json`.
#[derive(Debug, Clone, PartialEq)]
pub enum AutoencoderConfig {
    Kl(AutoencoderKLConfig),
    Tiny(AutoencoderTinyConfig),
}

impl AutoencoderConfig {
    /// Reads a config.json, that of an [`AutoencoderKL`] unless it names [`AutoencoderTiny`].
    ///
    /// # Errors
    /// As both models' own.
    pub fn from_json(json: &str) -> Result<Self, ModelError> {
        #[derive(Deserialize)]
        struct Class {
            #[serde(rename = "_class_name")]
            name: Option<String>,
        }
        // What is no JSON at all is for the models' own readers to say.
        let class = serde_json::from_str::<Class>(json).ok();
        match class.and_then(|class| class.name).as_deref() {
            Some("AutoencoderTiny") => AutoencoderTinyConfig::from_json(json).map(Self::Tiny),
            _ => AutoencoderKLConfig::from_json(json).map(Self::Kl),
        }
    }

    /// Channels of the latents.
    pub fn latent_channels(&self) -> usize {
        match self {
            Self::Kl(config) => config.latent_channels,
            Self::Tiny(config) => config.latent_channels,
        }
    }

    /// How many pixels (in each direction) one latent stands for.
    pub fn pixels_per_latent(&self) -> usize {
        match self {
            Self::Kl(config) => config.pixels_per_latent(),
            Self::Tiny(config) => config.pixels_per_latent(),
        }
    }
}

/// An autoencoder whose latents are scaled as the diffusion model takes and gives them.
#[derive(Debug, Clone)]
pub enum Autoencoder {
    Kl(Box<AutoencoderKL>),
    Tiny(AutoencoderTiny),
}

impl Autoencoder {
    /// Builds the model that `config` describes from `tensors`, on whatever device they are.
    ///
    /// # Errors
    /// A tensor that is missing, has another shape, or is left over.
    pub fn load(config: AutoencoderConfig, tensors: TensorMap) -> Result<Self, ModelError> {
        Ok(match config {
            AutoencoderConfig::Kl(config) => {
                Self::Kl(Box::new(AutoencoderKL::load(config, tensors)?))
            }
            AutoencoderConfig::Tiny(config) => Self::Tiny(AutoencoderTiny::load(config, tensors)?),
        })
    }

    /// How many pixels (in each direction) one latent stands for.
    pub fn pixels_per_latent(&self) -> usize {
        match self {
            Self::Kl(model) => model.config().pixels_per_latent(),
            Self::Tiny(model) => model.config().pixels_per_latent(),
        }
    }

    /// Pictures in [-1, 1] to latents.
    ///
    /// [batch, in_channels, height, width] -> [batch, latent_channels, height / 8, width / 8] (for four levels)
    pub fn encode(&self, images: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = images.dims();
        let raw = match self {
            Self::Kl(model) if height.max(width) > TILE * model.config().pixels_per_latent() => {
                model.encode_tiled(images, TILE)
            }
            Self::Kl(model) => model.encode(images),
            Self::Tiny(model) => model.encode(images),
        };
        let (scale, shift) = self.scaling();
        (raw - shift) * scale
    }

    /// Latents to pictures, about in [-1, 1] (not clamped).
    ///
    /// [batch, latent_channels, height, width] -> [batch, out_channels, 8 * height, 8 * width] (for four levels)
    pub fn decode(&self, latents: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = latents.dims();
        let (scale, shift) = self.scaling();
        let raw = latents / scale + shift;
        match self {
            Self::Kl(model) if height.max(width) > TILE => model.decode_tiled(raw, TILE),
            Self::Kl(model) => model.decode(raw),
            Self::Tiny(model) => model.decode(raw),
        }
    }

    /// `scaling_factor` and `shift_factor`.
    fn scaling(&self) -> (f64, f64) {
        match self {
            Self::Kl(model) => {
                let config = model.config();
                (config.scaling_factor, config.shift_factor.unwrap_or(0.0))
            }
            Self::Tiny(model) => {
                let config = model.config();
                (config.scaling_factor, config.shift_factor)
            }
        }
    }
}
