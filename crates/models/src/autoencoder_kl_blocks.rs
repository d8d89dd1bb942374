//! The two halves of [`AutoencoderKL`](crate::AutoencoderKL).

use atelier_kernels::{FrozenWeight, Precision, linear};
use burn::tensor::{Tensor, activation};

use crate::ModelError;
use crate::layers::{Conv2d, Geometry, GroupNorm, Linear};
use crate::resnet::{Downsample2D, ResnetBlock2D, ResnetShape, Upsample2D};
use crate::tensors::Scope;

/// Epsilon of every GroupNorm, whatever config.json says: diffusers has it so.
const EPS: f64 = 1e-6;

/// Most attention scores that are held at a time: 64 MiB.
const MOST_SCORES: usize = 1 << 24;

/// What both halves are made after.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Levels<'a> {
    /// Of each level, from the finest.
    pub channels: &'a [usize],
    /// Residual blocks of the encoder's levels.
    pub layers: usize,
    pub groups: usize,
    pub attends: bool,
}

impl Levels<'_> {
    fn resnet(&self) -> ResnetShape {
        ResnetShape {
            time: None,
            groups: self.groups,
            eps: EPS,
        }
    }

    fn finest(&self) -> usize {
        self.channels.first().copied().unwrap_or_default()
    }

    fn coarsest(&self) -> usize {
        self.channels.last().copied().unwrap_or_default()
    }

    /// `count` residual blocks, the first of them from `inputs` channels.
    fn resnets(
        &self,
        scope: &mut Scope,
        count: usize,
        inputs: usize,
        outputs: usize,
    ) -> Result<Vec<ResnetBlock2D>, ModelError> {
        (0..count)
            .map(|i| {
                let inputs = if i == 0 { inputs } else { outputs };
                let mut scope = scope.child(format_args!("resnets.{i}"));
                ResnetBlock2D::load(&mut scope, inputs, outputs, self.resnet())
            })
            .collect()
    }

    fn norm(&self, scope: &mut Scope, channels: usize) -> Result<GroupNorm, ModelError> {
        GroupNorm::load(scope, self.groups, channels, EPS)
    }
}

fn run(resnets: &[ResnetBlock2D], x: Tensor<4>) -> Tensor<4> {
    (resnets.iter()).fold(x, |x, resnet| resnet.forward(x, None))
}

/// Pictures to the moments of their latents.
#[derive(Debug, Clone)]
pub(crate) struct Encoder {
    conv_in: Conv2d,
    blocks: Vec<(Vec<ResnetBlock2D>, Option<Downsample2D>)>,
    mid_block: MidBlock,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl Encoder {
    pub fn load(
        scope: &mut Scope,
        levels: Levels,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, ModelError> {
        let (finest, coarsest) = (levels.finest(), levels.coarsest());
        let same = Geometry::SAME_3;
        let conv_in = Conv2d::load(&mut scope.child("conv_in"), inputs, finest, same)?;
        let mut blocks = Vec::new();
        let mut before = finest;
        for (i, &channels) in levels.channels.iter().enumerate() {
            let mut scope = scope.child(format_args!("down_blocks.{i}"));
            let resnets = levels.resnets(&mut scope, levels.layers, before, channels)?;
            let mut scope = scope.child("downsamplers.0");
            let downsampler = (i + 1 < levels.channels.len())
                .then(|| Downsample2D::load(&mut scope, channels, 0))
                .transpose()?;
            blocks.push((resnets, downsampler));
            before = channels;
        }
        Ok(Self {
            conv_in,
            blocks,
            mid_block: MidBlock::load(&mut scope.child("mid_block"), levels)?,
            conv_norm_out: levels.norm(&mut scope.child("conv_norm_out"), coarsest)?,
            conv_out: Conv2d::load(&mut scope.child("conv_out"), coarsest, outputs, same)?,
        })
    }

    /// [batch, height, width, inputs] -> [batch, height / 8, width / 8, outputs] (for four levels)
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let mut x = self.conv_in.forward(x);
        for (resnets, downsampler) in &self.blocks {
            x = run(resnets, x);
            if let Some(downsampler) = downsampler {
                x = downsampler.forward(x);
            }
        }
        let x = self.mid_block.forward(x);
        self.conv_out.forward(self.conv_norm_out.forward_silu(x))
    }
}

/// Latents to pictures.
#[derive(Debug, Clone)]
pub(crate) struct Decoder {
    conv_in: Conv2d,
    mid_block: MidBlock,
    blocks: Vec<(Vec<ResnetBlock2D>, Option<Upsample2D>)>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl Decoder {
    pub fn load(
        scope: &mut Scope,
        levels: Levels,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, ModelError> {
        let (finest, coarsest) = (levels.finest(), levels.coarsest());
        let same = Geometry::SAME_3;
        let conv_in = Conv2d::load(&mut scope.child("conv_in"), inputs, coarsest, same)?;
        let mid_block = MidBlock::load(&mut scope.child("mid_block"), levels)?;
        let mut blocks = Vec::new();
        let mut before = coarsest;
        for (i, &channels) in levels.channels.iter().rev().enumerate() {
            let mut scope = scope.child(format_args!("up_blocks.{i}"));
            let resnets = levels.resnets(&mut scope, levels.layers + 1, before, channels)?;
            let mut scope = scope.child("upsamplers.0");
            let upsampler = (i + 1 < levels.channels.len())
                .then(|| Upsample2D::load(&mut scope, channels))
                .transpose()?;
            blocks.push((resnets, upsampler));
            before = channels;
        }
        Ok(Self {
            conv_in,
            mid_block,
            blocks,
            conv_norm_out: levels.norm(&mut scope.child("conv_norm_out"), finest)?,
            conv_out: Conv2d::load(&mut scope.child("conv_out"), finest, outputs, same)?,
        })
    }

    /// [batch, height, width, inputs] -> [batch, 8 * height, 8 * width, outputs] (for four levels)
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let mut x = self.mid_block.forward(self.conv_in.forward(x));
        for (resnets, upsampler) in &self.blocks {
            x = run(resnets, x);
            if let Some(upsampler) = upsampler {
                let [_, height, width, _] = x.dims();
                x = upsampler.forward(x, [2 * height, 2 * width]);
            }
        }
        self.conv_out.forward(self.conv_norm_out.forward_silu(x))
    }
}

/// A residual block, attention among all pixels, a residual block.
#[derive(Debug, Clone)]
struct MidBlock {
    first: ResnetBlock2D,
    attention: Option<AttentionBlock>,
    last: ResnetBlock2D,
}

impl MidBlock {
    fn load(scope: &mut Scope, levels: Levels) -> Result<Self, ModelError> {
        let channels = levels.coarsest();
        let mut resnet =
            |name| ResnetBlock2D::load(&mut scope.child(name), channels, channels, levels.resnet());
        let (first, last) = (resnet("resnets.0")?, resnet("resnets.1")?);
        let mut scope = scope.child("attentions.0");
        let attention = (levels.attends)
            .then(|| AttentionBlock::load(&mut scope, levels))
            .transpose()?;
        Ok(Self {
            first,
            attention,
            last,
        })
    }

    /// [batch, height, width, channels] -> the same
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.first.forward(x, None);
        let x = match &self.attention {
            Some(attention) => attention.forward(x),
            None => x,
        };
        self.last.forward(x, None)
    }
}

/// Attention with one head as wide as the picture has channels.
#[derive(Debug, Clone)]
struct AttentionBlock {
    group_norm: GroupNorm,
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
}

impl AttentionBlock {
    fn load(scope: &mut Scope, levels: Levels) -> Result<Self, ModelError> {
        let channels = levels.coarsest();
        let group_norm = levels.norm(&mut scope.child("group_norm"), channels)?;
        let mut linear = |name| Linear::load(&mut scope.child(name), channels, channels);
        Ok(Self {
            group_norm,
            to_q: linear("to_q")?,
            to_k: linear("to_k")?,
            to_v: linear("to_v")?,
            to_out: linear("to_out.0")?,
        })
    }

    /// [batch, height, width, channels] -> the same
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let dims = x.dims();
        let [batch, height, width, channels] = dims;
        let tokens =
            (self.group_norm.forward(x.clone())).reshape([batch, height * width, channels]);
        let q = self.to_q.forward(tokens.clone());
        let k = self.to_k.forward(tokens.clone());
        let v = self.to_v.forward(tokens);
        let images = (0..batch).map(|i| {
            let [q, k, v] = [&q, &k, &v].map(|x| x.clone().narrow(0, i, 1).squeeze_dim::<2>(0));
            one_head(q, k, v).unsqueeze::<3>()
        });
        let attended = Tensor::cat(images.collect(), 0);
        let residual = x.reshape([batch, height * width, channels]);
        self.to_out.forward_plus(attended, residual).reshape(dims)
    }
}

/// `softmax(q kᵀ / sqrt(channels)) v`, some queries at a time, as two linear layers whose weights are k and v: heads as
/// wide as these (512 in Stable Diffusion) are beyond what the flash kernel keeps in registers.
///
/// q, k and v [tokens, channels] -> the same
fn one_head(q: Tensor<2>, k: Tensor<2>, v: Tensor<2>) -> Tensor<2> {
    let [tokens, channels] = q.dims();
    let device = q.device();
    let q = q * (1.0 / (channels as f64).sqrt());
    let weight = |w: Tensor<2>| {
        let [outputs, inputs] = w.dims();
        FrozenWeight::new(w.reshape([outputs, 1, inputs]), Precision::F32)
    };
    let (k, v) = (weight(k), weight(v.swap_dims(0, 1)));
    let at_once = (MOST_SCORES / tokens).clamp(1, tokens);
    let parts = (0..tokens).step_by(at_once).map(|start| {
        let q = q.clone().narrow(0, start, at_once.min(tokens - start));
        let scores = linear(q, &k, Tensor::zeros([tokens], &device), None, None);
        let shares = activation::softmax(scores, 1);
        linear(shares, &v, Tensor::zeros([channels], &device), None, None)
    });
    Tensor::cat(parts.collect(), 0)
}
