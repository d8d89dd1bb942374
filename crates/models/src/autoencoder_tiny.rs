//! The small autoencoder between pictures and latents.

use atelier_kernels::Plus;
use burn::tensor::{Tensor, activation};
use serde::Deserialize;

use crate::ModelError;
use crate::config::{self, Supported};
use crate::layers::{Conv2d, Geometry};
use crate::resnet::resize_nearest;
use crate::tensors::{Scope, TensorMap};

const MODEL: &str = "AutoencoderTiny";

/// How far latents go: the decoder squeezes them into [-3, 3].
const LATENT_RANGE: f64 = 3.0;

/// `vae/config.json`, as diffusers' `AutoencoderTiny` writes it. What is left out has diffusers' default.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct AutoencoderTinyConfig {
    /// Channels of the pictures that come in.
    pub in_channels: usize,
    /// Channels of the pictures that come out.
    pub out_channels: usize,
    /// Channels of each of the encoder's stages.
    pub encoder_block_out_channels: Vec<usize>,
    /// Channels of each of the decoder's stages.
    pub decoder_block_out_channels: Vec<usize>,
    /// Channels of the latents.
    pub latent_channels: usize,
    /// How much larger each but the last of the decoder's stages makes the picture.
    pub upsampling_scaling_factor: usize,
    /// Residual blocks of each of the encoder's stages.
    pub num_encoder_blocks: Vec<usize>,
    /// Residual blocks of each of the decoder's stages.
    pub num_decoder_blocks: Vec<usize>,
    /// What the latents are multiplied by for the diffusion model, and divided by before they are decoded. That is
    /// the caller's part: [`AutoencoderTiny`] gives and takes raw latents.
    pub scaling_factor: f64,
    /// What is subtracted from the latents before they are scaled. The caller's part too.
    pub shift_factor: f64,
}

impl Default for AutoencoderTinyConfig {
    fn default() -> Self {
        Self {
            in_channels: 3,
            out_channels: 3,
            encoder_block_out_channels: vec![64; 4],
            decoder_block_out_channels: vec![64; 4],
            latent_channels: 4,
            upsampling_scaling_factor: 2,
            num_encoder_blocks: vec![1, 3, 3, 3],
            num_decoder_blocks: vec![3, 3, 3, 1],
            scaling_factor: 1.0,
            shift_factor: 0.0,
        }
    }
}

impl AutoencoderTinyConfig {
    /// Reads a config.json. Options that are not above are ignored, other than `act_fn` and `upsample_fn`.
    ///
    /// # Errors
    /// Not JSON; a model of another class; an activation other than relu; numbers that make no network.
    pub fn from_json(json: &str) -> Result<Self, ModelError> {
        let supported = |option, values| Supported { option, values };
        let class = supported("_class_name", &["\"AutoencoderTiny\""]);
        let options = [
            supported("act_fn", &["\"relu\""]),
            supported("upsample_fn", &["\"nearest\""]),
        ];
        let config: Self = config::read(json, MODEL, class, &options)?;
        config.check()?;
        Ok(config)
    }

    /// How many pixels (in each direction) one latent stands for.
    pub fn pixels_per_latent(&self) -> usize {
        1 << self.encoder_block_out_channels.len().saturating_sub(1)
    }

    fn check(&self) -> Result<(), ModelError> {
        let stages = [
            (&self.encoder_block_out_channels, &self.num_encoder_blocks),
            (&self.decoder_block_out_channels, &self.num_decoder_blocks),
        ];
        let fits = stages.iter().all(|(channels, blocks)| {
            (1..=8).contains(&channels.len()) && channels.len() == blocks.len()
        });
        let scale = self.upsampling_scaling_factor;
        if fits && (1..=8).contains(&scale) && self.scaling_factor > 0.0 {
            return Ok(());
        }
        Err(ModelError::BadConfig {
            model: MODEL,
            problem: "its numbers of blocks and channels do not fit each other".to_owned(),
        })
    }
}

/// diffusers' `AutoencoderTiny` (TAESD, <https://github.com/madebyollin/taesd>).
#[derive(Debug, Clone)]
pub struct AutoencoderTiny {
    config: AutoencoderTinyConfig,
    encoder: Vec<Layer>,
    decoder: Vec<Layer>,
}

impl AutoencoderTiny {
    /// Builds the model that `config` describes from `tensors`, on whatever device they are.
    ///
    /// # Errors
    /// A tensor that is missing, has another shape, or is left over.
    pub fn load(config: AutoencoderTinyConfig, mut tensors: TensorMap) -> Result<Self, ModelError> {
        let mut scope = Scope::root(&mut tensors);
        let encoder = load_encoder(&mut Sequential::new(scope.child("encoder.layers")), &config)?;
        let decoder = load_decoder(&mut Sequential::new(scope.child("decoder.layers")), &config)?;
        tensors.finish(|_| false)?;
        Ok(Self {
            config,
            encoder,
            decoder,
        })
    }

    pub fn config(&self) -> &AutoencoderTinyConfig {
        &self.config
    }

    /// Pictures in [-1, 1] to raw latents, about in [-3, 3].
    ///
    /// [batch, in_channels, height, width] -> [batch, latent_channels, height / 8, width / 8] (for four stages)
    pub fn encode(&self, images: Tensor<4>) -> Tensor<4> {
        // The network's own convention is [0, 1].
        let latents = run(&self.encoder, (images.permute([0, 2, 3, 1]) + 1.0) / 2.0);
        latents.permute([0, 3, 1, 2])
    }

    /// Raw latents to pictures, about in [-1, 1] (not clamped).
    ///
    /// [batch, latent_channels, height, width] -> [batch, out_channels, 8 * height, 8 * width] (for four stages)
    pub fn decode(&self, latents: Tensor<4>) -> Tensor<4> {
        let squeezed = (latents / LATENT_RANGE).tanh() * LATENT_RANGE;
        let images = run(&self.decoder, squeezed.permute([0, 2, 3, 1])) * 2.0 - 1.0;
        images.permute([0, 3, 1, 2])
    }
}

/// One item of the published `layers` lists.
#[derive(Debug, Clone)]
enum Layer {
    Conv(Box<Conv2d>),
    Relu,
    /// Three convolutions with ReLU between, added to what came in, ReLU.
    Block(Box<[Conv2d; 3]>),
    Upsample(usize),
    /// An upsampling by 2 and the convolution after it, in one.
    UpsampledConv(Box<Conv2d>),
}

impl Layer {
    /// [batch, inputs, height, width] -> [batch, outputs, height', width']
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Layer::Conv(conv) => conv.forward(x),
            Layer::Relu => activation::relu(x),
            Layer::Block(convs) => {
                let [first, second, third] = convs.as_ref();
                let hidden = activation::relu(first.forward(x.clone()));
                let hidden = activation::relu(second.forward(hidden));
                activation::relu(third.forward_plus(hidden, Plus::Residual(x)))
            }
            Layer::UpsampledConv(conv) => conv.forward_upsampled(x),
            Layer::Upsample(scale) => {
                let [_, height, width, _] = x.dims();
                resize_nearest(x, [scale * height, scale * width])
            }
        }
    }
}

fn run(layers: &[Layer], x: Tensor<4>) -> Tensor<4> {
    layers.iter().fold(x, |x, layer| layer.forward(x))
}

/// A list of layers being loaded: the tensors' names have each layer's place in the list.
struct Sequential<'a> {
    scope: Scope<'a>,
    layers: Vec<Layer>,
}

impl<'a> Sequential<'a> {
    fn new(scope: Scope<'a>) -> Self {
        Self {
            scope,
            layers: Vec::new(),
        }
    }

    fn conv(
        &mut self,
        inputs: usize,
        outputs: usize,
        stride: usize,
        bias: bool,
    ) -> Result<(), ModelError> {
        let mut scope = self.scope.child(self.layers.len());
        let geometry = Geometry::new(3, stride, (1, 1));
        let conv = match bias {
            true => Conv2d::load(&mut scope, inputs, outputs, geometry),
            false => Conv2d::load_without_bias(&mut scope, inputs, outputs, geometry),
        };
        self.layers.push(Layer::Conv(Box::new(conv?)));
        Ok(())
    }

    fn blocks(&mut self, count: usize, channels: usize) -> Result<(), ModelError> {
        for _ in 0..count {
            let mut scope = self.scope.child(self.layers.len());
            let mut load =
                |name| Conv2d::load(&mut scope.child(name), channels, channels, Geometry::SAME_3);
            let block = [load("conv.0")?, load("conv.2")?, load("conv.4")?];
            self.layers.push(Layer::Block(Box::new(block)));
        }
        Ok(())
    }
}

fn load_encoder(
    layers: &mut Sequential,
    config: &AutoencoderTinyConfig,
) -> Result<Vec<Layer>, ModelError> {
    let stages = (config.encoder_block_out_channels.iter()).zip(&config.num_encoder_blocks);
    let mut last = 0;
    for (i, (&channels, &blocks)) in stages.enumerate() {
        match i {
            0 => layers.conv(config.in_channels, channels, 1, true)?,
            // From as many channels as to: diffusers has it so, and so all stages have the same number.
            _ => layers.conv(channels, channels, 2, false)?,
        }
        layers.blocks(blocks, channels)?;
        last = channels;
    }
    layers.conv(last, config.latent_channels, 1, true)?;
    Ok(std::mem::take(&mut layers.layers))
}

fn load_decoder(
    layers: &mut Sequential,
    config: &AutoencoderTinyConfig,
) -> Result<Vec<Layer>, ModelError> {
    let stages = (config.decoder_block_out_channels.iter()).zip(&config.num_decoder_blocks);
    let count = stages.len();
    for (i, (&channels, &blocks)) in stages.enumerate() {
        if i == 0 {
            layers.conv(config.latent_channels, channels, 1, true)?;
            layers.layers.push(Layer::Relu);
        }
        layers.blocks(blocks, channels)?;
        if i + 1 < count {
            let scale = config.upsampling_scaling_factor;
            layers.layers.push(Layer::Upsample(scale));
            layers.conv(channels, channels, 1, false)?;
        } else {
            layers.conv(channels, config.out_channels, 1, true)?;
        }
    }
    Ok(merged(std::mem::take(&mut layers.layers)))
}

/// `layers` with each upsampling by 2 read by the convolution after it, which saves a pass.
fn merged(layers: Vec<Layer>) -> Vec<Layer> {
    let mut merged: Vec<Layer> = Vec::new();
    for layer in layers {
        let next = match (merged.last(), layer) {
            (Some(Layer::Upsample(2)), Layer::Conv(conv)) => {
                merged.pop();
                Layer::UpsampledConv(conv)
            }
            (_, layer) => layer,
        };
        merged.push(next);
    }
    merged
}
