//! The network that predicts what a noisy picture's noise (or velocity) is, given the time and a text.

use burn::tensor::{Tensor, activation};

use crate::adapt::{self, AdaptablePath, Projections, Visitor};
use crate::embeddings::{TimestepEmbedding, Timesteps};
use crate::layers::{Conv2d, Geometry, GroupNorm};
use crate::resnet::ResnetShape;
use crate::tensors::{Scope, TensorMap};
use crate::transformer_2d::TransformerShape;
use crate::unet_2d_blocks::{BlockShape, Conditions, DownBlock, MidBlock, UpBlock};
use crate::unet_2d_config::{DownBlockType, MODEL, UNet2DConditionConfig, UpBlockType};
use crate::{ModelError, PerBlock};
use atelier_kernels::LowRank;

/// diffusers' `UNet2DConditionModel` (Rombach et al., <https://arxiv.org/abs/2112.10752>).
///
/// Clones share their tensors. The weights stay as they are loaded and never get a gradient; whatever is put on with
/// [`set_branch`](Self::set_branch) does, where its factors require one.
#[derive(Debug, Clone)]
pub struct UNet2DConditionModel {
    config: UNet2DConditionConfig,
    time_proj: Timesteps,
    /// Of models that are told the scale of guidance.
    guidance_proj: Option<Timesteps>,
    time_embedding: TimestepEmbedding,
    conv_in: Conv2d,
    down_blocks: Vec<DownBlock>,
    mid_block: Option<MidBlock>,
    up_blocks: Vec<UpBlock>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl UNet2DConditionModel {
    /// Builds the model that `config` describes from `tensors`, on whatever device they are.
    ///
    /// # Errors
    /// A tensor that is missing, has another shape, or is left over.
    pub fn load(config: UNet2DConditionConfig, mut tensors: TensorMap) -> Result<Self, ModelError> {
        let mut scope = Scope::root(&mut tensors);
        let Shapes {
            channels,
            layers,
            attentions,
            resnet,
        } = Shapes::of(&config)?;
        let blocks = channels.len();
        let (first, last) = (channels[0], channels[blocks - 1]);

        let same = Geometry::SAME_3;
        let conv_in = Conv2d::load(&mut scope.child("conv_in"), config.in_channels, first, same)?;
        let mut time_scope = scope.child("time_embedding");
        let (time, condition) = (config.time_embed_dim(), config.time_cond_proj_dim);
        let time_embedding = TimestepEmbedding::load(&mut time_scope, first, time, condition)?;

        // The channels of every skip connection, as `forward` stacks the connections themselves.
        let mut skips = vec![first];
        let mut down_blocks = Vec::new();
        for (i, kind) in config.down_block_types.iter().enumerate() {
            let shape = BlockShape {
                inputs: channels[i.saturating_sub(1)],
                outputs: channels[i],
                layers: layers[i],
                resnet,
                attention: (*kind == DownBlockType::CrossAttnDownBlock2D).then_some(attentions[i]),
            };
            let downsample = (i + 1 < blocks).then_some(config.downsample_padding);
            let mut scope = scope.child(format_args!("down_blocks.{i}"));
            down_blocks.push(DownBlock::load(&mut scope, shape, downsample)?);
            let outputs = layers[i] + usize::from(downsample.is_some());
            skips.extend(std::iter::repeat_n(channels[i], outputs));
        }

        let mid_block = match config.mid_block_type {
            Some(_) => {
                let mut scope = scope.child("mid_block");
                Some(MidBlock::load(&mut scope, resnet, attentions[blocks - 1])?)
            }
            None => None,
        };

        let mut up_blocks = Vec::new();
        for (i, kind) in config.up_block_types.iter().enumerate() {
            let level = blocks - 1 - i;
            let shape = BlockShape {
                inputs: if i == 0 { last } else { channels[level + 1] },
                outputs: channels[level],
                layers: layers[level] + 1,
                resnet,
                attention: (*kind == UpBlockType::CrossAttnUpBlock2D).then_some(attentions[level]),
            };
            let mut taken = skips.split_off(skips.len() - shape.layers);
            taken.reverse();
            let mut scope = scope.child(format_args!("up_blocks.{i}"));
            up_blocks.push(UpBlock::load(&mut scope, shape, &taken, i + 1 < blocks)?);
        }

        let mut norm_scope = scope.child("conv_norm_out");
        let conv_norm_out = GroupNorm::load(&mut norm_scope, resnet.groups, first, resnet.eps)?;
        let conv_out = Conv2d::load(
            &mut scope.child("conv_out"),
            first,
            config.out_channels,
            same,
        )?;
        tensors.finish(|_| false)?;

        let device = conv_in.device();
        let (flip, shift) = (config.flip_sin_to_cos, config.freq_shift);
        Ok(Self {
            time_proj: Timesteps::new(first, flip, shift, &device),
            // Sines first and a denominator less one, whatever the options for timesteps say.
            guidance_proj: condition.map(|width| Timesteps::new(width, false, 1.0, &device)),
            config,
            time_embedding,
            conv_in,
            down_blocks,
            mid_block,
            up_blocks,
            conv_norm_out,
            conv_out,
        })
    }

    pub fn config(&self) -> &UNet2DConditionConfig {
        &self.config
    }

    /// The model's prediction for noisy latents.
    ///
    /// sample [batch, in_channels, height, width], timesteps [batch] (in the 1000 steps of training, whole or
    /// fractional), encoder_hidden_states [batch, text tokens, cross_attention_dim]
    /// -> [batch, out_channels, height, width]
    ///
    /// Height and width can be anything; multiples of 2^[`downsamplings`](UNet2DConditionConfig::downsamplings) are
    /// what models are trained on.
    pub fn forward(
        &self,
        sample: Tensor<4>,
        timesteps: Tensor<1>,
        encoder_hidden_states: Tensor<3>,
    ) -> Tensor<4> {
        self.conditioned(sample, timesteps, encoder_hidden_states, None)
    }

    /// As [`forward`](Self::forward), for a model into which guidance was distilled
    /// ([`time_cond_proj_dim`](UNet2DConditionConfig::time_cond_proj_dim)): it is told the scale, guidance_scale
    /// [batch], in place of a second prediction without the text. Other models do not look at it.
    pub fn forward_guided(
        &self,
        sample: Tensor<4>,
        timesteps: Tensor<1>,
        encoder_hidden_states: Tensor<3>,
        guidance_scale: Tensor<1>,
    ) -> Tensor<4> {
        self.conditioned(
            sample,
            timesteps,
            encoder_hidden_states,
            Some(guidance_scale),
        )
    }

    fn conditioned(
        &self,
        sample: Tensor<4>,
        timesteps: Tensor<1>,
        encoder_hidden_states: Tensor<3>,
        guidance_scale: Option<Tensor<1>>,
    ) -> Tensor<4> {
        let conditions = self.conditions(timesteps, encoder_hidden_states, guidance_scale);
        let mut x = self.enter(sample);
        let mut skips = vec![x.clone()];
        for stage in self.stages() {
            let skip = stage.takes_skip().then(|| skips.pop()).flatten();
            let next = skips.last().map(size);
            x = self.run(stage, x, skip, next, &conditions);
            if stage.gives_skip() {
                skips.push(x.clone());
            }
        }
        self.leave(x)
    }

    pub(crate) fn conditions(
        &self,
        timesteps: Tensor<1>,
        encoder_hidden_states: Tensor<3>,
        guidance_scale: Option<Tensor<1>>,
    ) -> Conditions {
        // The embedding that diffusers' pipelines make of it (`get_guidance_scale_embedding`).
        let condition = match (&self.guidance_proj, guidance_scale) {
            (Some(guidance_proj), Some(scale)) => {
                Some(guidance_proj.forward((scale - 1.0) * 1000.0))
            }
            _ => None,
        };
        let time = self
            .time_embedding
            .forward(self.time_proj.forward(timesteps), condition);
        Conditions {
            time: activation::silu(time),
            text: encoder_hidden_states,
        }
    }

    /// Noisy latents to what the first stage takes, which is the first skip connection too. Inside, a pixel's channels
    /// lie together: see `Conv2d`.
    pub(crate) fn enter(&self, sample: Tensor<4>) -> Tensor<4> {
        self.conv_in.forward(sample.permute([0, 2, 3, 1]))
    }

    /// What the last stage gives to the prediction.
    pub(crate) fn leave(&self, x: Tensor<4>) -> Tensor<4> {
        let out = self.conv_out.forward(self.conv_norm_out.forward_silu(x));
        out.permute([0, 3, 1, 2])
    }

    /// What lies between [`enter`](Self::enter) and [`leave`](Self::leave), in order.
    pub(crate) fn stages(&self) -> Vec<Stage> {
        let down = self.down_blocks.iter().enumerate();
        let down = down.flat_map(|(i, block)| (0..block.stages()).map(move |s| Stage::Down(i, s)));
        let up = self.up_blocks.iter().enumerate();
        let up = up.flat_map(|(i, block)| (0..block.stages()).map(move |s| Stage::Up(i, s)));
        let mid = self.mid_block.iter().map(|_| Stage::Mid);
        down.chain(mid).chain(up).collect()
    }

    /// One stage. `next` is the size of the skip connection that the stage after it takes.
    pub(crate) fn run(
        &self,
        stage: Stage,
        x: Tensor<4>,
        skip: Option<Tensor<4>>,
        next: Option<[usize; 2]>,
        conditions: &Conditions,
    ) -> Tensor<4> {
        match (stage, &self.mid_block) {
            (Stage::Down(block, stage), _) => self.down_blocks[block].forward(stage, x, conditions),
            (Stage::Mid, Some(mid_block)) => mid_block.forward(x, conditions),
            (Stage::Mid, None) => x,
            (Stage::Up(block, stage), _) => {
                self.up_blocks[block].forward(stage, x, skip, next, conditions)
            }
        }
    }

    /// Every layer that can have a LoRA branch, by its path in diffusers.
    pub fn adaptable(&self) -> Vec<AdaptablePath> {
        adapt::adaptable(self)
    }

    /// Puts a LoRA branch on the layer at `path`, in place of the one that it may have.
    ///
    /// # Errors
    /// No such layer; factors that do not fit it.
    pub fn set_branch(&mut self, path: &str, branch: LowRank) -> Result<(), ModelError> {
        adapt::set_branch(self, path, branch)
    }

    /// Takes every LoRA branch off.
    pub fn clear_branches(&mut self) {
        adapt::clear_branches(self);
    }
}

/// A part of a UNet from one value to the next: a residual block with the attention after it, a downsampler, the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Of a block on the way down.
    Down(usize, usize),
    Mid,
    /// Of a block on the way up.
    Up(usize, usize),
}

impl Stage {
    pub fn takes_skip(self) -> bool {
        matches!(self, Self::Up(..))
    }

    pub fn gives_skip(self) -> bool {
        matches!(self, Self::Down(..))
    }
}

/// Height and width of `[batch, height, width, channels]`.
pub(crate) fn size(x: &Tensor<4>) -> [usize; 2] {
    let [_, height, width, _] = x.dims();
    [height, width]
}

impl Projections for UNet2DConditionModel {
    fn projections(&mut self, visitor: &mut Visitor) {
        visitor.scope("time_embedding", |v| self.time_embedding.projections(v));
        visitor.conv("conv_in", &mut self.conv_in);
        for (i, block) in self.down_blocks.iter_mut().enumerate() {
            visitor.scope(format_args!("down_blocks.{i}"), |v| block.projections(v));
        }
        if let Some(mid_block) = &mut self.mid_block {
            visitor.scope("mid_block", |v| mid_block.projections(v));
        }
        for (i, block) in self.up_blocks.iter_mut().enumerate() {
            visitor.scope(format_args!("up_blocks.{i}"), |v| block.projections(v));
        }
        visitor.conv("conv_out", &mut self.conv_out);
    }
}

/// A config's options, one value a level (from the finest).
struct Shapes {
    channels: Vec<usize>,
    layers: Vec<usize>,
    attentions: Vec<TransformerShape>,
    resnet: ResnetShape,
}

impl Shapes {
    fn of(config: &UNet2DConditionConfig) -> Result<Self, ModelError> {
        let channels = config.block_out_channels.clone();
        let expand = |option: &PerBlock<usize>, name| option.expand(channels.len(), MODEL, name);
        let layers = expand(&config.layers_per_block, "layers_per_block")?;
        let heads = expand(&config.attention_head_dim, "attention_head_dim")?;
        let depths = &config.transformer_layers_per_block;
        let depths = expand(depths, "transformer_layers_per_block")?;
        let attentions = (channels.iter().zip(heads).zip(depths))
            .map(|((&channels, heads), depth)| TransformerShape {
                channels,
                heads,
                depth,
                groups: config.norm_num_groups,
                cross_attention_dim: config.cross_attention_dim,
                use_linear_projection: config.use_linear_projection,
            })
            .collect();
        Ok(Self {
            layers,
            attentions,
            resnet: ResnetShape {
                time: Some(config.time_embed_dim()),
                groups: config.norm_num_groups,
                eps: config.norm_eps,
            },
            channels,
        })
    }
}
