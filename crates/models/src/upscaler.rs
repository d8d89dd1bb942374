//! Larger pictures from small ones: a network made for flat drawing.

use atelier_kernels::Plus;
use burn::tensor::{Tensor, activation};

use crate::ModelError;
use crate::layers::{Conv2d, Geometry};
use crate::tensors::{Scope, TensorMap};

/// Convolutions over the picture.
const DEPTH: usize = 7;
/// Channels of each.
const CHANNELS: usize = 8;
/// Colours of each of the four pixels that one becomes.
const RESIDUALS: usize = 12;

/// Anime4K's CNN 2x, size L (<https://github.com/bloc97/Anime4K>), as `pretrain/upscaler.py` converts it: what it adds
/// to a picture enlarged by bilinear interpolation.
#[derive(Debug, Clone)]
pub struct Upscaler {
    convs: Vec<Conv2d>,
    /// The last layer, cut by the features it reads.
    last: Vec<Conv2d>,
}

impl Upscaler {
    /// Builds the network from `tensors`, on whatever device they are.
    ///
    /// # Errors
    /// A tensor that is missing, has another shape, or is left over.
    pub fn load(mut tensors: TensorMap) -> Result<Self, ModelError> {
        let mut scope = Scope::root(&mut tensors);
        let convs = (0..DEPTH)
            .map(|i| {
                let inputs = if i == 0 { 3 } else { 2 * CHANNELS };
                let mut scope = scope.child(format_args!("conv.{i}"));
                Conv2d::load(&mut scope, inputs, CHANNELS, Geometry::SAME_3)
            })
            .collect::<Result<_, _>>()?;
        let inputs = vec![2 * CHANNELS; DEPTH];
        let last = Conv2d::load_parts(&mut scope.child("last"), &inputs, RESIDUALS)?;
        tensors.finish(|_| false)?;
        Ok(Self { convs, last })
    }

    /// Twice as high and wide.
    ///
    /// [batch, 3, height, width] in 0 to 1 -> [batch, 3, 2 * height, 2 * width] in 0 to 1
    pub fn forward(&self, pictures: Tensor<4>) -> Tensor<4> {
        let pictures = pictures.permute([0, 2, 3, 1]);
        let mut features = pictures.clone();
        let mut residual = None;
        for (conv, last) in self.convs.iter().zip(&self.last) {
            features = crelu(conv.forward(features));
            let plus = residual.map_or(Plus::Nothing, Plus::Residual);
            residual = Some(last.forward_plus(features.clone(), plus));
        }
        let larger = bilinear(bilinear(pictures, 1), 2);
        let result = match residual {
            None => larger,
            Some(residual) => larger + shuffled(residual),
        };
        result.clamp(0.0, 1.0).permute([0, 3, 1, 2])
    }
}

/// What is above zero, then what is below it, as channels.
fn crelu(x: Tensor<4>) -> Tensor<4> {
    Tensor::cat(vec![activation::relu(x.clone()), activation::relu(-x)], 3)
}

/// PyTorch's `pixel_shuffle` by 2: [batch, height, width, 3 * 2 * 2] -> [batch, 2 * height, 2 * width, 3]
fn shuffled(x: Tensor<4>) -> Tensor<4> {
    let [batch, height, width, _] = x.dims();
    x.reshape([batch, height, width, 3, 2, 2])
        .permute([0, 1, 4, 2, 5, 3])
        .reshape([batch, 2 * height, 2 * width, 3])
}

/// Twice as many places along `axis`, 1 or 2, of [batch, height, width, channels], each between its neighbours
/// (PyTorch's `bilinear` without `align_corners`).
fn bilinear(x: Tensor<4>, axis: usize) -> Tensor<4> {
    let mut dims = x.dims();
    let places = dims[axis];
    let edge = |at| x.clone().narrow(axis, at, 1);
    let middle = |at| x.clone().narrow(axis, at, places - 1);
    let (before, after) = match places {
        1 => (x.clone(), x.clone()),
        _ => (
            Tensor::cat(vec![edge(0), middle(0)], axis),
            Tensor::cat(vec![middle(1), edge(places - 1)], axis),
        ),
    };
    let between = |other: Tensor<4>| (x.clone() * 0.75 + other * 0.25).unsqueeze_dim(axis + 1);
    let pairs: Tensor<5> = Tensor::cat(vec![between(before), between(after)], axis + 1);
    dims[axis] *= 2;
    pairs.reshape(dims)
}
