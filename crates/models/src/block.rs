//! One transformer block and one residual block after it, as they follow each other in the middle of a UNet: the
//! piece by which training is compared with other libraries (tests/bench).

use burn::tensor::Tensor;

use crate::ModelError;
use crate::adapt::{self, AdaptablePath, Projections, Visitor};
use crate::attention::BasicTransformerBlock;
use crate::resnet::{ResnetBlock2D, ResnetShape};
use crate::tensors::{Scope, TensorMap};

/// Sizes of a [`Block`].
#[derive(Debug, Clone, Copy)]
pub struct BlockShape {
    pub channels: usize,
    pub heads: usize,
    /// Width of the text's embeddings.
    pub text: usize,
    /// Width of the time embedding.
    pub time: usize,
    /// Groups of the residual block's GroupNorm.
    pub groups: usize,
}

/// Frozen, with LoRA branches as a UNet has them.
#[derive(Debug, Clone)]
pub struct Block {
    transformer: BasicTransformerBlock,
    resnet: ResnetBlock2D,
}

impl Block {
    /// From diffusers' weights, `transformer.` and `resnet.` before their names.
    ///
    /// # Errors
    /// A tensor that is missing, has another shape, or is left over.
    pub fn load(shape: BlockShape, mut tensors: TensorMap) -> Result<Self, ModelError> {
        let BlockShape {
            channels,
            heads,
            text,
            time,
            groups,
        } = shape;
        let mut scope = Scope::root(&mut tensors);
        let mut inside = scope.child("transformer");
        let transformer = BasicTransformerBlock::load(&mut inside, channels, heads, text)?;
        let shape = ResnetShape {
            time: Some(time),
            groups,
            eps: 1e-5,
        };
        let mut inside = scope.child("resnet");
        let resnet = ResnetBlock2D::load(&mut inside, channels, channels, shape)?;
        tensors.finish(|_| false)?;
        Ok(Self {
            transformer,
            resnet,
        })
    }

    /// x [batch, side * side, channels], text [batch, text tokens, text], time [batch, time] (already through SiLU)
    /// -> [batch, side, side, channels]
    pub fn forward(
        &self,
        x: Tensor<3>,
        text: &Tensor<3>,
        time: &Tensor<2>,
        side: usize,
    ) -> Tensor<4> {
        let [batch, _, channels] = x.dims();
        let hidden = self.transformer.forward(x, text);
        let picture = hidden.reshape([batch, side, side, channels]);
        self.resnet.forward(picture, Some(time))
    }

    /// Every layer that can have a LoRA branch.
    pub fn adaptable(&self) -> Vec<AdaptablePath> {
        adapt::adaptable(self)
    }
}

impl Projections for Block {
    fn projections(&mut self, visitor: &mut Visitor) {
        visitor.scope("transformer", |v| self.transformer.projections(v));
        visitor.scope("resnet", |v| self.resnet.projections(v));
    }
}
