//! The layers that every model is made of: small structs over tensors.
//!
//! The computations that a fused kernel can replace are one function each: [`convolve`], [`group_norm`],
//! [`group_norm_silu`], [`gelu`], and in [`crate::attention`] `scaled_dot_product` and `geglu`.

mod conv2d;
mod embedding;
mod gelu;
mod group_norm;
mod layer_norm;
mod linear;
mod low_rank;

pub use conv2d::{Conv2d, Geometry, convolve};
pub use embedding::Embedding;
pub use gelu::gelu;
pub use group_norm::{GroupNorm, group_norm, group_norm_silu};
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use low_rank::{ConvLowRank, LinearLowRank, LowRank};
