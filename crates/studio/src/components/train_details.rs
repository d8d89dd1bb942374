use atelier_protocol::{ModelKind, TrainingSettings};
use leptos::prelude::*;

use super::fields::{CheckField, NumberField};
use crate::{strings::t, studio::Studio};

/// Every setting of training, each with its sentence.
#[component]
pub fn TrainDetails() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let settings = store.training;
    // What Sketch has no use for.
    let is_studio = move || store.kind.get() != ModelKind::Sketch;
    let read = move |get: fn(&TrainingSettings) -> f64| Signal::derive(move || settings.with(get));
    // A value of the preset's: changing one makes the settings the artist's own.
    let write = move |put: fn(&mut TrainingSettings, f64)| {
        move |value: f64| {
            let before = settings.get_untracked();
            settings.update(|s| put(s, value));
            if settings.get_untracked() != before {
                store.preset.set(None);
            }
        }
    };
    view! {
        <details class="fold" data-testid="train-details">
            <summary>{t().details}</summary>
            <fieldset class="fields" disabled=move || store.is_training()>
                <legend class="visually-hidden">{t().details}</legend>
                <NumberField label=t().steps_label help=t().steps_help testid="set-steps" min=1.0 max=20_000.0 step=1.0
                    value=read(|s| f64::from(s.steps))
                    set=write(|s, v| {
                        s.steps = v as u32;
                        s.preview_every = (s.steps / 5).max(1);
                    }) />
                <NumberField label=t().rank help=t().rank_help testid="set-rank" min=1.0 max=128.0 step=1.0
                    value=read(|s| f64::from(s.rank)) set=write(|s, v| {
                        // Alpha stays equal to the rank until it is changed itself.
                        if s.alpha == s.rank as f32 {
                            s.alpha = v as f32;
                        }
                        s.rank = v as u32;
                    }) />
                <NumberField label=t().alpha help=t().alpha_help testid="set-alpha" min=0.1 max=256.0 step=0.1
                    value=read(|s| f64::from(s.alpha)) set=write(|s, v| s.alpha = v as f32) />
                <NumberField label=t().learning_rate help=t().learning_rate_help testid="set-learning-rate"
                    min=0.000_001 max=0.1 step=0.000_1
                    value=read(|s| f64::from(s.learning_rate)) set=write(|s, v| s.learning_rate = v as f32) />
                <Show when=is_studio>
                    <NumberField label=t().text_encoder_rate help=t().text_encoder_rate_help
                        testid="set-text-encoder-rate" min=0.0 max=0.1 step=0.000_01
                        value=read(|s| f64::from(s.text_encoder_learning_rate))
                        set=write(|s, v| s.text_encoder_learning_rate = v as f32) />
                </Show>
                <NumberField label=t().batch_size help=t().batch_size_help testid="set-batch-size" min=1.0 max=32.0 step=1.0
                    value=read(|s| f64::from(s.batch_size)) set=write(|s, v| s.batch_size = v as u32) />
                <NumberField label=t().accumulate help=t().accumulate_help testid="set-accumulate" min=1.0 max=32.0 step=1.0
                    value=read(|s| f64::from(s.accumulate)) set=write(|s, v| s.accumulate = v as u32) />
                <NumberField label=t().caption_dropout help=t().caption_dropout_help testid="set-caption-dropout"
                    min=0.0 max=1.0 step=0.05
                    value=read(|s| f64::from(s.caption_dropout)) set=write(|s, v| s.caption_dropout = v as f32) />
                <NumberField label=t().min_snr help=t().min_snr_help testid="set-min-snr" min=0.0 max=100.0 step=0.5
                    value=read(|s| f64::from(s.min_snr_gamma)) set=write(|s, v| s.min_snr_gamma = v as f32) />
                <NumberField label=t().prior_pictures help=t().prior_pictures_help testid="set-prior-pictures"
                    min=0.0 max=200.0 step=1.0
                    value=read(|s| f64::from(s.prior_pictures)) set=write(|s, v| s.prior_pictures = v as u32) />
                <NumberField label=t().preview_every help=t().preview_every_help testid="set-preview-every"
                    min=0.0 max=20_000.0 step=1.0
                    value=read(|s| f64::from(s.preview_every)) set=write(|s, v| s.preview_every = v as u32) />
                <NumberField label=t().training_seed help=t().training_seed_help testid="set-seed"
                    min=0.0 max=4_294_967_295.0 step=1.0
                    value=read(|s| s.seed as f64) set=move |v| settings.update(|s| s.seed = v as u64) />
                <label class="field">
                    <span class="label">{t().background}</span>
                    <input
                        type="color"
                        data-testid="set-background"
                        prop:value=move || settings.with(|s| hex(s.background))
                        on:input=move |e| {
                            if let Some(colour) = from_hex(&event_target_value(&e)) {
                                settings.update(|s| s.background = colour);
                            }
                        }
                    />
                    <span class="help">{t().background_help}</span>
                </label>
                <CheckField label=t().convolutions.to_owned() help=t().convolutions_help testid="set-convolutions"
                    value=Signal::derive(move || settings.with(|s| s.convolutions))
                    set=move |v| settings.update(|s| s.convolutions = v) />
                <CheckField label=t().block_checkpointing.to_owned() help=t().block_checkpointing_help
                    testid="set-block-checkpointing"
                    value=Signal::derive(move || settings.with(|s| s.block_checkpointing))
                    set=move |v| settings.update(|s| s.block_checkpointing = v) />
                <Show when=is_studio>
                    <CheckField label=t().aspect_buckets.to_owned() help=t().aspect_buckets_help
                        testid="set-aspect-buckets"
                        value=Signal::derive(move || settings.with(|s| s.aspect_buckets))
                        set=move |v| settings.update(|s| s.aspect_buckets = v) />
                </Show>
                <CheckField label=t().flip.to_owned() help=t().flip_help testid="set-flip"
                    value=Signal::derive(move || settings.with(|s| s.flip))
                    set=move |v| settings.update(|s| s.flip = v) />
                <label class="field wide">
                    <span class="label">{t().preview_prompts_label}</span>
                    <textarea
                        rows="3"
                        data-testid="set-preview-prompts"
                        prop:value=move || settings.with(|s| s.preview_prompts.join("\n"))
                        on:change=move |e| {
                            let lines = event_target_value(&e);
                            let prompts = lines.lines().map(str::trim).filter(|l| !l.is_empty());
                            settings.update(|s| s.preview_prompts = prompts.map(str::to_owned).collect());
                        }
                    ></textarea>
                    <span class="help">{t().preview_prompts_help}</span>
                </label>
            </fieldset>
            <p class="small" data-testid="foretold">
                {move || store.foretold.get().map(|foretold| (t().foretold)(foretold.bytes as f64))}
            </p>
        </details>
    }
}

fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn from_hex(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#').filter(|d| d.len() == 6)?;
    let value = u32::from_str_radix(digits, 16).ok()?;
    let [_, r, g, b] = value.to_be_bytes();
    Some([r, g, b])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_there_and_back() {
        assert_eq!(from_hex(&hex([1, 128, 255])), Some([1, 128, 255]));
        assert_eq!(from_hex("#ffff"), None);
        assert_eq!(from_hex("red"), None);
    }
}
