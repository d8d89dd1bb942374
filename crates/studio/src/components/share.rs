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
    let shared = made.clone();
    let chars = Memo::new(move |_| store.packed_chars(&shared));
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
            {move || {
                chars.get().map(|chars| {
                    view! {
                        <CheckField
                            label=(t().link.with_adapter)(chars)
                            help=t().link.with_adapter_help
                            testid="link-with-adapter"
                            value=with_adapter
                            set=move |v| with_adapter.set(v)
                        />
                    }
                })
            }}
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
