use atelier_kernels::Plus;
use burn::tensor::Tensor;
use burn::tensor::module;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};

use crate::ModelError;
use crate::adapt::Visitor;
use crate::layers::{Conv2d, Geometry, GroupNorm, Linear};
use crate::tensors::Scope;

/// What every residual block of one model shares.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResnetShape {
    /// Width of the time embedding; an autoencoder has none.
    pub time: Option<usize>,
    pub groups: usize,
    pub eps: f64,
}

/// Two convolutions, each after GroupNorm and SiLU, the time embedding (if any) added between them, and a way around.
#[derive(Debug, Clone)]
pub(crate) struct ResnetBlock2D {
    norm1: GroupNorm,
    conv1: Conv2d,
    time_emb_proj: Option<Linear>,
    norm2: GroupNorm,
    conv2: Conv2d,
    /// Only where the number of channels changes.
    conv_shortcut: Option<Conv2d>,
}

impl ResnetBlock2D {
    pub fn load(
        scope: &mut Scope,
        inputs: usize,
        outputs: usize,
        shape: ResnetShape,
    ) -> Result<Self, ModelError> {
        let ResnetShape { time, groups, eps } = shape;
        let same = Geometry::SAME_3;
        Ok(Self {
            norm1: GroupNorm::load(&mut scope.child("norm1"), groups, inputs, eps)?,
            conv1: Conv2d::load(&mut scope.child("conv1"), inputs, outputs, same)?,
            time_emb_proj: time
                .map(|time| Linear::load(&mut scope.child("time_emb_proj"), time, outputs))
                .transpose()?,
            norm2: GroupNorm::load(&mut scope.child("norm2"), groups, outputs, eps)?,
            conv2: Conv2d::load(&mut scope.child("conv2"), outputs, outputs, same)?,
            conv_shortcut: match inputs == outputs {
                true => None,
                false => {
                    let mut scope = scope.child("conv_shortcut");
                    let geometry = Geometry::POINTWISE;
                    Some(Conv2d::load(&mut scope, inputs, outputs, geometry)?)
                }
            },
        })
    }

    /// x [batch, inputs, height, width], time [batch, time], already through SiLU (it is the same for every block)
    /// -> [batch, outputs, height, width]
    pub fn forward(&self, x: Tensor<4>, time: Option<&Tensor<2>>) -> Tensor<4> {
        let time = match (&self.time_emb_proj, time) {
            (Some(projection), Some(time)) => Plus::PerImage(projection.forward(time.clone())),
            _ => Plus::Nothing,
        };
        let normed = self.norm1.forward_silu(x.clone());
        let hidden = self
            .norm2
            .forward_silu(self.conv1.forward_plus(normed, time));
        let around = match &self.conv_shortcut {
            Some(conv_shortcut) => conv_shortcut.forward(x),
            None => x,
        };
        self.conv2.forward_plus(hidden, Plus::Residual(around))
    }

    pub fn projections(&mut self, visitor: &mut Visitor) {
        visitor.conv("conv1", &mut self.conv1);
        if let Some(time_emb_proj) = &mut self.time_emb_proj {
            visitor.linear("time_emb_proj", time_emb_proj);
        }
        visitor.conv("conv2", &mut self.conv2);
        if let Some(conv_shortcut) = &mut self.conv_shortcut {
            visitor.conv("conv_shortcut", conv_shortcut);
        }
    }
}

/// Half the height and width.
#[derive(Debug, Clone)]
pub(crate) struct Downsample2D {
    conv: Conv2d,
}

impl Downsample2D {
    pub fn load(scope: &mut Scope, channels: usize, padding: usize) -> Result<Self, ModelError> {
        // diffusers pads right and below where the option says 0.
        let padding = match padding {
            0 => (0, 1),
            padding => (padding, padding),
        };
        let geometry = Geometry::new(3, 2, padding);
        Ok(Self {
            conv: Conv2d::load(&mut scope.child("conv"), channels, channels, geometry)?,
        })
    }

    /// [batch, channels, height, width] -> [batch, channels, height / 2, width / 2], odd sizes rounded up
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.conv.forward(x)
    }

    pub fn projections(&mut self, visitor: &mut Visitor) {
        visitor.conv("conv", &mut self.conv);
    }
}

/// Twice the height and width: nearest neighbours, then a convolution.
#[derive(Debug, Clone)]
pub(crate) struct Upsample2D {
    conv: Conv2d,
}

impl Upsample2D {
    pub fn load(scope: &mut Scope, channels: usize) -> Result<Self, ModelError> {
        let geometry = Geometry::SAME_3;
        Ok(Self {
            conv: Conv2d::load(&mut scope.child("conv"), channels, channels, geometry)?,
        })
    }

    /// [batch, channels, height, width] -> [batch, channels, size]
    pub fn forward(&self, x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
        let [_, height, width, _] = x.dims();
        match size == [2 * height, 2 * width] {
            true => self.conv.forward_upsampled(x),
            // Odd sizes on the way down.
            false => self.conv.forward(resize_nearest(x, size)),
        }
    }

    pub fn projections(&mut self, visitor: &mut Visitor) {
        visitor.conv("conv", &mut self.conv);
    }
}

/// [batch, channels, height, width] -> [batch, channels, size], each pixel from floor(i * old / new)
pub(crate) fn resize_nearest(x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    let options = InterpolateOptions::new(InterpolateMode::Nearest).with_output_size(size);
    // burn wants the channels before the pixels.
    let x = module::interpolate(x.permute([0, 3, 1, 2]), options);
    x.permute([0, 2, 3, 1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    #[test]
    fn nearest_takes_the_pixel_that_torch_takes() {
        for device in [Device::flex(), Device::wgpu(Default::default())] {
            for [height, width] in [[4, 6], [3, 5], [4, 5]] {
                let x = Tensor::<1>::from_floats([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], &device);
                let resized = resize_nearest(x.reshape([1, 2, 3, 1]), [height, width]);
                let expected: Vec<f32> = (0..height)
                    .flat_map(|y| {
                        (0..width).map(move |x| (y * 2 / height * 3 + x * 3 / width) as f32)
                    })
                    .collect();
                let expected = TensorData::new(expected, [1, height, width, 1]);
                resized.into_data().assert_eq(&expected, true);
            }
        }
    }
}
