//! The text encoders of Stable Diffusion: OpenAI's CLIP ViT-L/14 (1.x) and OpenCLIP's ViT-H/14 (2.x).

use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use serde::Deserialize;

use crate::ModelError;
use crate::adapt::{self, AdaptablePath, Projections, Visitor};
use crate::config::{self, Supported};
use crate::layers::{Embedding, LayerNorm, Linear, gelu};
use crate::tensors::{Scope, TensorMap};
use atelier_kernels::LowRank;

const MODEL: &str = "CLIPTextModel";

/// What is added to the scores of a token that is yet to come: far beyond any score, so that its weight is exactly 0.
const MASKED: f32 = -1e9;

/// `text_encoder/config.json`, as transformers' `CLIPTextModel` writes it. What is left out has transformers' default.
///
/// Published ones: <https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5/blob/main/text_encoder/config.json>,
/// <https://huggingface.co/stabilityai/stable-diffusion-2-1/blob/main/text_encoder/config.json>.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct CLIPTextConfig {
    /// Number of the tokenizer's pieces.
    pub vocab_size: usize,
    /// Width of the embeddings that come out.
    pub hidden_size: usize,
    /// Width of the feed-forward layers.
    pub intermediate_size: usize,
    /// Number of layers. Stable Diffusion 2.x reads OpenCLIP's states before its last layer, which its file leaves out.
    pub num_hidden_layers: usize,
    /// Number of attention heads.
    pub num_attention_heads: usize,
    /// The most tokens that a text can have: 77.
    pub max_position_embeddings: usize,
    /// What is between the two feed-forward layers.
    pub hidden_act: HiddenAct,
    /// Epsilon of every LayerNorm.
    pub layer_norm_eps: f64,
}

/// Activations of CLIP's text encoders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HiddenAct {
    /// x * sigmoid(1.702 x): OpenAI's.
    QuickGelu,
    /// The exact one: OpenCLIP's.
    Gelu,
}

impl Default for CLIPTextConfig {
    fn default() -> Self {
        Self {
            vocab_size: 49408,
            hidden_size: 512,
            intermediate_size: 2048,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 77,
            hidden_act: HiddenAct::QuickGelu,
            layer_norm_eps: 1e-5,
        }
    }
}

impl CLIPTextConfig {
    /// Reads a config.json. Options that are not above are ignored.
    ///
    /// # Errors
    /// Not JSON; a model of another kind; an activation that is not supported; numbers that make no network.
    pub fn from_json(json: &str) -> Result<Self, ModelError> {
        let supported = |option, values| Supported { option, values };
        let kind = supported("model_type", &["\"clip_text_model\""]);
        let options = [supported("hidden_act", &["\"quick_gelu\"", "\"gelu\""])];
        let config: Self = config::read(json, MODEL, kind, &options)?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ModelError> {
        let bad = |problem| {
            Err(ModelError::BadConfig {
                model: MODEL,
                problem,
            })
        };
        let (width, heads) = (self.hidden_size, self.num_attention_heads);
        // Beyond any real model, and far from where products of these would overflow on wasm32.
        let sizes = [width, self.intermediate_size, self.max_position_embeddings];
        if let Some(size) = sizes.into_iter().find(|size| !(1..=1 << 14).contains(size)) {
            return bad(format!("{size} is no width or length"));
        }
        if heads == 0 || !width.is_multiple_of(heads) {
            return bad(format!(
                "hidden_size {width} does not part into {heads} heads"
            ));
        }
        Ok(())
    }
}

/// transformers' `CLIPTextModel` (Radford et al., <https://arxiv.org/abs/2103.00020>), the hidden states alone.
#[derive(Debug, Clone)]
pub struct CLIPTextModel {
    config: CLIPTextConfig,
    token_embedding: Embedding,
    /// [max_position_embeddings, hidden_size]
    positions: Tensor<2>,
    layers: Vec<Layer>,
    final_layer_norm: LayerNorm,
    /// [max_position_embeddings, max_position_embeddings], added to the scores: a token sees those before it.
    causal_mask: Tensor<2>,
}

impl CLIPTextModel {
    /// Builds the model that `config` describes from `tensors`, on whatever device they are, under the names with
    /// `text_model.` before them or without. Stored position ids and a projection are let pass.
    ///
    /// # Errors
    /// A tensor that is missing, has another shape, or is left over.
    pub fn load(config: CLIPTextConfig, mut tensors: TensorMap) -> Result<Self, ModelError> {
        tensors.rename(|name| Some(name.strip_prefix("text_model.")?.to_owned()))?;
        let (width, length) = (config.hidden_size, config.max_position_embeddings);
        let mut root = Scope::root(&mut tensors);
        let mut load = |name, rows| Embedding::load(&mut root.child(name), rows, width);
        let token_embedding = load("embeddings.token_embedding", config.vocab_size)?;
        let positions = load("embeddings.position_embedding", length)?.table();
        let layers = (0..config.num_hidden_layers)
            .map(|i| Layer::load(&mut root.child(format_args!("encoder.layers.{i}")), &config))
            .collect::<Result<_, _>>()?;
        let mut scope = root.child("final_layer_norm");
        let final_layer_norm = LayerNorm::load(&mut scope, width, config.layer_norm_eps)?;
        tensors.finish(|name| {
            name == "embeddings.position_ids"
                || name == "text_projection.weight"
                || name == "logit_scale"
        })?;
        Ok(Self {
            causal_mask: causal_mask(length, &positions.device()),
            config,
            token_embedding,
            positions,
            layers,
            final_layer_norm,
        })
    }

    pub fn config(&self) -> &CLIPTextConfig {
        &self.config
    }

    /// The hidden states before the last `clip_skip` layers (0: after all of them), through the final LayerNorm: what
    /// diffusers' pipelines give a UNet. A1111 and others count from 1 there.
    ///
    /// input_ids [batch, tokens], below vocab_size and at most max_position_embeddings tokens
    /// -> [batch, tokens, hidden_size]
    pub fn forward(&self, input_ids: Tensor<2, Int>, clip_skip: usize) -> Tensor<3> {
        let [_, tokens] = input_ids.dims();
        let positions = self.positions.clone().narrow(0, 0, tokens);
        let mask = (self.causal_mask.clone())
            .narrow(0, 0, tokens)
            .narrow(1, 0, tokens);
        let mask = mask.reshape([1, 1, tokens, tokens]);
        let x = self.token_embedding.forward(input_ids) + positions.unsqueeze();
        let layers = self.layers.len().saturating_sub(clip_skip);
        let x =
            (self.layers.iter().take(layers)).fold(x, |x, layer| layer.forward(x, mask.clone()));
        self.final_layer_norm.forward(x)
    }

    /// Every layer that can have a LoRA branch, by its path in transformers.
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

impl Projections for CLIPTextModel {
    fn projections(&mut self, visitor: &mut Visitor) {
        visitor.scope("text_model.encoder.layers", |v| {
            for (i, layer) in self.layers.iter_mut().enumerate() {
                v.scope(i, |v| layer.projections(v));
            }
        });
    }
}

/// 0 where the column is not beyond the row.
fn causal_mask(length: usize, device: &Device) -> Tensor<2> {
    let values: Vec<f32> = (0..length * length)
        .map(|i| match i % length > i / length {
            true => MASKED,
            false => 0.0,
        })
        .collect();
    Tensor::from_data(TensorData::new(values, [length, length]), device)
}

/// Self-attention and a feed-forward layer; each normalised before and added to what came in.
#[derive(Debug, Clone)]
struct Layer {
    heads: usize,
    layer_norm1: LayerNorm,
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    out_proj: Linear,
    layer_norm2: LayerNorm,
    fc1: Linear,
    hidden_act: HiddenAct,
    fc2: Linear,
}

impl Layer {
    fn load(scope: &mut Scope, config: &CLIPTextConfig) -> Result<Self, ModelError> {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let mut linear =
            |name, inputs, outputs| Linear::load(&mut scope.child(name), inputs, outputs);
        let q_proj = linear("self_attn.q_proj", width, width)?;
        let k_proj = linear("self_attn.k_proj", width, width)?;
        let v_proj = linear("self_attn.v_proj", width, width)?;
        let out_proj = linear("self_attn.out_proj", width, width)?;
        let fc1 = linear("mlp.fc1", width, inner)?;
        let fc2 = linear("mlp.fc2", inner, width)?;
        let mut norm = |name| LayerNorm::load(&mut scope.child(name), width, config.layer_norm_eps);
        Ok(Self {
            heads: config.num_attention_heads,
            layer_norm1: norm("layer_norm1")?,
            q_proj,
            k_proj,
            v_proj,
            out_proj,
            layer_norm2: norm("layer_norm2")?,
            fc1,
            hidden_act: config.hidden_act,
            fc2,
        })
    }

    /// x [batch, tokens, hidden_size], mask [1, 1, tokens, tokens], added to the scores -> x's shape
    fn forward(&self, x: Tensor<3>, mask: Tensor<4>) -> Tensor<3> {
        let [batch, tokens, width] = x.dims();
        let normed = self.layer_norm1.forward(x.clone());
        // [batch, heads, tokens, head_dim]. Written out, for 77 tokens are few, and the kernel's mask knows keys alone.
        let [q, k, v] = [&self.q_proj, &self.k_proj, &self.v_proj].map(|projection| {
            let head_dim = width / self.heads;
            let split = [batch, tokens, self.heads, head_dim];
            projection
                .forward(normed.clone())
                .reshape(split)
                .swap_dims(1, 2)
        });
        let scale = 1.0 / ((width / self.heads) as f64).sqrt();
        let scores = (q * scale).matmul(k.swap_dims(2, 3)) + mask;
        let attended = activation::softmax(scores, 3).matmul(v);
        let attended = attended.swap_dims(1, 2).reshape([batch, tokens, width]);
        let x = self.out_proj.forward_plus(attended, x);
        let hidden = self.fc1.forward(self.layer_norm2.forward(x.clone()));
        let hidden = match self.hidden_act {
            HiddenAct::QuickGelu => hidden.clone() * activation::sigmoid(hidden * 1.702),
            HiddenAct::Gelu => gelu(hidden),
        };
        self.fc2.forward_plus(hidden, x)
    }

    fn projections(&mut self, visitor: &mut Visitor) {
        visitor.linear("self_attn.q_proj", &mut self.q_proj);
        visitor.linear("self_attn.k_proj", &mut self.k_proj);
        visitor.linear("self_attn.v_proj", &mut self.v_proj);
        visitor.linear("self_attn.out_proj", &mut self.out_proj);
        visitor.linear("mlp.fc1", &mut self.fc1);
        visitor.linear("mlp.fc2", &mut self.fc2);
    }
}
