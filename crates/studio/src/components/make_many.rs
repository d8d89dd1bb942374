use leptos::prelude::*;

use super::{
    fields::{CheckField, NumberField},
    mask_painter::MaskPainter,
    picker::Picker,
};
use crate::{
    format,
    store::{Kind, MOST_AT_ONCE},
    strings::t,
    studio::Studio,
};

/// One picture or many, and what they begin with.
#[component]
pub fn MakeMany() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let wish = store.wish;
    let kind = Memo::new(move |_| wish.with(|w| w.kind));
    let kinds = [
        (Kind::Single, "single", t().many.single),
        (Kind::Variations, "variations", t().many.variations),
        (Kind::Grid, "grid", t().many.grid),
    ];
    view! {
        <div class="fields">
            <label class="field">
                <span class="label">{t().many.what}</span>
                <select
                    data-testid="many-kind"
                    on:change=move |e| {
                        let value = event_target_value(&e);
                        if let Some((kind, ..)) = kinds.into_iter().find(|k| k.1 == value) {
                            wish.update(|w| w.kind = kind);
                        }
                    }
                >
                    {kinds
                        .map(|(this, value, label)| {
                            view! {
                                <option value=value prop:selected=move || kind.get() == this>
                                    {label}
                                </option>
                            }
                        })
                        .collect_view()}
                </select>
            </label>
            <Show when=move || kind.get() != Kind::Grid>
                <NumberField label=t().many.count help=t().many.count_help testid="many-count"
                    min=1.0 max=MOST_AT_ONCE as f64 step=1.0
                    value=Signal::derive(move || wish.with(|w| f64::from(w.count)))
                    set=move |v| wish.update(|w| w.count = v as u32) />
            </Show>
            <Show when=move || kind.get() == Kind::Variations>
                <NumberField label=t().many.variation help=t().many.variation_help testid="variation"
                    min=0.0 max=1.0 step=0.05
                    value=Signal::derive(move || wish.with(|w| f64::from(w.variation)))
                    set=move |v| wish.update(|w| w.variation = v as f32) />
            </Show>
            <Show when=move || kind.get() == Kind::Grid>
                <Strengths />
            </Show>
            <StartFrom />
        </div>
    }
}

/// The columns of a grid, as numbers with spaces between.
#[component]
fn Strengths() -> impl IntoView {
    let wish = expect_context::<Studio>().store.wish;
    let shown = move || {
        let numbers = wish.with(|w| w.strengths.clone()).into_iter();
        let numbers = numbers.map(|s| format::number(f64::from(s)));
        numbers.collect::<Vec<_>>().join("  ")
    };
    let changed = move |e: web_sys::Event| {
        let entered = event_target_value(&e);
        let numbers = entered
            .split([' ', ';'])
            .filter_map(|s| s.replace(',', ".").parse().ok());
        let numbers: Vec<f32> = numbers
            .filter(|s| (0.0..=1.5).contains(s))
            .take(8)
            .collect();
        wish.update(|w| {
            if !numbers.is_empty() {
                w.strengths = numbers;
            }
        });
    };
    view! {
        <label class="field">
            <span class="label">{t().many.strengths}</span>
            <input type="text" data-testid="grid-strengths" autocomplete="off" prop:value=shown on:change=changed />
            <span class="help">{t().many.strengths_help}</span>
        </label>
    }
}

/// A picture to start from, or the way to choose one.
#[component]
fn StartFrom() -> impl IntoView {
    let studio = expect_context::<Studio>();
    let store = studio.store;
    let image = Memo::new(move |_| store.wish.with(|w| w.image.clone()));
    let part = Memo::new(move |_| store.mask.with(|m| m.wanted));
    move || {
        match image.get() {
        None => view! {
            <div class="field">
                <span class="label">{t().many.begins}</span>
                <Picker label=t().many.start_from testid="start-image" accept_types="image/*"
                    picked=move |files| files.into_iter().take(1).for_each(|file| studio.start_from(file)) />
                <span class="help">{t().many.start_from_help}</span>
            </div>
        }
        .into_any(),
        Some(image) => view! {
            <div class="field start-image" data-testid="started-from">
                <span class="label">{t().many.begins}</span>
                <img
                    src=image.url.clone()
                    alt=(t().many.starts_from)(&image.name)
                    hidden=move || part.get()
                />
                <button type="button" class="quiet" on:click=move |_| studio.start_from_nothing()>
                    {t().many.image_away}
                </button>
            </div>
            <NumberField label=t().many.image_strength help=t().many.image_strength_help testid="image-strength"
                min=0.05 max=1.0 step=0.05
                value=Signal::derive(move || store.sample.with(|s| f64::from(s.image_strength)))
                set=move |v| store.sample.update(|s| s.image_strength = v as f32) />
            <CheckField label=t().many.part.to_owned() testid="mask-wanted"
                value=part set=move |v| store.mask.update(|m| m.wanted = v) />
            {move || part.get().then(|| view! { <MaskPainter image=image.clone() /> })}
        }
        .into_any(),
    }
    }
}
