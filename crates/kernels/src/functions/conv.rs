use burn::{
    backend::Dispatch,
    tensor::{Device, Int, Tensor},
};

use crate::ops::{Addition, ConvGeometry, ConvLayer, ConvOps, Precision, WeightLayout};

/// The weight of a layer that is not trained, `[outputs, taps, channels]` (taps row by row, one in a linear
/// layer), kept on the device in one of several precisions and read by the kernels as it is kept.
#[derive(Debug, Clone)]
pub struct FrozenWeight {
    words: Tensor<1, Int>,
    layout: WeightLayout,
}

impl FrozenWeight {
    /// Keeps `w` in `precision`; in f32 where 4 does not divide its channels.
    pub fn new(w: Tensor<3>, precision: Precision) -> Self {
        let [outputs, taps, channels] = w.dims();
        let layout = WeightLayout {
            outputs,
            taps,
            channels,
            precision: match channels.is_multiple_of(4) {
                true => precision,
                false => Precision::F32,
            },
        };
        let words = <Dispatch as ConvOps>::pack_weight(w.into_dispatch(), layout);
        Self {
            words: Tensor::from_dispatch(words),
            layout,
        }
    }

    /// `[outputs, taps, channels]`
    pub fn dims(&self) -> [usize; 3] {
        let WeightLayout {
            outputs,
            taps,
            channels,
            ..
        } = self.layout;
        [outputs, taps, channels]
    }

    pub fn device(&self) -> Device {
        self.words.device()
    }

    /// Bytes it takes on the device.
    pub fn bytes(&self) -> usize {
        4 * self.layout.words()
    }
}

/// The branch that LoRA (<https://arxiv.org/abs/2106.09685>) adds to a layer:
/// `scale * up * (down * x)`, `down` with the layer's geometry. A linear layer has one tap.
#[derive(Debug, Clone)]
pub struct LowRank {
    /// `[rank, taps, inputs]`
    pub down: Tensor<3>,
    /// `[outputs, rank]`
    pub up: Tensor<2>,
    /// Alpha / rank times the strength: `[1]`, or one for each of as many equal parts of the batch, so that
    /// images with and without the branch can go together. On the device, so that a recorded graph reads what it is now.
    pub scale: Tensor<1>,
    /// Where the gradients of down and up are to be written, flat, by [`view`](crate::view) of one buffer,
    /// so that [`gather_into`](crate::gather_into) finds them there. None: wherever there is room.
    pub gradients: Option<[Tensor<1>; 2]>,
}

/// What is added to a layer's result besides its bias, in the same launch.
#[derive(Debug, Clone, Default)]
pub enum Plus {
    #[default]
    Nothing,
    /// Shaped as the result.
    Residual(Tensor<4>),
    /// `[batch, outputs]`: the same at each place of an image.
    PerImage(Tensor<2>),
}

/// Convolution of `x`, `[batch, height, width, channels]`, with `w`, plus `bias`, `[outputs]`, plus the branch
/// where there is one, plus `plus`: `[batch, out height, out width, outputs]`.
///
/// Gradients go to `x`, `plus` and the branch's factors; weight and bias are frozen.
///
/// # Panics
/// When the sizes do not fit.
pub fn conv(
    x: Tensor<4>,
    w: &FrozenWeight,
    bias: Tensor<1>,
    branch: Option<&LowRank>,
    plus: Plus,
    geometry: ConvGeometry,
) -> Tensor<4> {
    let [outputs, taps, channels] = w.dims();
    let [batch, height, width, found] = x.dims();
    assert_eq!(found, channels, "conv: channels of x and w differ");
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
    let bias = bias.into_dispatch();
    let (plus, addition) = match plus {
        // Operands are not optional; this one is not looked at.
        Plus::Nothing => (bias.clone(), Addition::Nothing),
        Plus::Residual(plus) => {
            let out = [geometry.out(height), geometry.out(width)];
            assert_eq!(
                plus.dims(),
                [batch, out[0], out[1], outputs],
                "conv: the residual does not fit"
            );
            (plus.into_dispatch(), Addition::Residual)
        }
        Plus::PerImage(plus) => {
            assert_eq!(
                plus.dims(),
                [batch, outputs],
                "conv: a value for each image's outputs"
            );
            (plus.into_dispatch(), Addition::PerImage)
        }
    };
    let layer = ConvLayer {
        weight: w.layout,
        geometry,
        addition,
        placed: branch.is_some_and(|branch| branch.gradients.is_some()),
    };
    let (x, words) = (x.into_dispatch(), w.words.clone().into_dispatch());
    Tensor::from_dispatch(match branch {
        None => <Dispatch as ConvOps>::conv(x, words, bias, plus, layer),
        Some(LowRank {
            down,
            up,
            scale,
            gradients,
        }) => {
            let rank = up.dims()[1];
            assert_eq!(
                down.dims(),
                [rank, taps, channels],
                "conv: down does not fit"
            );
            assert_eq!(up.dims(), [outputs, rank], "conv: up does not fit");
            assert!(
                batch.is_multiple_of(scale.dims()[0].max(1)),
                "conv: as many scales as divide the batch"
            );
            let [down_place, up_place] = match gradients {
                Some(places) => places.clone(),
                None => [scale.clone(), scale.clone()],
            }
            .map(Tensor::into_dispatch);
            let (out, _) = <Dispatch as ConvOps>::conv_adapted(
                x,
                words,
                bias,
                plus,
                down.clone().into_dispatch(),
                up.clone().into_dispatch(),
                scale.clone().into_dispatch(),
                down_place,
                up_place,
                layer,
            );
            out
        }
    })
}

/// Linear layer over the last axis: `x`, `[..., inputs]`, with `w` of one tap, plus `bias`, `[outputs]`, plus the
/// branch and the residual, `[..., outputs]`, where there are such. See [`conv`].
pub fn linear<const D: usize>(
    x: Tensor<D>,
    w: &FrozenWeight,
    bias: Tensor<1>,
    branch: Option<&LowRank>,
    residual: Option<Tensor<D>>,
) -> Tensor<D> {
    let mut dims = x.dims();
    let [outputs, _, inputs] = w.dims();
    let rows = dims[..D - 1].iter().product();
    let plus = match residual {
        None => Plus::Nothing,
        Some(residual) => Plus::Residual(residual.reshape([rows, 1, 1, outputs])),
    };
    let x = x.reshape([rows, 1, 1, inputs]);
    let out = conv(x, w, bias, branch, plus, ConvGeometry::POINTWISE);
    dims[D - 1] = outputs;
    out.reshape(dims)
}
