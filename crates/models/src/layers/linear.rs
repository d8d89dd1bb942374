use atelier_kernels::{FrozenWeight, LowRank, linear};
use burn::tensor::Tensor;

use crate::ModelError;
use crate::tensors::Scope;

/// `y = xW + b`, plus `scale * (x·down)·up` where there is a LoRA branch. W and b are frozen.
#[derive(Debug, Clone)]
pub struct Linear {
    /// [outputs, 1, inputs]
    weight: FrozenWeight,
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
        let mut linear = Self::load_without_bias(scope, inputs, outputs)?;
        linear.bias = scope.take("bias", [outputs])?;
        Ok(linear)
    }

    pub(crate) fn load_without_bias(
        scope: &mut Scope,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, ModelError> {
        let weight = scope.weight(&[outputs, inputs])?;
        Ok(Self {
            bias: Tensor::zeros([outputs], &weight.device()),
            weight,
            branch: None,
        })
    }

    pub fn inputs(&self) -> usize {
        self.weight.dims()[2]
    }

    pub fn outputs(&self) -> usize {
        self.weight.dims()[0]
    }

    /// [..., inputs] -> [..., outputs]
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        linear(
            x,
            &self.weight,
            self.bias.clone(),
            self.branch.as_ref(),
            None,
        )
    }

    /// As [`forward`](Self::forward), with `residual`, [..., outputs], added to the result.
    pub fn forward_plus<const D: usize>(&self, x: Tensor<D>, residual: Tensor<D>) -> Tensor<D> {
        let (branch, residual) = (self.branch.as_ref(), Some(residual));
        linear(x, &self.weight, self.bias.clone(), branch, residual)
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
