use burn::{backend::Dispatch, tensor::Tensor};

use crate::ops::{ConvGeometry, ConvOps};

/// The branch that LoRA (<https://arxiv.org/abs/2106.09685>) adds to a layer:
/// `scale * up * (down * x)`, `down` with the layer's geometry. A linear layer has one tap.
#[derive(Debug, Clone)]
pub struct LowRank {
    /// `[rank, taps, inputs]`
    pub down: Tensor<3>,
    /// `[outputs, rank]`
    pub up: Tensor<2>,
    /// `[1]`: alpha / rank times the strength. On the device, so that a recorded graph reads what it is now.
    pub scale: Tensor<1>,
}

/// Convolution of `x`, `[batch, height, width, channels]`, with `w`, `[outputs, taps, channels]` (taps
/// row by row), plus `bias`, `[outputs]`, plus the branch where there is one:
/// `[batch, out height, out width, outputs]`.
///
/// Gradients go to `x` and the branch's factors; weight and bias are frozen.
///
/// # Panics
/// When the sizes do not fit.
pub fn conv(
    x: Tensor<4>,
    w: Tensor<3>,
    bias: Tensor<1>,
    branch: Option<&LowRank>,
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
    assert_eq!(bias.dims(), [outputs], "conv: a bias for each output");
    let [x, w, bias] = [x.into_dispatch(), w.into_dispatch(), bias.into_dispatch()];
    Tensor::from_dispatch(match branch {
        None => <Dispatch as ConvOps>::conv(x, w, bias, geometry),
        Some(LowRank { down, up, scale }) => {
            let rank = up.dims()[1];
            assert_eq!(
                down.dims(),
                [rank, taps, channels],
                "conv: down does not fit"
            );
            assert_eq!(up.dims(), [outputs, rank], "conv: up does not fit");
            assert_eq!(scale.dims(), [1], "conv: one scale");
            let (out, _) = <Dispatch as ConvOps>::conv_adapted(
                x,
                w,
                bias,
                down.clone().into_dispatch(),
                up.clone().into_dispatch(),
                scale.clone().into_dispatch(),
                geometry,
            );
            out
        }
    })
}

/// Linear layer over the last axis: `x`, `[..., inputs]`, with `w`, `[outputs, inputs]` as PyTorch
/// keeps it, plus `bias`, `[outputs]`, plus the branch where there is one. See [`conv`].
pub fn linear<const D: usize>(
    x: Tensor<D>,
    w: Tensor<2>,
    bias: Tensor<1>,
    branch: Option<&LowRank>,
) -> Tensor<D> {
    let mut dims = x.dims();
    let [outputs, inputs] = w.dims();
    let rows = dims[..D - 1].iter().product();
    let out = conv(
        x.reshape([rows, 1, 1, inputs]),
        w.reshape([outputs, 1, inputs]),
        bias,
        branch,
        ConvGeometry::POINTWISE,
    );
    dims[D - 1] = outputs;
    out.reshape(dims)
}
