//! Attention and the transformer block around it.

use atelier_kernels::{attention, geglu};
use burn::tensor::Tensor;

use crate::ModelError;
use crate::adapt::Visitor;
use crate::layers::{LayerNorm, Linear};
use crate::tensors::Scope;

/// `torch.nn.LayerNorm`'s default, which diffusers' transformer blocks use.
const LAYER_NORM_EPS: f64 = 1e-5;

/// Multi-head attention of tokens to themselves, or to a context (the text).
#[derive(Debug, Clone)]
pub(crate) struct Attention {
    heads: usize,
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
}

impl Attention {
    /// `context` is the width of what is attended to: for self-attention, `width` too.
    pub fn load(
        scope: &mut Scope,
        width: usize,
        context: usize,
        heads: usize,
    ) -> Result<Self, ModelError> {
        Ok(Self {
            heads,
            to_q: Linear::load_without_bias(&mut scope.child("to_q"), width, width)?,
            to_k: Linear::load_without_bias(&mut scope.child("to_k"), context, width)?,
            to_v: Linear::load_without_bias(&mut scope.child("to_v"), context, width)?,
            to_out: Linear::load(&mut scope.child("to_out.0"), width, width)?,
        })
    }

    /// x [batch, tokens, width], context [batch, keys, context width], added to residual [batch, tokens, width]
    pub fn forward(&self, x: Tensor<3>, context: Tensor<3>, residual: Tensor<3>) -> Tensor<3> {
        let q = self.to_q.forward(x);
        let k = self.to_k.forward(context.clone());
        let v = self.to_v.forward(context);
        let attended = attention(q, k, v, None, self.heads);
        self.to_out.forward_plus(attended, residual)
    }

    pub fn projections(&mut self, visitor: &mut Visitor) {
        visitor.linear("to_q", &mut self.to_q);
        visitor.linear("to_k", &mut self.to_k);
        visitor.linear("to_v", &mut self.to_v);
        visitor.linear("to_out.0", &mut self.to_out);
    }
}

/// Two linear layers with a GEGLU (<https://arxiv.org/abs/2002.05202>) between them, four times as wide.
#[derive(Debug, Clone)]
pub(crate) struct FeedForward {
    proj: Linear,
    out: Linear,
}

impl FeedForward {
    pub fn load(scope: &mut Scope, width: usize) -> Result<Self, ModelError> {
        let inner = 4 * width;
        Ok(Self {
            proj: Linear::load(&mut scope.child("net.0.proj"), width, 2 * inner)?,
            out: Linear::load(&mut scope.child("net.2"), inner, width)?,
        })
    }

    /// [batch, tokens, width], added to residual, shaped the same
    pub fn forward(&self, x: Tensor<3>, residual: Tensor<3>) -> Tensor<3> {
        let hidden = geglu(self.proj.forward(x));
        self.out.forward_plus(hidden, residual)
    }

    pub fn projections(&mut self, visitor: &mut Visitor) {
        visitor.linear("net.0.proj", &mut self.proj);
        visitor.linear("net.2", &mut self.out);
    }
}

/// Self-attention, attention to the text, feed-forward; each normalised before and added to what came in.
#[derive(Debug, Clone)]
pub(crate) struct BasicTransformerBlock {
    norm1: LayerNorm,
    attn1: Attention,
    norm2: LayerNorm,
    attn2: Attention,
    norm3: LayerNorm,
    ff: FeedForward,
}

impl BasicTransformerBlock {
    pub fn load(
        scope: &mut Scope,
        width: usize,
        heads: usize,
        cross_attention_dim: usize,
    ) -> Result<Self, ModelError> {
        let mut norm = |name: &str| LayerNorm::load(&mut scope.child(name), width, LAYER_NORM_EPS);
        let (norm1, norm2, norm3) = (norm("norm1")?, norm("norm2")?, norm("norm3")?);
        Ok(Self {
            norm1,
            attn1: Attention::load(&mut scope.child("attn1"), width, width, heads)?,
            norm2,
            attn2: Attention::load(&mut scope.child("attn2"), width, cross_attention_dim, heads)?,
            norm3,
            ff: FeedForward::load(&mut scope.child("ff"), width)?,
        })
    }

    /// x [batch, tokens, width], text [batch, text tokens, cross_attention_dim] -> [batch, tokens, width]
    pub fn forward(&self, x: Tensor<3>, text: &Tensor<3>) -> Tensor<3> {
        let normed = self.norm1.forward(x.clone());
        let x = self.attn1.forward(normed.clone(), normed, x);
        let normed = self.norm2.forward(x.clone());
        let x = self.attn2.forward(normed, text.clone(), x);
        let normed = self.norm3.forward(x.clone());
        self.ff.forward(normed, x)
    }

    pub fn projections(&mut self, visitor: &mut Visitor) {
        visitor.scope("attn1", |v| self.attn1.projections(v));
        visitor.scope("attn2", |v| self.attn2.projections(v));
        visitor.scope("ff", |v| self.ff.projections(v));
    }
}
