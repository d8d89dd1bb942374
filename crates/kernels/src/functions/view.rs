use burn::{backend::Dispatch, tensor::Tensor};

use crate::ops::StateOps;

/// Views start at multiples of this many values: 256 bytes, WebGPU's alignment of storage bindings.
pub const VIEW_ALIGNMENT: usize = 64;

/// `length` values of `flat` from `start`, sharing its buffer on a GPU: what is later written into
/// `flat` in place is seen here. On the CPU a copy.
///
/// # Panics
/// When `start` is not a multiple of [`VIEW_ALIGNMENT`] or the range leaves `flat`.
pub fn view(flat: Tensor<1>, start: usize, length: usize) -> Tensor<1> {
    assert!(
        start.is_multiple_of(VIEW_ALIGNMENT),
        "view: start is not aligned"
    );
    assert!(start + length <= flat.dims()[0], "view: out of range");
    Tensor::from_dispatch(<Dispatch as StateOps>::view(
        flat.into_dispatch(),
        start,
        length,
    ))
}
