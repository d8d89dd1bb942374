use burn::{backend::Dispatch, tensor::Tensor};

use crate::ops::{ConvGeometry, ConvOps};

/// Convolution of `x`, `[batch, height, width, channels]`, with `w`, `[outputs, taps, channels]` (taps
/// row by row), plus `bias`, `[outputs]`: `[batch, out height, out width, outputs]`.
///
/// Gradients go to `x` and `w`; the bias is taken to be frozen.
///
/// # Panics
/// When the channels or taps do not fit.
pub fn conv(
    x: Tensor<4>,
    w: Tensor<3>,
    bias: Option<Tensor<1>>,
    geometry: ConvGeometry,
) -> Tensor<4> {
    let [outputs, taps, channels] = w.dims();
    assert_eq!(x.dims()[3], channels, "conv: channels of x and w differ");
    assert!(
        geometry.stride.is_power_of_two(),
        "conv: the stride is a power of two"
    );
    assert_eq!(
        taps,
        geometry.kernel * geometry.kernel,
        "conv: taps are not the kernel's"
    );
    let (x, w) = (x.into_dispatch(), w.into_dispatch());
    Tensor::from_dispatch(match bias {
        None => <Dispatch as ConvOps>::conv(x, w, geometry),
        Some(bias) => {
            assert_eq!(bias.dims(), [outputs], "conv: a bias for each output");
            <Dispatch as ConvOps>::conv_bias(x, w, bias.into_dispatch(), geometry)
        }
    })
}

/// Linear layer over the last axis: `x`, `[..., inputs]`, with `w`, `[outputs, inputs]` as PyTorch
/// keeps it, plus `bias`, `[outputs]`.
pub fn linear<const D: usize>(x: Tensor<D>, w: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<D> {
    let mut dims = x.dims();
    let [outputs, inputs] = w.dims();
    let rows = dims[..D - 1].iter().product();
    let out = conv(
        x.reshape([rows, 1, 1, inputs]),
        w.reshape([outputs, 1, inputs]),
        bias,
        ConvGeometry::POINTWISE,
    );
    dims[D - 1] = outputs;
    out.reshape(dims)
}
