use atelier_kernels::group_norm;
use burn::tensor::Tensor;

use crate::ModelError;
use crate::tensors::Scope;

/// Group normalisation (<https://arxiv.org/abs/1803.08494>) with a frozen weight and bias a channel.
#[derive(Debug, Clone)]
pub struct GroupNorm {
    groups: usize,
    eps: f64,
    /// [channels]
    weight: Tensor<1>,
    /// [channels]
    bias: Tensor<1>,
}

impl GroupNorm {
    pub(crate) fn load(
        scope: &mut Scope,
        groups: usize,
        channels: usize,
        eps: f64,
    ) -> Result<Self, ModelError> {
        if groups == 0 || !channels.is_multiple_of(groups) {
            return Err(ModelError::BadConfig {
                model: "UNet2DConditionModel",
                problem: format!("{channels} channels do not part into {groups} groups"),
            });
        }
        Ok(Self {
            groups,
            eps,
            weight: scope.take("weight", [channels])?,
            bias: scope.take("bias", [channels])?,
        })
    }

    /// [batch, height, width, channels] -> the same
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.run(x, false)
    }

    /// As [`forward`](Self::forward), with SiLU after.
    pub fn forward_silu(&self, x: Tensor<4>) -> Tensor<4> {
        self.run(x, true)
    }

    fn run(&self, x: Tensor<4>, silu: bool) -> Tensor<4> {
        let dims = x.dims();
        let [batch, height, width, channels] = dims;
        let x = x.reshape([batch, height * width, channels]);
        let (weight, bias) = (self.weight.clone(), self.bias.clone());
        group_norm(x, weight, bias, self.groups, self.eps, silu).reshape(dims)
    }
}
