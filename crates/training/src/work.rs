//! What a run has to compute, by arithmetic: so that an artist knows before it begins how long it will be.

use atelier_adapter::Parts;
use atelier_models::{AdaptablePath, CLIPTextModel, UNet2DConditionModel};

use crate::{
    batch::validation_steps,
    place::{Part, Place},
    step::Shapes,
    trainer::Settings,
};

/// Multiplications and additions of matrix products.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// One sample through the UNet.
    pub forward: f64,
    /// A training step.
    pub step: f64,
    /// Steps that one look at the validation loss takes.
    pub validation_steps: u32,
}

/// What attention's gradient computes for each of its own operations: the scores twice more, and five products where there
/// were two (Dao 2023, "FlashAttention-2").
const ATTENTION_BACKWARD: f64 = 3.5;
/// What a LoRA branch's gradient computes for each of its own.
const BRANCH_BACKWARD: f64 = 2.0;

/// What a run with these settings computes.
pub fn work(parts: Parts<'_>, shapes: &Shapes, settings: &Settings) -> Work {
    let network = of_unet(parts.unet, shapes, settings);
    let text = parts
        .text_encoder
        .map_or(0.0, |encoder| of_text(encoder, shapes));
    // Every product of a frozen layer once more for its gradient.
    let mut a_sample = 2.0 * network.layers
        + (1.0 + ATTENTION_BACKWARD) * network.attention
        + (1.0 + BRANCH_BACKWARD) * network.branches
        + 2.0 * text;
    let forward = network.layers + network.attention;
    if settings.block_checkpointing {
        a_sample += forward + network.branches;
    }
    Work {
        forward,
        step: shapes.batch as f64 * a_sample,
        validation_steps: validation_steps(shapes.batch),
    }
}

/// Of one sample.
#[derive(Default)]
struct Network {
    layers: f64,
    attention: f64,
    branches: f64,
}

fn of_unet(unet: &UNet2DConditionModel, shapes: &Shapes, settings: &Settings) -> Network {
    let levels = unet.config().block_out_channels.len();
    let places = |level: usize| {
        let side = |length: usize| length.div_ceil(1 << level);
        (side(shapes.height) * side(shapes.width)) as f64
    };
    let words = shapes.tokens as f64;
    let mut network = Network::default();
    for projection in unet.adaptable() {
        let ends = |ending: &str| projection.path.ends_with(ending);
        let (level, tokens) = match Place::of(&projection.path, levels) {
            None if ends("conv_in") || ends("conv_out") => (0, places(0)),
            None => (0, 1.0),
            Some(Place { level, part, .. }) => match part {
                Part::Downsampler => (level, places(level + 1)),
                Part::Upsampler => (level, places(level - 1)),
                Part::Layer(_) if ends(".attn2.to_k") || ends(".attn2.to_v") => (level, words),
                Part::Layer(_) if ends(".time_emb_proj") => (level, 1.0),
                Part::Layer(_) => (level, places(level)),
            },
        };
        let (fan_in, outputs) = (
            projection.kind.fan_in() as f64,
            projection.kind.outputs() as f64,
        );
        network.layers += 2.0 * tokens * fan_in * outputs;
        if settings.targets.takes(&projection) {
            network.branches += 2.0 * tokens * settings.rank as f64 * (fan_in + outputs);
        }
        // Scores, and what they weigh.
        if ends(".attn1.to_q") {
            network.attention += 4.0 * tokens * places(level) * outputs;
        } else if ends(".attn2.to_q") {
            network.attention += 4.0 * tokens * words * outputs;
        }
    }
    network
}

fn of_text(encoder: &CLIPTextModel, shapes: &Shapes) -> f64 {
    let weights = |projection: AdaptablePath| projection.kind.fan_in() * projection.kind.outputs();
    let weights: usize = encoder.adaptable().into_iter().map(weights).sum();
    2.0 * (shapes.tokens * weights) as f64
}
