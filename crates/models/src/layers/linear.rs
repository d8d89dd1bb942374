use atelier_kernels::{LowRank, linear};
use burn::tensor::Tensor;

use crate::ModelError;
use crate::tensors::Scope;

/// `y = xW + b`, plus `scale * (x·down)·up` where there is a LoRA branch. W and b are frozen.
#[derive(Debug, Clone)]
pub struct Linear {
    /// [outputs, inputs]: a transposed view of the published [outputs, inputs].
    weight: Tensor<2>,
    /// [outputs], zero where the layer has none
    bias: Tensor<1>,
    branch: Option<LowRank>,
}

impl Linear {
    pub(crate) fn load(
        scope: &mut Scope,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, ModelError> {
        Ok(Self {
            weight: scope.take("weight", [outputs, inputs])?,
            bias: scope.take("bias", [outputs])?,
            branch: None,
        })
    }

    pub(crate) fn load_without_bias(
        scope: &mut Scope,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, ModelError> {
        let weight = scope.take("weight", [outputs, inputs])?;
        Ok(Self {
            bias: Tensor::zeros([outputs], &weight.device()),
            weight,
            branch: None,
        })
    }

    pub fn inputs(&self) -> usize {
        self.weight.dims()[1]
    }

    pub fn outputs(&self) -> usize {
        self.weight.dims()[0]
    }

    /// [..., inputs] -> [..., outputs]
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let (weight, bias) = (self.weight.clone(), self.bias.clone());
        linear(x, weight, bias, self.branch.as_ref())
    }

    /// Sets or clears the LoRA branch; false if its shapes do not fit.
    pub(crate) fn set_branch(&mut self, branch: Option<LowRank>) -> bool {
        if !super::fits(&branch, [self.outputs(), 1, self.inputs()]) {
            return false;
        }
        self.branch = branch;
        true
    }
}
