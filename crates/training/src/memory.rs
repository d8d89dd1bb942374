//! What a run takes of the GPU's memory, by arithmetic: so that an artist knows before it begins.

use std::collections::BTreeMap;

use atelier_adapter::{Layout, Parts};
use atelier_kernels::slack_bytes;
use atelier_models::{AdaptablePath, CLIPTextConfig, CLIPTextModel};

use crate::{
    place::{Part, Place},
    step::Shapes,
    trainer::Settings,
};

/// Bytes of a value; all that training computes is f32.
const VALUE: usize = 4;
/// Buffers as large as the adapter: factors, gradients, both moments; and where pieces are added up, their sum and what is
/// added to it.
const PER_FACTOR: usize = 4;
const PER_FACTOR_SUMMED: usize = 6;
/// The gradients that are alive at the widest place, in values a value that goes into a layer or comes out of it.
const IN_FLIGHT: f64 = 1.5;

/// A part of the UNet that block checkpointing runs as one.
#[derive(Clone, Copy, Debug, Default)]
struct Stage {
    /// Values kept for its gradient.
    kept: usize,
    /// Values that it gives.
    given: usize,
}

/// Bytes that a run takes at most, beside what is on the device before it begins: the adapter with its gradients and
/// moments, what is kept of the forward pass, and what the backward pass has in flight. What each layer keeps is said
/// where its gradient is (`kernels`, backends/autodiff).
pub fn memory(parts: Parts<'_>, shapes: &Shapes, settings: &Settings) -> u64 {
    let unet = parts.unet;
    let levels = unet.config().block_out_channels.len();
    let pixels = |level: usize| {
        let side = |length: usize| length.div_ceil(1 << level);
        shapes.at_once() * side(shapes.height) * side(shapes.width)
    };
    let mut stages: BTreeMap<(usize, usize), Stage> = BTreeMap::new();
    let mut widest = 0;
    let projections = unet.adaptable();
    for projection in &projections {
        let Some(Place { block, part, level }) = Place::of(&projection.path, levels) else {
            continue;
        };
        let (inputs, outputs) = (projection.kind.inputs(), projection.kind.outputs());
        let tokens = pixels(level);
        let (always, for_factors) = kept(projection, tokens, shapes.at_once() * shapes.tokens);
        let key = match part {
            Part::Layer(number) => (block, number),
            Part::Downsampler => (block, usize::MAX),
            // It runs with the last layer before it.
            Part::Upsampler => stages
                .range((block, 0)..=(block, usize::MAX))
                .next_back()
                .map_or((block, 0), |(key, _)| *key),
        };
        let stage = stages.entry(key).or_default();
        stage.kept += always;
        if settings.targets.takes(projection) {
            stage.kept += for_factors + settings.rank * tokens;
        }
        match part {
            Part::Layer(_) if projection.path.ends_with(".conv2") => stage.given = tokens * outputs,
            Part::Layer(_) => {}
            Part::Downsampler => stage.given = pixels(level + 1) * outputs,
            Part::Upsampler => stage.given = pixels(level - 1) * outputs,
        }
        widest = widest.max(tokens * (inputs + outputs));
    }
    let ends = 2 * pixels(0) * unet.config().block_out_channels[0];
    let stages = stages.values();
    let kept = match settings.block_checkpointing {
        false => stages.map(|stage| stage.kept).sum::<usize>(),
        true => {
            let most = stages.clone().map(|stage| stage.kept).max();
            stages.map(|stage| stage.given).sum::<usize>() + most.unwrap_or(0)
        }
    };
    let of_text = parts.text_encoder.map(CLIPTextModel::config);
    let of_text = of_text.map_or(0, |config| {
        kept_of_text(config, shapes.at_once() * shapes.tokens)
    });
    let taken = parts.adaptable().into_iter();
    let taken = taken.filter(|projection| settings.targets.takes(projection));
    let factors = Layout::new(taken.map(|projection| (projection, settings.rank))).length;
    let in_flight = (IN_FLIGHT * widest as f64) as usize;
    let per_factor = match shapes.pieces {
        1 => PER_FACTOR,
        _ => PER_FACTOR_SUMMED,
    };
    slack_bytes() + (VALUE * (kept + of_text + ends + in_flight + per_factor * factors)) as u64
}

/// Values that a text encoder which is trained keeps, of so many words: a layer's two norms, what goes into its
/// projections, its attention written out, and its feed-forward layer with the activation between.
fn kept_of_text(config: &CLIPTextConfig, words: usize) -> usize {
    let attention = 2 * config.num_attention_heads * config.max_position_embeddings;
    let a_word = 9 * config.hidden_size + 5 * config.intermediate_size + attention;
    config.num_hidden_layers * words * a_word
}

/// Values kept around a projection whatever is trained (the norm before it, attention, GEGLU), and those kept for its
/// factors' gradients. `tokens` places of its level, `words` of the text.
fn kept(projection: &AdaptablePath, tokens: usize, words: usize) -> (usize, usize) {
    let (inputs, outputs) = (projection.kind.inputs(), projection.kind.outputs());
    let ends = |ending: &str| projection.path.ends_with(ending);
    if ends(".conv1") || ends(".proj_in") {
        // What the norm before it was given, and what it gave.
        (tokens * inputs, tokens * inputs)
    } else if ends(".conv2") {
        (tokens * inputs, tokens * inputs)
    } else if ends(".to_q") {
        (tokens * (inputs + outputs), tokens * inputs)
    } else if ends(".attn2.to_k") || ends(".attn2.to_v") {
        (words * outputs, 0)
    } else if ends(".to_k") || ends(".to_v") {
        (tokens * outputs, 0)
    } else if ends(".to_out.0") {
        (tokens * inputs, 0)
    } else if ends(".ff.net.0.proj") {
        (tokens * (inputs + outputs), tokens * inputs)
    } else if ends(".conv_shortcut") {
        (0, 0)
    } else {
        (0, tokens * inputs)
    }
}
