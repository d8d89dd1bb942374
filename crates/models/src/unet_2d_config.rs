use serde::Deserialize;

use crate::ModelError;
use crate::config::{self, PerBlock, Supported};

pub(crate) const MODEL: &str = "UNet2DConditionModel";

/// `unet/config.json`, as diffusers' `UNet2DConditionModel` writes it. What is left out has diffusers' default, which
/// is mostly SD 1.x's value.
///
/// Published ones: <https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5/blob/main/unet/config.json>,
/// <https://huggingface.co/stabilityai/stable-diffusion-2-1/blob/main/unet/config.json>,
/// <https://huggingface.co/stabilityai/sd-turbo/blob/main/unet/config.json>,
/// <https://huggingface.co/nota-ai/bk-sdm-small/blob/main/unet/config.json>,
/// <https://huggingface.co/segmind/tiny-sd/blob/main/unet/config.json>,
/// <https://huggingface.co/SimianLuo/LCM_Dreamshaper_v7/blob/main/unet/config.json>.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct UNet2DConditionConfig {
    /// Height and width of the latents that the model was trained at.
    pub sample_size: Option<PerBlock<usize>>,
    /// Channels of the latents that come in.
    pub in_channels: usize,
    /// Channels of the prediction.
    pub out_channels: usize,
    /// Whether the time embedding has the cosines first.
    pub flip_sin_to_cos: bool,
    /// What the denominator of the time embedding's exponents is reduced by.
    pub freq_shift: f64,
    /// Kinds of the blocks on the way down: with attention or without.
    pub down_block_types: Vec<DownBlockType>,
    /// Kind of the block at the bottom; null for none (BK-SDM).
    pub mid_block_type: Option<MidBlockType>,
    /// Kinds of the blocks on the way up.
    pub up_block_types: Vec<UpBlockType>,
    /// Channels of each block, in the order of the down blocks.
    pub block_out_channels: Vec<usize>,
    /// Residual blocks of each down block; the up blocks have one more.
    pub layers_per_block: PerBlock<usize>,
    /// Padding of the downsamplers; 0 means right and below only.
    pub downsample_padding: usize,
    /// Groups of every GroupNorm.
    pub norm_num_groups: usize,
    /// Epsilon of the residual blocks' and the last GroupNorm.
    pub norm_eps: f64,
    /// Width of the text embeddings.
    pub cross_attention_dim: usize,
    /// Transformer blocks of each attention.
    pub transformer_layers_per_block: PerBlock<usize>,
    /// The *number* of attention heads of each block: the name is a mistake that diffusers keeps for the sake of the
    /// many files that have it.
    pub attention_head_dim: PerBlock<usize>,
    /// Whether the attentions' `proj_in` and `proj_out` are linear layers rather than 1 x 1 convolutions.
    pub use_linear_projection: bool,
    /// Width of the time embedding; null for four times the first block's channels.
    pub time_embedding_dim: Option<usize>,
    /// Width of the embedding of the scale of guidance, of models into which guidance was distilled (latent
    /// consistency models).
    pub time_cond_proj_dim: Option<usize>,
}

/// Kinds of blocks on the way down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum DownBlockType {
    CrossAttnDownBlock2D,
    DownBlock2D,
}

/// Kinds of blocks at the bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum MidBlockType {
    UNetMidBlock2DCrossAttn,
}

/// Kinds of blocks on the way up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum UpBlockType {
    CrossAttnUpBlock2D,
    UpBlock2D,
}

impl Default for UNet2DConditionConfig {
    fn default() -> Self {
        use {DownBlockType::*, UpBlockType::*};
        Self {
            sample_size: None,
            in_channels: 4,
            out_channels: 4,
            flip_sin_to_cos: true,
            freq_shift: 0.0,
            down_block_types: vec![
                CrossAttnDownBlock2D,
                CrossAttnDownBlock2D,
                CrossAttnDownBlock2D,
                DownBlock2D,
            ],
            mid_block_type: Some(MidBlockType::UNetMidBlock2DCrossAttn),
            up_block_types: vec![
                UpBlock2D,
                CrossAttnUpBlock2D,
                CrossAttnUpBlock2D,
                CrossAttnUpBlock2D,
            ],
            block_out_channels: vec![320, 640, 1280, 1280],
            layers_per_block: PerBlock::Same(2),
            downsample_padding: 1,
            norm_num_groups: 32,
            norm_eps: 1e-5,
            cross_attention_dim: 1280,
            transformer_layers_per_block: PerBlock::Same(1),
            attention_head_dim: PerBlock::Same(8),
            use_linear_projection: false,
            time_embedding_dim: None,
            time_cond_proj_dim: None,
        }
    }
}

impl UNet2DConditionConfig {
    /// Reads a config.json. Fields that are neither above nor below are ignored.
    ///
    /// # Errors
    /// Not JSON; a model of another class; an option with a value that is not supported, by its name; numbers that
    /// make no network.
    pub fn from_json(json: &str) -> Result<Self, ModelError> {
        let class = supported("_class_name", &["\"UNet2DConditionModel\""]);
        let config: Self = config::read(json, MODEL, class, SUPPORTED)?;
        config.check()?;
        Ok(config)
    }

    /// Width of the time embedding.
    pub fn time_embed_dim(&self) -> usize {
        let first = self.block_out_channels.first().copied().unwrap_or_default();
        self.time_embedding_dim.unwrap_or(first.saturating_mul(4))
    }

    /// How many times the latents are halved on the way down.
    pub fn downsamplings(&self) -> usize {
        self.block_out_channels.len().saturating_sub(1)
    }

    fn check(&self) -> Result<(), ModelError> {
        let blocks = self.block_out_channels.len();
        let bad = |problem: String| {
            Err(ModelError::BadConfig {
                model: MODEL,
                problem,
            })
        };
        if blocks == 0 {
            return bad("it has no blocks".to_owned());
        }
        let kinds = [self.down_block_types.len(), self.up_block_types.len()];
        if kinds != [blocks, blocks] {
            return bad(format!(
                "it has {} down blocks and {} up blocks for {blocks} block_out_channels",
                kinds[0], kinds[1]
            ));
        }
        // Beyond any real model, and far from where sizes that are products of these would overflow on wasm32.
        let sizes = [
            self.in_channels,
            self.out_channels,
            self.cross_attention_dim,
            self.time_embed_dim(),
        ];
        let mut sizes = sizes.into_iter().chain(self.block_out_channels.clone());
        if let Some(size) = sizes.find(|size| !(1..=1 << 16).contains(size)) {
            return bad(format!("{size} is no number of channels"));
        }
        let condition = self.time_cond_proj_dim.unwrap_or(4);
        if !(4..=1 << 16).contains(&condition) || !condition.is_multiple_of(2) {
            return bad(format!("its time_cond_proj_dim is {condition}"));
        }
        if !self.block_out_channels[0].is_multiple_of(2) {
            return bad("the first of block_out_channels is odd".to_owned());
        }
        Ok(())
    }
}

const fn supported(option: &'static str, values: &'static [&'static str]) -> Supported {
    Supported { option, values }
}

/// The options that change what is computed, and the values at which they do not (or that are implemented). The
/// `upcast` flags and dropout are not among them: everything is f32 here, and nothing is dropped.
const SUPPORTED: &[Supported] = &[
    supported(
        "down_block_types",
        &["\"CrossAttnDownBlock2D\"", "\"DownBlock2D\""],
    ),
    supported(
        "up_block_types",
        &["\"CrossAttnUpBlock2D\"", "\"UpBlock2D\""],
    ),
    supported("mid_block_type", &["\"UNetMidBlock2DCrossAttn\"", "null"]),
    supported("act_fn", &["\"silu\"", "\"swish\""]),
    supported("addition_embed_type", &["null"]),
    supported("attention_type", &["\"default\""]),
    supported("center_input_sample", &["false"]),
    supported("class_embed_type", &["null"]),
    supported("class_embeddings_concat", &["false"]),
    supported("conv_in_kernel", &["3"]),
    supported("conv_out_kernel", &["3"]),
    supported("cross_attention_norm", &["null"]),
    supported("dual_cross_attention", &["false"]),
    supported("encoder_hid_dim", &["null"]),
    supported("encoder_hid_dim_type", &["null"]),
    supported("mid_block_only_cross_attention", &["null", "false"]),
    supported("mid_block_scale_factor", &["1"]),
    supported("num_attention_heads", &["null"]),
    supported("num_class_embeds", &["null"]),
    supported("only_cross_attention", &["false"]),
    supported("resnet_out_scale_factor", &["1"]),
    supported("resnet_skip_time_act", &["false"]),
    supported("resnet_time_scale_shift", &["\"default\""]),
    supported("reverse_transformer_layers_per_block", &["null"]),
    supported("time_embedding_act_fn", &["null"]),
    supported("time_embedding_type", &["\"positional\""]),
    supported("timestep_post_act", &["null"]),
];
