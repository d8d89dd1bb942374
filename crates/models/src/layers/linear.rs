use burn::tensor::{Tensor, module};

use super::LinearLowRank;
use crate::ModelError;
use crate::tensors::Scope;

/// `y = xW + b`, plus `scale * (x·down)·up` where there is a LoRA branch. W and b are frozen.
#[derive(Debug, Clone)]
pub struct Linear {
    /// [inputs, outputs]: a transposed view of the published [outputs, inputs].
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
            weight: scope.take("weight", [outputs, inputs])?.transpose(),
            bias: None,
            branch: None,
        })
    }

    pub fn inputs(&self) -> usize {
        self.weight.dims()[0]
    }

    pub fn outputs(&self) -> usize {
        self.weight.dims()[1]
    }

    /// [..., inputs] -> [..., outputs]
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let mut dims = x.dims();
        let rows = dims[..D - 1].iter().product();
        // Two axes on purpose: with more, burn may broadcast the weight by copying it.
        let x = x.reshape([rows, self.inputs()]);
        let mut y = module::linear(x.clone(), self.weight.clone(), self.bias.clone());
        if let Some(LinearLowRank { down, up, scale }) = &self.branch {
            // The scale meets the narrow middle, [rows, rank], where it costs least.
            let middle = x.matmul(down.clone()) * scale.clone().reshape([1, 1]);
            y = y + middle.matmul(up.clone());
        }
        dims[D - 1] = self.outputs();
        y.reshape(dims)
    }

    /// Sets or clears the LoRA branch; false if its shapes do not fit.
    pub(crate) fn set_branch(&mut self, branch: Option<LinearLowRank>) -> bool {
        if let Some(LinearLowRank { down, up, scale }) = &branch {
            let [inputs, rank] = down.dims();
            let fits = inputs == self.inputs() && up.dims() == [rank, self.outputs()];
            if !fits || scale.dims() != [1] {
                return false;
            }
        }
        self.branch = branch;
        true
    }
}
