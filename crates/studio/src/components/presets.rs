use atelier_protocol::Preset;
use leptos::prelude::*;

use super::fields::ChoiceCard;
use crate::{strings::t, studio::Studio};

/// Three ways to train, by how long one cares to wait.
#[component]
pub fn Presets() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let card = move |preset: Preset| {
        let (testid, title, what) = match preset {
            Preset::Quick => ("preset-quick", t().quick, t().quick_what),
            Preset::Balanced => ("preset-balanced", t().balanced, t().balanced_what),
            Preset::Thorough => ("preset-thorough", t().thorough, t().thorough_what),
        };
        let steps = move || store.preset_settings(preset).steps;
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
            <ChoiceCard
                group="preset"
                testid
                title
                what
                chosen=Signal::derive(move || store.preset.get() == Some(preset))
                choose=move || store.choose_preset(preset)
            >
                {move || (t().steps)(steps())}
                {time}
            </ChoiceCard>
        }
    };
    view! {
        <fieldset class="choices" disabled=move || store.is_training()>
            <legend class="label">{t().presets}</legend>
            <div class="choice-cards">{Preset::ALL.map(card).collect_view()}</div>
            <Show when=move || store.preset.get().is_none()>
                <p class="small" data-testid="preset-own">
                    {t().own_settings}
                </p>
            </Show>
        </fieldset>
    }
}
