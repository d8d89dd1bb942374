use burn::tensor::Tensor;

use crate::ModelError;
use crate::adapt::Visitor;
use crate::resnet::{Downsample2D, ResnetBlock2D, ResnetShape, Upsample2D};
use crate::tensors::Scope;
use crate::transformer_2d::{Transformer2DModel, TransformerShape};

/// What conditions the picture: the same for every block.
#[derive(Debug, Clone)]
pub(crate) struct Conditions {
    /// The time embedding through SiLU: [batch, time]
    pub time: Tensor<2>,
    /// [batch, text tokens, cross_attention_dim]
    pub text: Tensor<3>,
}

/// A residual block, and the attention after it in blocks that have attention.
#[derive(Debug, Clone)]
struct Layer {
    resnet: ResnetBlock2D,
    attention: Option<Transformer2DModel>,
}

impl Layer {
    fn load(
        scope: &mut Scope,
        index: usize,
        channels: (usize, usize),
        shape: ResnetShape,
        attention: Option<TransformerShape>,
    ) -> Result<Self, ModelError> {
        let (inputs, outputs) = channels;
        let resnet = {
            let mut scope = scope.child(format_args!("resnets.{index}"));
            ResnetBlock2D::load(&mut scope, inputs, outputs, shape)?
        };
        let mut scope = scope.child(format_args!("attentions.{index}"));
        let attention = attention
            .map(|shape| Transformer2DModel::load(&mut scope, shape))
            .transpose()?;
        Ok(Self { resnet, attention })
    }

    fn forward(&self, x: Tensor<4>, conditions: &Conditions) -> Tensor<4> {
        let x = self.resnet.forward(x, Some(&conditions.time));
        match &self.attention {
            Some(attention) => attention.forward(x, &conditions.text),
            None => x,
        }
    }

    fn projections(&mut self, index: usize, visitor: &mut Visitor) {
        visitor.scope(format_args!("resnets.{index}"), |v| {
            self.resnet.projections(v);
        });
        if let Some(attention) = &mut self.attention {
            visitor.scope(format_args!("attentions.{index}"), |v| {
                attention.projections(v);
            });
        }
    }
}

/// What a block is made after. `attention` makes `CrossAttnDownBlock2D` of `DownBlock2D`, and likewise on the way up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockShape {
    pub inputs: usize,
    pub outputs: usize,
    pub layers: usize,
    pub resnet: ResnetShape,
    pub attention: Option<TransformerShape>,
}

/// `DownBlock2D` and `CrossAttnDownBlock2D`.
#[derive(Debug, Clone)]
pub(crate) struct DownBlock {
    layers: Vec<Layer>,
    downsampler: Option<Downsample2D>,
}

impl DownBlock {
    /// `downsample` is the downsampler's padding, none for the last block.
    pub fn load(
        scope: &mut Scope,
        shape: BlockShape,
        downsample: Option<usize>,
    ) -> Result<Self, ModelError> {
        let layers = (0..shape.layers)
            .map(|i| {
                let inputs = if i == 0 { shape.inputs } else { shape.outputs };
                let channels = (inputs, shape.outputs);
                Layer::load(scope, i, channels, shape.resnet, shape.attention)
            })
            .collect::<Result<_, _>>()?;
        let mut scope = scope.child("downsamplers.0");
        let downsampler = downsample
            .map(|padding| Downsample2D::load(&mut scope, shape.outputs, padding))
            .transpose()?;
        Ok(Self {
            layers,
            downsampler,
        })
    }

    /// Its layers and its downsampler, each of which gives a skip connection.
    pub fn stages(&self) -> usize {
        self.layers.len() + usize::from(self.downsampler.is_some())
    }

    /// Layer `stage`, or the downsampler after them:
    /// x [batch, inputs, height, width] -> [batch, outputs, height, width], or half as high and wide.
    pub fn forward(&self, stage: usize, x: Tensor<4>, conditions: &Conditions) -> Tensor<4> {
        match (self.layers.get(stage), &self.downsampler) {
            (Some(layer), _) => layer.forward(x, conditions),
            (None, Some(downsampler)) => downsampler.forward(x),
            (None, None) => x,
        }
    }

    pub fn projections(&mut self, visitor: &mut Visitor) {
        for (i, layer) in self.layers.iter_mut().enumerate() {
            layer.projections(i, visitor);
        }
        if let Some(downsampler) = &mut self.downsampler {
            visitor.scope("downsamplers.0", |v| downsampler.projections(v));
        }
    }
}

/// `UpBlock2D` and `CrossAttnUpBlock2D`.
#[derive(Debug, Clone)]
pub(crate) struct UpBlock {
    layers: Vec<Layer>,
    upsampler: Option<Upsample2D>,
}

impl UpBlock {
    /// `shape.inputs` are the channels from the block below; `skips` those of each layer's skip connection.
    pub fn load(
        scope: &mut Scope,
        shape: BlockShape,
        skips: &[usize],
        upsample: bool,
    ) -> Result<Self, ModelError> {
        let layers = skips
            .iter()
            .enumerate()
            .map(|(i, skip)| {
                let inputs = if i == 0 { shape.inputs } else { shape.outputs };
                let channels = (inputs + skip, shape.outputs);
                Layer::load(scope, i, channels, shape.resnet, shape.attention)
            })
            .collect::<Result<_, _>>()?;
        let upsampler = match upsample {
            true => {
                let mut scope = scope.child("upsamplers.0");
                Some(Upsample2D::load(&mut scope, shape.outputs)?)
            }
            false => None,
        };
        Ok(Self { layers, upsampler })
    }

    /// Its layers, each of which takes a skip connection.
    pub fn stages(&self) -> usize {
        self.layers.len()
    }

    /// Layer `stage`, and after the last one the upsampler: x and skip [batch, channels, height, width]
    /// -> [batch, outputs, height, width], or `next` high and wide.
    pub fn forward(
        &self,
        stage: usize,
        x: Tensor<4>,
        skip: Option<Tensor<4>>,
        next: Option<[usize; 2]>,
        conditions: &Conditions,
    ) -> Tensor<4> {
        // There is one: the model was built with as many as its layers take.
        let x = match skip {
            Some(skip) => Tensor::cat(vec![x, skip], 3),
            None => x,
        };
        let x = self.layers[stage].forward(x, conditions);
        match (&self.upsampler, next) {
            (Some(upsampler), Some(size)) if stage + 1 == self.layers.len() => {
                upsampler.forward(x, size)
            }
            _ => x,
        }
    }

    pub fn projections(&mut self, visitor: &mut Visitor) {
        for (i, layer) in self.layers.iter_mut().enumerate() {
            layer.projections(i, visitor);
        }
        if let Some(upsampler) = &mut self.upsampler {
            visitor.scope("upsamplers.0", |v| upsampler.projections(v));
        }
    }
}

/// `UNetMidBlock2DCrossAttn`: a residual block, attention, a residual block.
#[derive(Debug, Clone)]
pub(crate) struct MidBlock {
    first: ResnetBlock2D,
    attention: Transformer2DModel,
    last: ResnetBlock2D,
}

impl MidBlock {
    pub fn load(
        scope: &mut Scope,
        resnet: ResnetShape,
        attention: TransformerShape,
    ) -> Result<Self, ModelError> {
        let channels = attention.channels;
        let mut load =
            |name| ResnetBlock2D::load(&mut scope.child(name), channels, channels, resnet);
        Ok(Self {
            first: load("resnets.0")?,
            last: load("resnets.1")?,
            attention: Transformer2DModel::load(&mut scope.child("attentions.0"), attention)?,
        })
    }

    /// [batch, channels, height, width] -> the same
    pub fn forward(&self, x: Tensor<4>, conditions: &Conditions) -> Tensor<4> {
        let x = self.first.forward(x, Some(&conditions.time));
        let x = self.attention.forward(x, &conditions.text);
        self.last.forward(x, Some(&conditions.time))
    }

    pub fn projections(&mut self, visitor: &mut Visitor) {
        visitor.scope("resnets.0", |v| self.first.projections(v));
        visitor.scope("attentions.0", |v| self.attention.projections(v));
        visitor.scope("resnets.1", |v| self.last.projections(v));
    }
}
