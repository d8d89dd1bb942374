use burn::tensor::{Tensor, activation};

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

    /// [batch, channels, height, width] -> the same
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        group_norm(
            x,
            self.groups,
            self.weight.clone(),
            self.bias.clone(),
            self.eps,
        )
    }

    /// [`forward`](Self::forward), then SiLU.
    pub fn forward_silu(&self, x: Tensor<4>) -> Tensor<4> {
        group_norm_silu(
            x,
            self.groups,
            self.weight.clone(),
            self.bias.clone(),
            self.eps,
        )
    }
}

/// x [batch, channels, height, width], weight and bias [channels] -> [batch, channels, height, width]
pub fn group_norm(
    x: Tensor<4>,
    groups: usize,
    weight: Tensor<1>,
    bias: Tensor<1>,
    eps: f64,
) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let x = x.reshape([batch, groups, channels / groups * height * width]);
    let centred = x.clone() - x.mean_dim(2);
    let variance = (centred.clone() * centred.clone()).mean_dim(2);
    let y = centred / (variance + eps).sqrt();
    y.reshape([batch, channels, height, width]) * weight.reshape([1, channels, 1, 1])
        + bias.reshape([1, channels, 1, 1])
}

/// `silu(group_norm(x))`: together, because one kernel can do both.
pub fn group_norm_silu(
    x: Tensor<4>,
    groups: usize,
    weight: Tensor<1>,
    bias: Tensor<1>,
    eps: f64,
) -> Tensor<4> {
    activation::silu(group_norm(x, groups, weight, bias, eps))
}
