//! Convolutions by burn's own, which are laid out `[batch, channels, height, width]`.

use burn::backend::{
    Flex, TensorMetadata,
    ops::{ConvOptions, FloatTensorOps, ModuleOps},
    tensor::FloatTensor,
};
use burn::tensor::{Shape, Slice};

use crate::ops::{ConvGeometry, ConvOps};

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

/// `x`, of four axes, times the one value of `scale`.
fn scaled(x: Floats, scale: Floats) -> Floats {
    B::float_mul(x, B::float_reshape(scale, Shape::new([1; 4])))
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

fn forward(x: Floats, w: Floats, bias: Option<Floats>, geometry: ConvGeometry) -> Floats {
    if geometry.is_pointwise() {
        return pointwise::forward(x, w, bias);
    }
    let x = pad(to_nchw(x), geometry);
    let w = weight_to_burn(w, geometry.kernel);
    to_nhwc(B::conv2d(x, w, bias, options(geometry)))
}

impl ConvOps for Flex {
    fn conv(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        forward(x, w, Some(bias), geometry)
    }

    fn conv_adapted(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        down: FloatTensor<Self>,
        up: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let middle = scaled(forward(x.clone(), down, None, geometry), scale);
        let branch = pointwise::forward(middle.clone(), up, None);
        (
            B::float_add(forward(x, w, Some(bias), geometry), branch),
            middle,
        )
    }

    fn conv_adapted_backward_input(
        grad: FloatTensor<Self>,
        w: FloatTensor<Self>,
        middle_grad: FloatTensor<Self>,
        down: FloatTensor<Self>,
        geometry: ConvGeometry,
        height: usize,
        width: usize,
    ) -> FloatTensor<Self> {
        B::float_add(
            Self::conv_backward_input(grad, w, geometry, height, width),
            Self::conv_backward_input(middle_grad, down, geometry, height, width),
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
        w: FloatTensor<Self>,
        geometry: ConvGeometry,
        height: usize,
        width: usize,
    ) -> FloatTensor<Self> {
        if geometry.is_pointwise() {
            return pointwise::backward_input(grad, w);
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

    fn conv_backward_weight(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
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
        let x = pad(to_nchw(x), geometry);
        let w = B::conv2d_weight_backward(x, like, to_nchw(grad), options(geometry));
        let w = B::float_reshape(w, Shape::new([outputs, channels, kernel * kernel]));
        B::float_permute(w, &[0, 2, 1])
    }
}
