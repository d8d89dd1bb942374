use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, module};

use super::ConvLowRank;
use crate::ModelError;
use crate::tensors::Scope;

/// How a convolution's kernel walks over the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Height and width of the (square) kernel.
    pub kernel: usize,
    /// Pixels from one place of the kernel to the next.
    pub stride: usize,
    /// Zeros before the first and after the last pixel, of rows and columns alike.
    pub padding: (usize, usize),
}

impl Geometry {
    /// 1 x 1: every pixel by itself.
    pub const POINTWISE: Self = Self::new(1, 1, (0, 0));
    /// 3 x 3 that keeps height and width.
    pub const SAME_3: Self = Self::new(3, 1, (1, 1));

    pub const fn new(kernel: usize, stride: usize, padding: (usize, usize)) -> Self {
        Self {
            kernel,
            stride,
            padding,
        }
    }
}

/// A convolution with frozen weights, and a LoRA branch where there is one.
#[derive(Debug, Clone)]
pub struct Conv2d {
    /// [outputs, inputs, kernel, kernel]
    weight: Tensor<4>,
    /// [outputs]
    bias: Option<Tensor<1>>,
    geometry: Geometry,
    branch: Option<ConvLowRank>,
}

impl Conv2d {
    pub(crate) fn load(
        scope: &mut Scope,
        inputs: usize,
        outputs: usize,
        geometry: Geometry,
    ) -> Result<Self, ModelError> {
        let mut conv = Self::load_without_bias(scope, inputs, outputs, geometry)?;
        conv.bias = Some(scope.take("bias", [outputs])?);
        Ok(conv)
    }

    pub(crate) fn load_without_bias(
        scope: &mut Scope,
        inputs: usize,
        outputs: usize,
        geometry: Geometry,
    ) -> Result<Self, ModelError> {
        let shape = [outputs, inputs, geometry.kernel, geometry.kernel];
        Ok(Self {
            weight: scope.take("weight", shape)?,
            bias: None,
            geometry,
            branch: None,
        })
    }

    pub fn inputs(&self) -> usize {
        self.weight.dims()[1]
    }

    pub fn outputs(&self) -> usize {
        self.weight.dims()[0]
    }

    pub(crate) fn device(&self) -> Device {
        self.weight.device()
    }

    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// [batch, inputs, height, width] -> [batch, outputs, height', width']
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let branch = self.branch.as_ref().map(|ConvLowRank { down, up, scale }| {
            let middle = convolve(x.clone(), down.clone(), None, self.geometry);
            let middle = middle * scale.clone().reshape([1, 1, 1, 1]);
            convolve(middle, up.clone(), None, Geometry::POINTWISE)
        });
        let y = convolve(x, self.weight.clone(), self.bias.clone(), self.geometry);
        match branch {
            Some(branch) => y + branch,
            None => y,
        }
    }

    /// Sets or clears the LoRA branch; false if its shapes do not fit.
    pub(crate) fn set_branch(&mut self, branch: Option<ConvLowRank>) -> bool {
        if let Some(ConvLowRank { down, up, scale }) = &branch {
            let [rank, inputs, height, width] = down.dims();
            let kernel = self.geometry.kernel;
            let fits = [inputs, height, width] == [self.inputs(), kernel, kernel]
                && up.dims() == [self.outputs(), rank, 1, 1];
            if !fits || scale.dims() != [1] {
                return false;
            }
        }
        self.branch = branch;
        true
    }
}

/// The convolution itself.
///
/// x [batch, inputs, height, width], weight [outputs, inputs, kernel, kernel], bias [outputs]
/// -> [batch, outputs, height', width']
pub fn convolve(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    geometry: Geometry,
) -> Tensor<4> {
    if geometry == Geometry::POINTWISE {
        return convolve_pointwise(x, weight, bias);
    }
    let Geometry {
        stride, padding, ..
    } = geometry;
    let options = ConvOptions::new_with_padding([stride; 2], [padding; 2], [1, 1], 1);
    module::conv2d(x, weight, bias, options)
}

/// A 1 x 1 convolution is a matrix product on [inputs, pixels]: no relayout to channels last and back, and under
/// autodiff the matrix product keeps only what a gradient needs, where burn's convolution keeps everything.
fn convolve_pointwise(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>) -> Tensor<4> {
    let [batch, inputs, height, width] = x.dims();
    let outputs = weight.dims()[0];
    let x = x.reshape([batch, inputs, height * width]);
    let mut y = weight.reshape([1, outputs, inputs]).matmul(x);
    if let Some(bias) = bias {
        y = y + bias.reshape([1, outputs, 1]);
    }
    y.reshape([batch, outputs, height, width])
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Distribution;

    /// diffusers pads right and below by hand where a downsampler's padding is 0.
    #[test]
    fn pads_each_side_by_its_own() {
        let device = Device::flex();
        let x = Tensor::<4>::random([1, 2, 4, 6], Distribution::Default, &device);
        let weight = Tensor::<4>::random([3, 2, 3, 3], Distribution::Default, &device);
        let below = Tensor::zeros([1, 2, 1, 6], &device);
        let right = Tensor::zeros([1, 2, 5, 1], &device);
        let padded = Tensor::cat(vec![Tensor::cat(vec![x.clone(), below], 2), right], 3);
        let expected = convolve(padded, weight.clone(), None, Geometry::new(3, 2, (0, 0)));
        let found = convolve(x, weight, None, Geometry::new(3, 2, (0, 1)));
        assert_eq!(found.dims(), [1, 3, 2, 3]);
        assert!((found - expected).abs().max().into_scalar::<f32>() < 1e-5);
    }

    #[test]
    fn a_pointwise_convolution_is_a_convolution() {
        let device = Device::flex();
        let x = Tensor::<4>::random([2, 5, 4, 6], Distribution::Default, &device);
        let weight = Tensor::<4>::random([3, 5, 1, 1], Distribution::Default, &device);
        let bias = Tensor::<1>::random([3], Distribution::Default, &device);
        let options = ConvOptions::new([1, 1], [0, 0], [1, 1], 1);
        let expected = module::conv2d(x.clone(), weight.clone(), Some(bias.clone()), options);
        let found = convolve(x, weight, Some(bias), Geometry::POINTWISE);
        assert!((found - expected).abs().max().into_scalar::<f32>() < 1e-5);
    }
}
