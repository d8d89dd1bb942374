//! The layers that every model is made of: small structs over tensors.
//!
//! The computations behind most of them are those of `atelier-kernels`. Pictures are
//! [batch, height, width, channels] in here, see [`Conv2d`].

mod conv2d;
mod embedding;
mod gelu;
mod group_norm;
mod layer_norm;
mod linear;
mod low_rank;

pub use conv2d::{Conv2d, Geometry};
pub use embedding::Embedding;
pub use gelu::gelu;
pub use group_norm::GroupNorm;
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use low_rank::{ConvLowRank, LinearLowRank, LowRank};
