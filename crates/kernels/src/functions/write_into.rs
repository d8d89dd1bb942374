use burn::{backend::Dispatch, tensor::Tensor};

use crate::ops::StateOps;

/// Writes `source` over `target`: both flat and of one length, f32.
///
/// On a GPU the returned tensor is `target`'s own buffer with `source`'s values, so that a recorded
/// graph which reads that buffer sees them at its next replay. On the CPU it is `source`.
///
/// # Panics
/// When the lengths differ.
pub fn write_into(target: Tensor<1>, source: Tensor<1>) -> Tensor<1> {
    assert_eq!(target.dims(), source.dims(), "write_into: lengths differ");
    Tensor::from_dispatch(<Dispatch as StateOps>::write_into(
        target.into_dispatch(),
        source.into_dispatch(),
    ))
}
