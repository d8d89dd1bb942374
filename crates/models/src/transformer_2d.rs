use atelier_kernels::Plus;
use burn::tensor::Tensor;

use crate::ModelError;
use crate::adapt::Visitor;
use crate::attention::BasicTransformerBlock;
use crate::layers::{Conv2d, Geometry, GroupNorm, Linear};
use crate::tensors::Scope;

/// Transformer2DModel's own, whatever the UNet's norm_eps says.
const NORM_EPS: f64 = 1e-6;

/// What a [`Transformer2DModel`] is made after.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TransformerShape {
    pub channels: usize,
    pub heads: usize,
    /// Transformer blocks, one after the other.
    pub depth: usize,
    pub groups: usize,
    pub cross_attention_dim: usize,
    pub use_linear_projection: bool,
}

/// Pixels as tokens: a projection in, transformer blocks, a projection out, added to what came in.
#[derive(Debug, Clone)]
pub(crate) struct Transformer2DModel {
    norm: GroupNorm,
    projections: InOut,
    blocks: Vec<BasicTransformerBlock>,
}

/// `proj_in` and `proj_out`: SD 1.x has 1 x 1 convolutions, SD 2.x linear layers.
#[derive(Debug, Clone)]
enum InOut {
    Linear(Linear, Linear),
    Conv(Conv2d, Conv2d),
}

impl Transformer2DModel {
    pub fn load(scope: &mut Scope, shape: TransformerShape) -> Result<Self, ModelError> {
        let TransformerShape {
            channels, heads, ..
        } = shape;
        if heads == 0 || !channels.is_multiple_of(heads) {
            return Err(ModelError::BadConfig {
                model: "UNet2DConditionModel",
                problem: format!("{channels} channels do not part into {heads} heads"),
            });
        }
        let norm = GroupNorm::load(&mut scope.child("norm"), shape.groups, channels, NORM_EPS)?;
        let projections = if shape.use_linear_projection {
            let mut load = |name| Linear::load(&mut scope.child(name), channels, channels);
            InOut::Linear(load("proj_in")?, load("proj_out")?)
        } else {
            let mut load = |name| {
                let geometry = Geometry::POINTWISE;
                Conv2d::load(&mut scope.child(name), channels, channels, geometry)
            };
            InOut::Conv(load("proj_in")?, load("proj_out")?)
        };
        let blocks = (0..shape.depth)
            .map(|i| {
                let mut scope = scope.child(format_args!("transformer_blocks.{i}"));
                BasicTransformerBlock::load(&mut scope, channels, heads, shape.cross_attention_dim)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            norm,
            projections,
            blocks,
        })
    }

    /// x [batch, channels, height, width], text [batch, text tokens, cross_attention_dim] -> x's shape
    pub fn forward(&self, x: Tensor<4>, text: &Tensor<3>) -> Tensor<4> {
        let [batch, height, width, channels] = x.dims();
        let hidden = self.norm.forward(x.clone());
        let hidden = match &self.projections {
            InOut::Linear(proj_in, _) => proj_in.forward(hidden),
            InOut::Conv(proj_in, _) => proj_in.forward(hidden),
        };
        let tokens = hidden.reshape([batch, height * width, channels]);
        let tokens = self
            .blocks
            .iter()
            .fold(tokens, |tokens, block| block.forward(tokens, text));
        let hidden = tokens.reshape([batch, height, width, channels]);
        match &self.projections {
            InOut::Linear(_, proj_out) => proj_out.forward_plus(hidden, x),
            InOut::Conv(_, proj_out) => proj_out.forward_plus(hidden, Plus::Residual(x)),
        }
    }

    pub fn projections(&mut self, visitor: &mut Visitor) {
        match &mut self.projections {
            InOut::Linear(proj_in, _) => visitor.linear("proj_in", proj_in),
            InOut::Conv(proj_in, _) => visitor.conv("proj_in", proj_in),
        }
        for (i, block) in self.blocks.iter_mut().enumerate() {
            visitor.scope(format_args!("transformer_blocks.{i}"), |v| {
                block.projections(v);
            });
        }
        match &mut self.projections {
            InOut::Linear(_, proj_out) => visitor.linear("proj_out", proj_out),
            InOut::Conv(_, proj_out) => visitor.conv("proj_out", proj_out),
        }
    }
}
