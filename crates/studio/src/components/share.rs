use atelier_link::packed_chars;
use leptos::prelude::*;

use super::fields::CheckField;
use crate::{store::Made, strings::t, studio::Studio};

/// A link to the picture in view.
#[component]
pub fn Share(made: Made) -> impl IntoView {
    let studio = expect_context::<Studio>();
    let store = studio.store;
    let with_adapter = store.link_with_adapter;
    let has_adapter = made.adapter.is_some();
    // What the adapter would add, of which the picture was drawn.
    let chars = has_adapter.then(|| untrack(|| store.adapter()));
    let chars = chars.flatten().map(|a| packed_chars(a.parameters));
    view! {
        <div class="share row">
            <button
                type="button"
                class="button"
                data-testid="copy-link"
                on:click=move |_| studio.share(&made, has_adapter && with_adapter.get_untracked())
            >
                {t().link.copy}
            </button>
            {chars
                .map(|chars| {
                    view! {
                        <CheckField
                            label=(t().link.with_adapter)(chars)
                            help=t().link.with_adapter_help
                            testid="link-with-adapter"
                            value=with_adapter
                            set=move |v| with_adapter.set(v)
                        />
                    }
                })}
        </div>
        {move || {
            let link = store.link.get()?;
            Some(
                view! {
                    <label class="field wide">
                        <span class="label">{t().link.link}</span>
                        <textarea rows="3" readonly data-testid="link" prop:value=link></textarea>
                    </label>
                },
            )
        }}
    }
}
