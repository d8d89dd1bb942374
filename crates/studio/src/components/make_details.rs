use atelier_protocol::SamplerKind;
use leptos::prelude::*;

use super::fields::{CheckField, NumberField};
use crate::{strings::t, studio::Studio};

/// Every setting of a picture, each with its sentence.
#[component]
pub fn MakeDetails() -> impl IntoView {
    let studio = expect_context::<Studio>();
    let store = studio.store;
    let sample = store.sample;
    view! {
        <details class="fold" data-testid="make-details">
            <summary>{t().details}</summary>
            <div class="fields">
                <label class="field wide">
                    <span class="label">{t().negative}</span>
                    <input
                        type="text"
                        data-testid="negative-prompt"
                        autocomplete="off"
                        prop:value=move || sample.with(|s| s.negative_prompt.clone())
                        on:input=move |e| sample.update(|s| s.negative_prompt = event_target_value(&e))
                    />
                    <span class="help">{t().negative_help}</span>
                </label>
                <Seed />
                <NumberField label=t().sampler_steps help=t().sampler_steps_help testid="sampler-steps"
                    min=1.0 max=150.0 step=1.0
                    value=Signal::derive(move || sample.with(|s| f64::from(s.steps)))
                    set=move |v| sample.update(|s| s.steps = v as u32) />
                <NumberField label=t().guidance help=t().guidance_help testid="guidance" min=1.0 max=30.0 step=0.5
                    value=Signal::derive(move || sample.with(|s| f64::from(s.guidance_scale)))
                    set=move |v| sample.update(|s| s.guidance_scale = v as f32) />
                <CheckField label=t().from_base.to_owned() help=t().from_base_help testid="guide-from-base"
                    value=Signal::derive(move || sample.with(|s| s.guide_from_base))
                    set=move |v| sample.update(|s| s.guide_from_base = v) />
                <label class="field">
                    <span class="label">{t().sampler}</span>
                    <select
                        data-testid="sampler"
                        prop:value=move || sample.with(|s| s.sampler.label())
                        on:change=move |e| {
                            let label = event_target_value(&e);
                            if let Some(kind) = SamplerKind::ALL.into_iter().find(|k| k.label() == label) {
                                sample.update(|s| s.sampler = kind);
                            }
                        }
                    >
                        {SamplerKind::ALL
                            .map(|kind| {
                                view! {
                                    <option
                                        value=kind.label()
                                        selected=move || sample.with(|s| s.sampler == kind)
                                    >
                                        {kind.label()}
                                    </option>
                                }
                            })
                            .collect_view()}
                    </select>
                    <span class="help">{t().sampler_help}</span>
                </label>
                <CheckField label=t().compare.to_owned() help=t().compare_help testid="compare"
                    value=Signal::derive(move || sample.with(|s| s.compare))
                    set=move |v| sample.update(|s| s.compare = v) />
            </div>
        </details>
    }
}

/// The seed: typed, rolled, kept. Text rather than a number field, which would round a large one.
#[component]
fn Seed() -> impl IntoView {
    let studio = expect_context::<Studio>();
    let store = studio.store;
    let typed = move |e: web_sys::Event| {
        // A seed that was typed is one to keep.
        match event_target_value(&e).trim().parse() {
            Ok(seed) => {
                store.sample.update(|s| s.seed = seed);
                store.seed_locked.set(true);
            }
            Err(_) => store.sample.update(|_| {}),
        }
    };
    view! {
        <div class="field seed">
            <label class="label" for="seed">{t().seed}</label>
            <div class="joined">
                <input
                    id="seed"
                    type="text"
                    inputmode="numeric"
                    data-testid="seed"
                    autocomplete="off"
                    aria-describedby="seed-help"
                    prop:value=move || store.sample.with(|s| s.seed.to_string())
                    on:change=typed
                />
                <button type="button" class="button" data-testid="seed-roll" on:click=move |_| studio.roll_seed()>
                    {t().roll}
                </button>
            </div>
            <CheckField label=t().lock_seed.to_owned() testid="seed-lock"
                value=store.seed_locked set=move |v| store.seed_locked.set(v) />
            <span class="help" id="seed-help">{t().seed_help}</span>
        </div>
    }
}
