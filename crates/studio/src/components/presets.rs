use atelier_protocol::Preset;
use leptos::prelude::*;

use crate::{strings::t, studio::Studio};

/// Three ways to train, by how long one cares to wait.
#[component]
pub fn Presets() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let card = move |preset: Preset| {
        let (testid, name, what) = match preset {
            Preset::Quick => ("preset-quick", t().quick, t().quick_what),
            Preset::Balanced => ("preset-balanced", t().balanced, t().balanced_what),
            Preset::Thorough => ("preset-thorough", t().thorough, t().thorough_what),
        };
        let steps = move || preset.settings_for(store.kind.get()).steps;
        let time = move || {
            let seconds = store
                .seconds_per_step
                .get()
                .map(|s| f64::from(s) * f64::from(steps()));
            seconds
                .and_then(|s| (t().about)(s))
                .map(|about| format!(" · {about}"))
        };
        view! {
            <label class="preset" for=testid>
                <input
                    type="radio"
                    name="preset"
                    id=testid
                    data-testid=testid
                    prop:checked=move || store.preset.get() == Some(preset)
                    on:change=move |_| store.choose_preset(preset)
                />
                <span class="preset-name">{name}</span>
                <span class="preset-what">{what}</span>
                <span class="preset-steps">{move || (t().steps)(steps())} {time}</span>
            </label>
        }
    };
    view! {
        <fieldset class="presets" disabled=move || store.is_training()>
            <legend class="label">{t().presets}</legend>
            <div class="preset-cards">{Preset::ALL.map(card).collect_view()}</div>
            <Show when=move || store.preset.get().is_none()>
                <p class="small" data-testid="preset-own">
                    {t().own_settings}
                </p>
            </Show>
        </fieldset>
    }
}
