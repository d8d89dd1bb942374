//! Convolutions by burn's own, which are laid out `[batch, channels, height, width]`.

use burn::backend::{
    Flex, TensorMetadata,
    ops::{ConvOptions, FloatTensorOps, IntTensorOps, ModuleOps},
    tensor::{FloatTensor, IntTensor},
};
use burn::tensor::{Shape, Slice, TensorData, f16};

use super::state::values;
use crate::ops::{Addition, BLOCK, ConvGeometry, ConvLayer, ConvOps, Precision, WeightLayout};

type B = Flex;
type Floats = FloatTensor<Flex>;

fn to_nchw(x: Floats) -> Floats {
    B::float_permute(x, &[0, 3, 1, 2])
}

fn to_nhwc(x: Floats) -> Floats {
    B::float_permute(x, &[0, 2, 3, 1])
}

/// `[outputs, taps, channels]` to `[outputs, channels, kernel, kernel]`.
fn weight_to_burn(w: Floats, kernel: usize) -> Floats {
    let shape = w.shape();
    let w = B::float_permute(w, &[0, 2, 1]);
    B::float_reshape(w, Shape::new([shape[0], shape[2], kernel, kernel]))
}

/// Zeros around `x`, `[batch, channels, height, width]`, so that burn pads nothing.
fn pad(x: Floats, geometry: ConvGeometry) -> Floats {
    let shape = x.shape();
    let ConvGeometry {
        pad_begin, pad_end, ..
    } = geometry;
    if pad_begin + pad_end == 0 {
        return x;
    }
    let padded = Shape::new([
        shape[0],
        shape[1],
        shape[2] + pad_begin + pad_end,
        shape[3] + pad_begin + pad_end,
    ]);
    let zeros = B::float_zeros(padded, &Default::default(), burn::tensor::FloatDType::F32);
    B::float_slice_assign(zeros, &inner(&shape, pad_begin), x)
}

/// Where `shape` lies in its padded form.
fn inner(shape: &Shape, pad_begin: usize) -> [Slice; 4] {
    [
        Slice::from(0..shape[0]),
        Slice::from(0..shape[1]),
        Slice::from(pad_begin..pad_begin + shape[2]),
        Slice::from(pad_begin..pad_begin + shape[3]),
    ]
}

fn options(geometry: ConvGeometry) -> ConvOptions<2> {
    ConvOptions::new([geometry.stride; 2], [0, 0], [1, 1], 1)
}

/// `[rows, columns]`, with as many columns as the last axis has.
fn as_matrix(x: Floats) -> Floats {
    let shape = x.shape();
    let columns = shape[shape.num_dims() - 1];
    B::float_reshape(x, Shape::new([shape.num_elements() / columns, columns]))
}

/// `x` times `scale`: one value, or one for each of as many equal parts of it.
fn scaled(x: Floats, scale: Floats) -> Floats {
    let (shape, parts) = (x.shape(), scale.shape().num_elements());
    let x = B::float_reshape(x, Shape::new([parts, shape.num_elements() / parts]));
    let x = B::float_mul(x, B::float_reshape(scale, Shape::new([parts, 1])));
    B::float_reshape(x, shape)
}

fn turned(x: Floats) -> Floats {
    B::float_swap_dims(x, 0, 1)
}

/// One tap: matrix products, for which burn has better code than for convolutions.
mod pointwise {
    use super::*;

    pub fn forward(x: Floats, w: Floats, bias: Option<Floats>) -> Floats {
        let shape = x.shape();
        let outputs = w.shape()[0];
        let mut y = B::float_matmul(as_matrix(x), turned(as_matrix(w)));
        if let Some(bias) = bias {
            y = B::float_add(y, B::float_reshape(bias, Shape::new([1, outputs])));
        }
        B::float_reshape(y, Shape::new([shape[0], shape[1], shape[2], outputs]))
    }

    pub fn backward_input(grad: Floats, w: Floats) -> Floats {
        let shape = grad.shape();
        let w = as_matrix(w);
        let channels = w.shape()[1];
        let x = B::float_matmul(as_matrix(grad), w);
        B::float_reshape(x, Shape::new([shape[0], shape[1], shape[2], channels]))
    }

    pub fn backward_weight(x: Floats, grad: Floats) -> Floats {
        let (outputs, channels) = (grad.shape()[3], x.shape()[3]);
        let w = B::float_matmul(turned(as_matrix(grad)), as_matrix(x));
        B::float_reshape(w, Shape::new([outputs, 1, channels]))
    }
}

/// `x` with each place twice along both sides, `[batch, height, width, channels]`.
fn enlarged(x: Floats) -> Floats {
    let shape = x.shape();
    let [batch, height, width, channels] = [0, 1, 2, 3].map(|axis| shape[axis]);
    let x = B::float_reshape(x, Shape::new([batch, height, 1, width, 1, channels]));
    let x = B::float_expand(x, Shape::new([batch, height, 2, width, 2, channels]));
    B::float_reshape(x, Shape::new([batch, 2 * height, 2 * width, channels]))
}

/// The gradient for what [`enlarged`] was given, from the gradient for what it made.
fn enlarged_backward(grad: Floats) -> Floats {
    let shape = grad.shape();
    let [batch, height, width, channels] = [0, 1, 2, 3].map(|axis| shape[axis]);
    let (h, w) = (height / 2, width / 2);
    let grad = B::float_reshape(grad, Shape::new([batch, h, 2, w, 2, channels]));
    let grad = B::float_sum_dim(B::float_sum_dim(grad, 2), 4);
    B::float_reshape(grad, Shape::new([batch, h, w, channels]))
}

fn forward(x: Floats, w: Floats, bias: Option<Floats>, geometry: ConvGeometry) -> Floats {
    if geometry.is_pointwise() {
        return pointwise::forward(x, w, bias);
    }
    let x = if geometry.upsample { enlarged(x) } else { x };
    let x = pad(to_nchw(x), geometry);
    let w = weight_to_burn(w, geometry.kernel);
    to_nhwc(B::conv2d(x, w, bias, options(geometry)))
}

fn backward_input(
    grad: Floats,
    w: Floats,
    geometry: ConvGeometry,
    [height, width]: [usize; 2],
) -> Floats {
    if geometry.is_pointwise() {
        return pointwise::backward_input(grad, w);
    }
    if geometry.upsample {
        let plain = ConvGeometry {
            upsample: false,
            ..geometry
        };
        return enlarged_backward(backward_input(grad, w, plain, [2 * height, 2 * width]));
    }
    let shape = Shape::new([grad.shape()[0], w.shape()[2], height, width]);
    // burn wants the input for its shape alone.
    let like = pad(
        B::float_zeros(
            shape.clone(),
            &Default::default(),
            burn::tensor::FloatDType::F32,
        ),
        geometry,
    );
    let w = weight_to_burn(w, geometry.kernel);
    let padded = B::conv2d_x_backward(like, w, to_nchw(grad), options(geometry));
    to_nhwc(B::float_slice(padded, &inner(&shape, geometry.pad_begin)))
}

/// `y`, `[batch, height, width, outputs]`, and what is added to it.
fn added(y: Floats, plus: Floats, addition: Addition) -> Floats {
    match addition {
        Addition::Nothing => y,
        Addition::Residual => B::float_add(y, plus),
        Addition::PerImage => {
            let shape = plus.shape();
            let plus = B::float_reshape(plus, Shape::new([shape[0], 1, 1, shape[1]]));
            B::float_add(y, plus)
        }
    }
}

/// The words of a weight, as shaders/pack_weight.wgsl makes them.
fn packed(values: &[f32], layout: &WeightLayout) -> Vec<i32> {
    let bits = |x: f32| x.to_bits().cast_signed();
    match layout.precision {
        Precision::F32 => values.iter().copied().map(bits).collect(),
        Precision::F16 => values
            .chunks_exact(2)
            .map(|pair| {
                let [low, high] = [pair[0], pair[1]].map(|x| u32::from(f16::from_f32(x).to_bits()));
                (low | high << 16).cast_signed()
            })
            .collect(),
        Precision::Int8 => {
            let blocks = values
                .chunks(layout.channels)
                .flat_map(|row| row.chunks(BLOCK));
            let largest = |block: &[f32]| {
                block
                    .iter()
                    .fold(0.0_f32, |most, value| most.max(value.abs()))
            };
            let scales: Vec<i32> = blocks.clone().map(largest).map(bits).collect();
            let numbers = blocks.flat_map(|block| {
                let scale = match largest(block) {
                    0.0 => 0.0,
                    largest => 1.0 / largest,
                };
                block.chunks_exact(4).map(move |four| {
                    let byte = |i: usize| (four[i] * scale * 127.0).round() as i8 as u8;
                    i32::from_le_bytes([byte(0), byte(1), byte(2), byte(3)])
                })
            });
            numbers.chain(scales).collect()
        }
    }
}

/// The values of a weight from its words.
fn unpacked(words: IntTensor<B>, layout: &WeightLayout) -> Floats {
    let words: TensorData = burn::tensor::try_read_sync(B::int_into_data(words))
        .expect("a tensor on the CPU is read at once")
        .expect("a tensor on the CPU can be read");
    let words: &[u32] = bytemuck::cast_slice(words.as_bytes());
    let values: Vec<f32> = match layout.precision {
        Precision::F32 => words.iter().copied().map(f32::from_bits).collect(),
        Precision::F16 => words
            .iter()
            .flat_map(|&word| [word as u16, (word >> 16) as u16])
            .map(|bits| f16::from_bits(bits).to_f32())
            .collect(),
        Precision::Int8 => {
            let (numbers, scales) =
                words.split_at(layout.outputs * layout.taps * layout.channels / 4);
            numbers
                .chunks(layout.channels / 4)
                .flat_map(|row| row.chunks(BLOCK / 4))
                .zip(scales)
                .flat_map(|(block, scale)| {
                    let scale = f32::from_bits(*scale);
                    let bytes = block.iter().flat_map(|word| word.to_le_bytes());
                    bytes.map(move |byte| f32::from(byte as i8) / 127.0 * scale)
                })
                .collect()
        }
    };
    let shape = [layout.outputs, layout.taps, layout.channels];
    B::float_from_data(TensorData::new(values, shape), &Default::default())
}

impl ConvOps for Flex {
    fn pack_weight(w: FloatTensor<Self>, layout: WeightLayout) -> IntTensor<Self> {
        let words = packed(&values(w), &layout);
        let length = words.len();
        B::int_from_data(TensorData::new(words, [length]), &Default::default())
    }

    fn conv(
        x: FloatTensor<Self>,
        w: IntTensor<Self>,
        bias: FloatTensor<Self>,
        plus: FloatTensor<Self>,
        layer: ConvLayer,
    ) -> FloatTensor<Self> {
        let w = unpacked(w, &layer.weight);
        let y = forward(x, w, Some(bias), layer.geometry);
        added(y, plus, layer.addition)
    }

    fn conv_adapted(
        x: FloatTensor<Self>,
        w: IntTensor<Self>,
        bias: FloatTensor<Self>,
        plus: FloatTensor<Self>,
        down: FloatTensor<Self>,
        up: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        _down_place: FloatTensor<Self>,
        _up_place: FloatTensor<Self>,
        layer: ConvLayer,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let middle = scaled(forward(x.clone(), down, None, layer.geometry), scale);
        let branch = pointwise::forward(middle.clone(), up, None);
        let base = Self::conv(x, w, bias, plus, layer);
        (B::float_add(base, branch), middle)
    }

    fn conv_adapted_backward_input(
        grad: FloatTensor<Self>,
        w: IntTensor<Self>,
        middle_grad: FloatTensor<Self>,
        down: FloatTensor<Self>,
        layer: ConvLayer,
        height: usize,
        width: usize,
    ) -> FloatTensor<Self> {
        B::float_add(
            Self::conv_backward_input(grad, w, layer, height, width),
            backward_input(middle_grad, down, layer.geometry, [height, width]),
        )
    }

    fn middle_backward(
        grad: FloatTensor<Self>,
        up: FloatTensor<Self>,
        scale: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        scaled(pointwise::backward_input(grad, up), scale)
    }

    fn conv_backward_input(
        grad: FloatTensor<Self>,
        w: IntTensor<Self>,
        layer: ConvLayer,
        height: usize,
        width: usize,
    ) -> FloatTensor<Self> {
        let w = unpacked(w, &layer.weight);
        backward_input(grad, w, layer.geometry, [height, width])
    }

    fn conv_backward_weight(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        _place: FloatTensor<Self>,
        geometry: ConvGeometry,
        _placed: bool,
    ) -> FloatTensor<Self> {
        if geometry.is_pointwise() {
            return pointwise::backward_weight(x, grad);
        }
        let (outputs, channels) = (grad.shape()[3], x.shape()[3]);
        let kernel = geometry.kernel;
        let like = B::float_zeros(
            Shape::new([outputs, channels, kernel, kernel]),
            &Default::default(),
            burn::tensor::FloatDType::F32,
        );
        let x = if geometry.upsample { enlarged(x) } else { x };
        let x = pad(to_nchw(x), geometry);
        let w = B::conv2d_weight_backward(x, like, to_nchw(grad), options(geometry));
        let w = B::float_reshape(w, Shape::new([outputs, channels, kernel * kernel]));
        B::float_permute(w, &[0, 2, 1])
    }
}
