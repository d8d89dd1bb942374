use burn::{backend::Dispatch, tensor::Tensor};

use crate::ops::GegluOps;

/// GEGLU (<https://arxiv.org/abs/2002.05202>): the first half of the last axis, gated by the exact GELU of the
/// second, `[..., 2 * n]` to `[..., n]`.
///
/// # Panics
/// When the last axis is odd.
pub fn geglu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let mut dims = x.dims();
    let width = dims[D - 1];
    assert!(
        width.is_multiple_of(2),
        "geglu: the last axis has no halves"
    );
    let rows: usize = dims[..D - 1].iter().product();
    let x = x.reshape([rows, width]).into_dispatch();
    let out = Tensor::<2>::from_dispatch(<Dispatch as GegluOps>::geglu(x));
    dims[D - 1] = width / 2;
    out.reshape(dims)
}
