//! The networks, named and configured as diffusers and transformers name and configure them: a `config.json` and
//! tensors by their published names make [`UNet2DConditionModel`], [`AutoencoderKL`], [`AutoencoderTiny`],
//! [`CLIPTextModel`] or [`BertModel`].
//!
//! Start with [`unet_2d_condition`] and follow it down: `unet_2d_blocks`, `resnet`, `transformer_2d`, `attention`,
//! then `layers`. [`TensorMap`] is how weights come in; [`adapt`] is how LoRA branches are put on. A model holds
//! tensors and nothing else: it knows no schedule, no optimizer and no file. Every `forward` runs on the device
//! alone (no reads, no uploads, shapes from shapes), so that it can be recorded once and replayed.

pub mod adapt;
pub mod attention;
mod autoencoder;
pub mod autoencoder_kl;
mod autoencoder_kl_blocks;
pub mod autoencoder_tiny;
pub mod bert;
pub mod block;
pub mod clip_text_model;
mod config;
mod embeddings;
mod error;
pub mod layers;
mod resnet;
mod tensors;
mod tiling;
mod transformer_2d;
mod unet_2d_blocks;
mod unet_2d_checkpointed;
pub mod unet_2d_condition;
mod unet_2d_config;
mod upscaler;

pub use adapt::{Adapt, AdaptablePath, ProjectionKind};
pub use atelier_kernels::LowRank;
pub use autoencoder::{Autoencoder, AutoencoderConfig};
pub use autoencoder_kl::{AutoencoderKL, AutoencoderKLConfig};
pub use autoencoder_tiny::{AutoencoderTiny, AutoencoderTinyConfig};
pub use bert::{BertConfig, BertModel};
pub use block::{Block, BlockShape};
pub use clip_text_model::{CLIPTextConfig, CLIPTextModel, HiddenAct};
pub use config::PerBlock;
pub use error::ModelError;
pub use tensors::TensorMap;
pub use unet_2d_checkpointed::Checkpointed;
pub use unet_2d_condition::UNet2DConditionModel;
pub use unet_2d_config::{DownBlockType, MidBlockType, UNet2DConditionConfig, UpBlockType};
pub use upscaler::Upscaler;
