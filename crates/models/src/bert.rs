//! The text encoder of Sketch: BERT's encoder, as MiniLM has it.

use atelier_kernels::attention;
use burn::tensor::{Int, Tensor};
use serde::Deserialize;

use crate::ModelError;
use crate::config::{self, Supported};
use crate::layers::{Embedding, LayerNorm, Linear, gelu};
use crate::tensors::{Scope, TensorMap};

const MODEL: &str = "BertModel";

/// What is added to the scores of a token that is masked: far beyond any score, so that its weight is exactly 0.
const MASKED: f64 = -1e9;

/// `text_encoder/config.json`, as transformers' `BertModel` writes it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct BertConfig {
    /// Number of the tokenizer's pieces.
    pub vocab_size: usize,
    /// Width of the embeddings that come out.
    pub hidden_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Number of attention heads.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layers.
    pub intermediate_size: usize,
    /// The most tokens that a text can have.
    pub max_position_embeddings: usize,
    /// Kinds of segments; only the first is used here.
    pub type_vocab_size: usize,
    /// Epsilon of every LayerNorm.
    #[serde(default = "layer_norm_eps")]
    pub layer_norm_eps: f64,
}

/// transformers' default.
fn layer_norm_eps() -> f64 {
    1e-12
}

impl BertConfig {
    /// Reads a config.json. Options that are not above are ignored, other than those that would change the result.
    ///
    /// # Errors
    /// Not JSON; a model of another kind; an option with a value that is not supported, by its name; numbers that
    /// make no network.
    pub fn from_json(json: &str) -> Result<Self, ModelError> {
        let supported = |option, values| Supported { option, values };
        let kind = supported("model_type", &["\"bert\""]);
        let options = [
            supported("add_cross_attention", &["false"]),
            supported("hidden_act", &["\"gelu\""]),
            supported("is_decoder", &["false"]),
            supported("position_embedding_type", &["\"absolute\"", "null"]),
        ];
        let config: Self = config::read(json, MODEL, kind, &options)?;
        let heads = config.num_attention_heads;
        if heads == 0 || !config.hidden_size.is_multiple_of(heads) {
            return Err(ModelError::BadConfig {
                model: MODEL,
                problem: format!(
                    "hidden_size {} does not part into {heads} heads",
                    config.hidden_size
                ),
            });
        }
        Ok(config)
    }
}

/// transformers' `BertModel` without its pooler (Devlin et al., <https://arxiv.org/abs/1810.04805>).
#[derive(Debug, Clone)]
pub struct BertModel {
    config: BertConfig,
    word_embeddings: Embedding,
    /// [max_position_embeddings, hidden_size]: a position's embedding and that of the first segment, which all
    /// tokens are in.
    positions: Tensor<2>,
    norm: LayerNorm,
    layers: Vec<Layer>,
}

impl BertModel {
    /// Builds the model that `config` describes from `tensors`, on whatever device they are. A pooler and stored
    /// position ids are let pass.
    ///
    /// # Errors
    /// A tensor that is missing, has another shape, or is left over.
    pub fn load(config: BertConfig, mut tensors: TensorMap) -> Result<Self, ModelError> {
        let (width, eps) = (config.hidden_size, config.layer_norm_eps);
        let mut root = Scope::root(&mut tensors);
        let mut scope = root.child("embeddings");
        let mut load = |name, rows| Embedding::load(&mut scope.child(name), rows, width);
        let word_embeddings = load("word_embeddings", config.vocab_size)?;
        let positions = load("position_embeddings", config.max_position_embeddings)?;
        let segments = load("token_type_embeddings", config.type_vocab_size)?;
        let norm = LayerNorm::load(&mut scope.child("LayerNorm"), width, eps)?;
        let layers = (0..config.num_hidden_layers)
            .map(|i| Layer::load(&mut root.child(format_args!("encoder.layer.{i}")), &config))
            .collect::<Result<_, _>>()?;
        tensors.finish(|name| {
            name.starts_with("pooler.") || name.starts_with("embeddings.position_ids")
        })?;
        Ok(Self {
            config,
            word_embeddings,
            positions: positions.table() + segments.table().narrow(0, 0, 1),
            norm,
            layers,
        })
    }

    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    /// The last layer's hidden states.
    ///
    /// input_ids [batch, tokens], below vocab_size and at most max_position_embeddings tokens; attention_mask
    /// [batch, tokens], 1 for tokens and 0 for padding -> [batch, tokens, hidden_size]
    pub fn forward(&self, input_ids: Tensor<2, Int>, attention_mask: Tensor<2>) -> Tensor<3> {
        let [_, tokens] = input_ids.dims();
        let positions = self.positions.clone().narrow(0, 0, tokens);
        let embedded = self.word_embeddings.forward(input_ids) + positions.unsqueeze();
        let mask: Tensor<2> = (1.0 - attention_mask) * MASKED;
        let x = self.norm.forward(embedded);
        (self.layers.iter()).fold(x, |x, layer| layer.forward(x, mask.clone()))
    }
}

/// Self-attention and a feed-forward layer, each added to what came in and normalised after.
#[derive(Debug, Clone)]
struct Layer {
    heads: usize,
    query: Linear,
    key: Linear,
    value: Linear,
    attention_output: Linear,
    attention_norm: LayerNorm,
    intermediate: Linear,
    output: Linear,
    output_norm: LayerNorm,
}

impl Layer {
    fn load(scope: &mut Scope, config: &BertConfig) -> Result<Self, ModelError> {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let mut linear =
            |name, inputs, outputs| Linear::load(&mut scope.child(name), inputs, outputs);
        let query = linear("attention.self.query", width, width)?;
        let key = linear("attention.self.key", width, width)?;
        let value = linear("attention.self.value", width, width)?;
        let attention_output = linear("attention.output.dense", width, width)?;
        let intermediate = linear("intermediate.dense", width, inner)?;
        let output = linear("output.dense", inner, width)?;
        let mut norm = |name| LayerNorm::load(&mut scope.child(name), width, config.layer_norm_eps);
        Ok(Self {
            heads: config.num_attention_heads,
            query,
            key,
            value,
            attention_output,
            attention_norm: norm("attention.output.LayerNorm")?,
            intermediate,
            output,
            output_norm: norm("output.LayerNorm")?,
        })
    }

    /// x [batch, tokens, hidden_size], mask [batch, tokens], added to the scores -> x's shape
    fn forward(&self, x: Tensor<3>, mask: Tensor<2>) -> Tensor<3> {
        let [q, k, v] = [&self.query, &self.key, &self.value].map(|layer| layer.forward(x.clone()));
        let attended = attention(q, k, v, Some(mask), self.heads);
        let x = self
            .attention_norm
            .forward(self.attention_output.forward_plus(attended, x));
        let hidden = gelu(self.intermediate.forward(x.clone()));
        self.output_norm
            .forward(self.output.forward_plus(hidden, x))
    }
}
