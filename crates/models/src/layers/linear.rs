use atelier_kernels::linear;
use burn::tensor::Tensor;

use super::LinearLowRank;
use crate::ModelError;
use crate::tensors::Scope;

/// `y = xW + b`, plus `scale * (x·down)·up` where there is a LoRA branch. W and b are frozen.
#[derive(Debug, Clone)]
pub struct Linear {
    /// [outputs, inputs]: a transposed view of the published [outputs, inputs].
    weight: Tensor<2>,
    /// [outputs]
    bias: Option<Tensor<1>>,
    branch: Option<LinearLowRank>,
}

impl Linear {
    pub(crate) fn load(
        scope: &mut Scope,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, ModelError> {
        let mut linear = Self::load_without_bias(scope, inputs, outputs)?;
        linear.bias = Some(scope.take("bias", [outputs])?);
        Ok(linear)
    }

    pub(crate) fn load_without_bias(
        scope: &mut Scope,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, ModelError> {
        Ok(Self {
            weight: scope.take("weight", [outputs, inputs])?,
            bias: None,
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
        let y = linear(x.clone(), self.weight.clone(), self.bias.clone());
        let Some(LinearLowRank { down, up, scale }) = &self.branch else {
            return y;
        };
        // The scale meets the narrow middle, [..., rank], where it costs least.
        let middle = linear(x, down.clone(), None) * scale.clone().reshape([1; D]);
        y + linear(middle, up.clone(), None)
    }

    /// Sets or clears the LoRA branch; false if its shapes do not fit.
    pub(crate) fn set_branch(&mut self, branch: Option<LinearLowRank>) -> bool {
        if let Some(LinearLowRank { down, up, scale }) = &branch {
            let [rank, inputs] = down.dims();
            let fits = inputs == self.inputs() && up.dims() == [self.outputs(), rank];
            if !fits || scale.dims() != [1] {
                return false;
            }
        }
        self.branch = branch;
        true
    }
}
