use atelier_protocol::Learns;
use leptos::prelude::*;

use super::fields::ChoiceCard;
use crate::{strings::t, studio::Studio};

/// What the works have in common; the phrase that calls it and the presets go by that.
#[component]
pub fn LearnsChoice() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let card = move |learns: Learns| {
        let (testid, title, what) = match learns {
            Learns::Style => ("learns-style", t().learns_style, t().learns_style_what),
            Learns::Subject => (
                "learns-subject",
                t().learns_subject,
                t().learns_subject_what,
            ),
        };
        view! {
            <ChoiceCard
                group="learns"
                testid
                title
                what
                chosen=Signal::derive(move || store.learns.get() == learns)
                choose=move || store.choose_learns(learns)
            />
        }
    };
    view! {
        <fieldset class="choices" disabled=move || store.is_training()>
            <legend class="label">{t().learns}</legend>
            <div class="choice-cards">
                {[Learns::Style, Learns::Subject].map(card).collect_view()}
            </div>
        </fieldset>
    }
}
