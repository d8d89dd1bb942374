//! Stable Diffusion's autoencoder between pictures and latents.

use burn::tensor::Tensor;
use serde::Deserialize;

use crate::ModelError;
use crate::autoencoder_kl_blocks::{Decoder, Encoder, Levels};
use crate::config::{self, Supported};
use crate::layers::{Conv2d, Geometry};
use crate::tensors::{Scope, TensorMap};
use crate::tiling::Tiles;

const MODEL: &str = "AutoencoderKL";

/// `vae/config.json`, as diffusers' `AutoencoderKL` writes it. What is left out has diffusers' default, other than
/// channels and layers, whose default is Stable Diffusion's.
///
/// The published one: <https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5/blob/main/vae/config.json>.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct AutoencoderKLConfig {
    /// Channels of the pictures that come in.
    pub in_channels: usize,
    /// Channels of the pictures that come out.
    pub out_channels: usize,
    /// Channels of each level, from the finest.
    pub block_out_channels: Vec<usize>,
    /// Residual blocks of each of the encoder's levels; the decoder's have one more.
    pub layers_per_block: usize,
    /// Channels of the latents.
    pub latent_channels: usize,
    /// Groups of every GroupNorm.
    pub norm_num_groups: usize,
    /// Whether a 1 x 1 convolution follows the encoder.
    pub use_quant_conv: bool,
    /// Whether a 1 x 1 convolution comes before the decoder.
    pub use_post_quant_conv: bool,
    /// Whether the middle of either half has attention.
    pub mid_block_add_attention: bool,
    /// What the latents are multiplied by for the diffusion model, and divided by before they are decoded. That is
    /// the caller's part: [`AutoencoderKL`] gives and takes raw latents.
    pub scaling_factor: f64,
    /// What is subtracted from the latents before they are scaled. The caller's part too.
    pub shift_factor: Option<f64>,
}

impl Default for AutoencoderKLConfig {
    fn default() -> Self {
        Self {
            in_channels: 3,
            out_channels: 3,
            block_out_channels: vec![128, 256, 512, 512],
            layers_per_block: 2,
            latent_channels: 4,
            norm_num_groups: 32,
            use_quant_conv: true,
            use_post_quant_conv: true,
            mid_block_add_attention: true,
            scaling_factor: 0.18215,
            shift_factor: None,
        }
    }
}

impl AutoencoderKLConfig {
    /// Reads a config.json. Options that are not above are ignored, other than those that would change the result.
    ///
    /// # Errors
    /// Not JSON; a model of another class; an option with a value that is not supported, by its name; numbers that
    /// make no network.
    pub fn from_json(json: &str) -> Result<Self, ModelError> {
        let supported = |option, values| Supported { option, values };
        let class = supported("_class_name", &["\"AutoencoderKL\""]);
        let options = [
            supported("act_fn", &["\"silu\"", "\"swish\""]),
            supported("down_block_types", &["\"DownEncoderBlock2D\""]),
            supported("up_block_types", &["\"UpDecoderBlock2D\""]),
            supported("latents_mean", &["null"]),
            supported("latents_std", &["null"]),
        ];
        let config: Self = config::read(json, MODEL, class, &options)?;
        config.check()?;
        Ok(config)
    }

    /// How many pixels (in each direction) one latent stands for.
    pub fn pixels_per_latent(&self) -> usize {
        1 << self.block_out_channels.len().saturating_sub(1)
    }

    fn check(&self) -> Result<(), ModelError> {
        let bad = |problem| {
            Err(ModelError::BadConfig {
                model: MODEL,
                problem,
            })
        };
        let (levels, groups) = (self.block_out_channels.len(), self.norm_num_groups);
        if !(1..=8).contains(&levels) {
            return bad(format!("it has {levels} levels"));
        }
        // Beyond any real model, and far from where products of these would overflow on wasm32.
        let sizes = [self.in_channels, self.out_channels, self.latent_channels];
        let mut sizes = sizes.into_iter().chain(self.block_out_channels.clone());
        if let Some(size) = sizes.find(|size| !(1..=1 << 14).contains(size)) {
            return bad(format!("{size} is no number of channels"));
        }
        let uneven = |channels: &&usize| groups == 0 || !channels.is_multiple_of(groups);
        if let Some(channels) = self.block_out_channels.iter().find(uneven) {
            return bad(format!(
                "{channels} channels do not part into {groups} groups"
            ));
        }
        if !(self.scaling_factor.is_finite() && self.scaling_factor > 0.0) {
            return bad(format!("its scaling_factor is {}", self.scaling_factor));
        }
        Ok(())
    }
}

/// diffusers' `AutoencoderKL` (Kingma and Welling, <https://arxiv.org/abs/1312.6114>; Rombach et al.,
/// <https://arxiv.org/abs/2112.10752>).
#[derive(Debug, Clone)]
pub struct AutoencoderKL {
    config: AutoencoderKLConfig,
    encoder: Encoder,
    quant_conv: Option<Conv2d>,
    post_quant_conv: Option<Conv2d>,
    decoder: Decoder,
}

impl AutoencoderKL {
    /// Builds the model that `config` describes from `tensors`, on whatever device they are. The attention's tensors
    /// may have the names they had before diffusers 0.18.
    ///
    /// # Errors
    /// A tensor that is missing, has another shape, or is left over.
    pub fn load(config: AutoencoderKLConfig, mut tensors: TensorMap) -> Result<Self, ModelError> {
        tensors.rename(todays_name)?;
        let mut scope = Scope::root(&mut tensors);
        let levels = Levels {
            channels: &config.block_out_channels,
            layers: config.layers_per_block,
            groups: config.norm_num_groups,
            attends: config.mid_block_add_attention,
        };
        let latents = config.latent_channels;
        let (inputs, outputs) = (config.in_channels, config.out_channels);
        let encoder = Encoder::load(&mut scope.child("encoder"), levels, inputs, 2 * latents)?;
        let decoder = Decoder::load(&mut scope.child("decoder"), levels, latents, outputs)?;
        let mut pointwise = |used: bool, name, channels| {
            let mut scope = scope.child(name);
            let load = || Conv2d::load(&mut scope, channels, channels, Geometry::POINTWISE);
            used.then(load).transpose()
        };
        let quant_conv = pointwise(config.use_quant_conv, "quant_conv", 2 * latents)?;
        let post_quant_conv = pointwise(config.use_post_quant_conv, "post_quant_conv", latents)?;
        tensors.finish(|_| false)?;
        Ok(Self {
            config,
            encoder,
            quant_conv,
            post_quant_conv,
            decoder,
        })
    }

    pub fn config(&self) -> &AutoencoderKLConfig {
        &self.config
    }

    /// Pictures in [-1, 1] to raw latents: the mean of what the encoder says they may be, whose deviation is a
    /// hundredth of theirs.
    ///
    /// [batch, in_channels, height, width] -> [batch, latent_channels, height / 8, width / 8] (for four levels)
    pub fn encode(&self, images: Tensor<4>) -> Tensor<4> {
        let moments = self.encoder.forward(images.permute([0, 2, 3, 1]));
        let moments = match &self.quant_conv {
            Some(conv) => conv.forward(moments),
            None => moments,
        };
        let mean = moments.narrow(3, 0, self.config.latent_channels);
        mean.permute([0, 3, 1, 2])
    }

    /// Raw latents to pictures, about in [-1, 1] (not clamped).
    ///
    /// [batch, latent_channels, height, width] -> [batch, out_channels, 8 * height, 8 * width] (for four levels)
    pub fn decode(&self, latents: Tensor<4>) -> Tensor<4> {
        let latents = latents.permute([0, 2, 3, 1]);
        let latents = match &self.post_quant_conv {
            Some(conv) => conv.forward(latents),
            None => latents,
        };
        self.decoder.forward(latents).permute([0, 3, 1, 2])
    }

    /// As [`encode`](Self::encode), in tiles of `side` latents, which changes the result a little.
    pub fn encode_tiled(&self, images: Tensor<4>, side: usize) -> Tensor<4> {
        let tiles = Tiles::new(side * self.config.pixels_per_latent(), side);
        tiles.map(images, |tile| self.encode(tile))
    }

    /// As [`decode`](Self::decode), in tiles of `side` latents, which changes the result a little.
    pub fn decode_tiled(&self, latents: Tensor<4>, side: usize) -> Tensor<4> {
        let tiles = Tiles::new(side, side * self.config.pixels_per_latent());
        tiles.map(latents, |tile| self.decode(tile))
    }
}

/// The name since diffusers 0.18 of a tensor of the middle's attention that has an older one.
fn todays_name(name: &str) -> Option<String> {
    let (path, parameter) = name.rsplit_once('.')?;
    let (path, layer) = path.rsplit_once('.')?;
    if !path.ends_with("mid_block.attentions.0") {
        return None;
    }
    let today = match layer {
        "query" => "to_q",
        "key" => "to_k",
        "value" => "to_v",
        "proj_attn" => "to_out.0",
        _ => return None,
    };
    Some(format!("{path}.{today}.{parameter}"))
}

#[cfg(test)]
mod tests {
    use super::todays_name;

    #[test]
    fn older_names_are_known() {
        let name = |layer| format!("decoder.mid_block.attentions.0.{layer}.weight");
        for (before, today) in [
            ("query", "to_q"),
            ("key", "to_k"),
            ("value", "to_v"),
            ("proj_attn", "to_out.0"),
        ] {
            assert_eq!(todays_name(&name(before)), Some(name(today)));
        }
        assert_eq!(todays_name(&name("to_q")), None);
        assert_eq!(todays_name("encoder.query.weight"), None);
    }
}
