use burn::{backend::Dispatch, tensor::Tensor};

use crate::ops::NormOps;

/// Group normalisation (Wu and He 2018) of `x`, `[batch, places, channels]`, each of `groups` groups of
/// channels by its own mean and deviation over all places, then `weight` and `bias`, `[channels]`, and
/// SiLU where `silu`. Weight and bias are taken to be frozen.
///
/// # Panics
/// When `groups` does not divide the channels.
pub fn group_norm(
    x: Tensor<3>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    groups: usize,
    eps: f64,
    silu: bool,
) -> Tensor<3> {
    let channels = x.dims()[2];
    assert!(
        channels.is_multiple_of(groups),
        "group_norm: groups do not divide the channels"
    );
    assert_eq!(
        weight.dims(),
        [channels],
        "group_norm: a weight for each channel"
    );
    let (out, _) = <Dispatch as NormOps>::group_norm(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        groups,
        eps,
        silu,
    );
    Tensor::from_dispatch(out)
}

/// Layer normalisation (Ba et al. 2016) over the last axis.
pub fn layer_norm<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    eps: f64,
) -> Tensor<D> {
    let dims = x.dims();
    let width = dims[D - 1];
    let rows = dims[..D - 1].iter().product();
    group_norm(x.reshape([rows, 1, width]), weight, bias, 1, eps, false).reshape(dims)
}
