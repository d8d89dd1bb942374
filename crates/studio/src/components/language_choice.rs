use leptos::prelude::*;

use crate::{
    language::{self, Spoken},
    strings::{Language, t},
};

/// One button a language, each in its own words.
#[component]
pub fn LanguageChoice() -> impl IntoView {
    let spoken = expect_context::<Spoken>();
    let button = move |choice: Language| {
        view! {
            <button
                type="button"
                class="quiet"
                lang=choice.tag()
                data-testid=format!("language-{}", choice.tag())
                aria-pressed=move || (spoken.0.get() == choice).to_string()
                on:click=move |_| language::choose(spoken, choice)
            >
                {choice.name()}
            </button>
        }
    };
    view! {
        <div class="languages" role="group" aria-label=t().language>
            {Language::ALL.map(button).collect_view()}
        </div>
    }
}
