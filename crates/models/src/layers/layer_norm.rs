use atelier_kernels::layer_norm;
use burn::tensor::Tensor;

use crate::ModelError;
use crate::tensors::Scope;

/// Layer normalisation (<https://arxiv.org/abs/1607.06450>) over the last axis, with frozen weight and bias.
#[derive(Debug, Clone)]
pub struct LayerNorm {
    /// [width]
    weight: Tensor<1>,
    /// [width]
    bias: Tensor<1>,
    eps: f64,
}

impl LayerNorm {
    pub(crate) fn load(scope: &mut Scope, width: usize, eps: f64) -> Result<Self, ModelError> {
        Ok(Self {
            weight: scope.take("weight", [width])?,
            bias: scope.take("bias", [width])?,
            eps,
        })
    }

    /// [..., width] -> the same
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        layer_norm(x, self.weight.clone(), self.bias.clone(), self.eps)
    }
}
