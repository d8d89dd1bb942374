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

pub use conv2d::{Conv2d, Geometry};
pub use embedding::Embedding;
pub use gelu::gelu;
pub use group_norm::GroupNorm;
pub use layer_norm::LayerNorm;
pub use linear::Linear;

use atelier_kernels::LowRank;

/// Whether `branch`, if there is one, goes with a weight `[outputs, taps, inputs]`.
fn fits(branch: &Option<LowRank>, [outputs, taps, inputs]: [usize; 3]) -> bool {
    branch.as_ref().is_none_or(|LowRank { down, up, .. }| {
        let [rank, ..] = down.dims();
        down.dims() == [rank, taps, inputs] && up.dims() == [outputs, rank]
    })
}
