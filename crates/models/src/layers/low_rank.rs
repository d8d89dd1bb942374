use burn::tensor::Tensor;

/// The branch that LoRA (<https://arxiv.org/abs/2106.09685>) adds to a linear layer: `scale * (x·down^T)·up^T`.
#[derive(Debug, Clone)]
pub struct LinearLowRank {
    /// [rank, inputs], as in files
    pub down: Tensor<2>,
    /// [outputs, rank], as in files
    pub up: Tensor<2>,
    /// [1]: alpha / rank times the strength. On the device, so that a recorded graph reads what it is now.
    pub scale: Tensor<1>,
}

/// The branch that LoRA adds to a convolution: `scale * up * (down * x)`, `down` with the base's geometry.
#[derive(Debug, Clone)]
pub struct ConvLowRank {
    /// [rank, kernel * kernel, inputs]
    pub down: Tensor<3>,
    /// [outputs, 1, rank]
    pub up: Tensor<3>,
    /// [1]: as in [`LinearLowRank`].
    pub scale: Tensor<1>,
}

/// A LoRA branch for one layer.
#[derive(Debug, Clone)]
pub enum LowRank {
    Linear(LinearLowRank),
    Conv(ConvLowRank),
}

impl LowRank {
    /// The shapes of the factors, for messages.
    pub(crate) fn shapes(&self) -> String {
        match self {
            LowRank::Linear(LinearLowRank { down, up, scale }) => {
                format!("{:?}, {:?}, {:?}", down.dims(), up.dims(), scale.dims())
            }
            LowRank::Conv(ConvLowRank { down, up, scale }) => {
                format!("{:?}, {:?}, {:?}", down.dims(), up.dims(), scale.dims())
            }
        }
    }
}
