use atelier_kernels::{ConvGeometry, FrozenWeight, LowRank, Plus, Precision, conv};
use burn::tensor::{Device, Tensor};

use crate::ModelError;
use crate::tensors::Scope;

/// How a convolution reads its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    pub kernel: usize,
    pub stride: usize,
    /// Rows above and columns left of the input, and rows below and columns right of it.
    pub padding: (usize, usize),
}

impl Geometry {
    /// 1x1.
    pub const POINTWISE: Self = Self::new(1, 1, (0, 0));
    /// 3x3, as many pixels out as in.
    pub const SAME_3: Self = Self::new(3, 1, (1, 1));

    pub const fn new(kernel: usize, stride: usize, padding: (usize, usize)) -> Self {
        Self {
            kernel,
            stride,
            padding,
        }
    }

    fn to_kernel(self) -> ConvGeometry {
        ConvGeometry {
            kernel: self.kernel,
            stride: self.stride,
            pad_begin: self.padding.0,
            pad_end: self.padding.1,
            upsample: false,
        }
    }
}

/// PyTorch's `Conv2d` with a square kernel, and a LoRA branch beside it. Pictures are
/// [batch, height, width, channels] here: a pixel's channels lie together, so a convolution is a
/// product of rows, and pictures and tokens are the same numbers in the same order.
#[derive(Debug, Clone)]
pub struct Conv2d {
    /// [outputs, kernel * kernel, inputs]
    weight: FrozenWeight,
    /// [outputs], zero where the layer has none
    bias: Tensor<1>,
    geometry: Geometry,
    branch: Option<LowRank>,
}

impl Conv2d {
    pub(crate) fn load(
        scope: &mut Scope,
        inputs: usize,
        outputs: usize,
        geometry: Geometry,
    ) -> Result<Self, ModelError> {
        let mut conv = Self::load_without_bias(scope, inputs, outputs, geometry)?;
        conv.bias = scope.take("bias", [outputs])?;
        Ok(conv)
    }

    pub(crate) fn load_without_bias(
        scope: &mut Scope,
        inputs: usize,
        outputs: usize,
        geometry: Geometry,
    ) -> Result<Self, ModelError> {
        let weight = scope.weight(&[outputs, inputs, geometry.kernel, geometry.kernel])?;
        Ok(Self {
            bias: Tensor::zeros([outputs], &weight.device()),
            weight,
            geometry,
            branch: None,
        })
    }

    /// A 1 x 1 convolution over channels that come in several tensors, with as many as `inputs` says: one for
    /// each, of which the first has the bias. Their results are added.
    pub(crate) fn load_parts(
        scope: &mut Scope,
        inputs: &[usize],
        outputs: usize,
    ) -> Result<Vec<Self>, ModelError> {
        let all = inputs.iter().sum();
        let published: Tensor<4> = scope.take("weight", [outputs, all, 1, 1])?;
        let bias: Tensor<1> = scope.take("bias", [outputs])?;
        let mut start = 0;
        Ok(inputs
            .iter()
            .map(|&inputs| {
                let part = published.clone().narrow(1, start, inputs);
                let bias = match start {
                    0 => bias.clone(),
                    _ => bias.zeros_like(),
                };
                start += inputs;
                Self {
                    weight: FrozenWeight::new(part.reshape([outputs, 1, inputs]), Precision::F32),
                    bias,
                    geometry: Geometry::POINTWISE,
                    branch: None,
                }
            })
            .collect())
    }

    /// Channels of its input.
    pub fn inputs(&self) -> usize {
        self.weight.dims()[2]
    }

    /// Channels of its output.
    pub fn outputs(&self) -> usize {
        self.weight.dims()[0]
    }

    pub(crate) fn device(&self) -> Device {
        self.weight.device()
    }

    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// [batch, height, width, inputs] -> [batch, height', width', outputs]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_plus(x, Plus::Nothing)
    }

    /// As [`forward`](Self::forward) of `x` twice as high and wide, by nearest neighbours.
    pub fn forward_upsampled(&self, x: Tensor<4>) -> Tensor<4> {
        let geometry = ConvGeometry {
            upsample: true,
            ..self.geometry.to_kernel()
        };
        self.run(x, Plus::Nothing, geometry)
    }

    /// As [`forward`](Self::forward), with something added to the result.
    pub fn forward_plus(&self, x: Tensor<4>, plus: Plus) -> Tensor<4> {
        self.run(x, plus, self.geometry.to_kernel())
    }

    fn run(&self, x: Tensor<4>, plus: Plus, geometry: ConvGeometry) -> Tensor<4> {
        let (bias, branch) = (self.bias.clone(), self.branch.as_ref());
        conv(x, &self.weight, bias, branch, plus, geometry)
    }

    /// Sets or clears the LoRA branch; false if its shapes do not fit.
    pub(crate) fn set_branch(&mut self, branch: Option<LowRank>) -> bool {
        if !super::fits(&branch, self.weight.dims()) {
            return false;
        }
        self.branch = branch;
        true
    }
}
