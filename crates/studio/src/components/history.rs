use leptos::prelude::*;

use super::picture_canvas::PictureCanvas;
use crate::{strings::t, studio::Studio};

/// Pictures of this visit, newest first; pressing one brings it back.
#[component]
pub fn History() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let finished = Memo::new(move |_| {
        let mut made = store.made.get();
        made.reverse();
        made
    });
    view! {
        <Show when=move || { finished.with(Vec::len) > 1 }>
            <h3 id="history-title">{t().history}</h3>
            <ul class="strip history" aria-labelledby="history-title">
                <For
                    each=move || finished.get()
                    key=|made| (made.job, made.adapter.is_some())
                    let(made)
                >
                    <li>
                        <button
                            type="button"
                            class="thumb"
                            data-testid="history-picture"
                            aria-label=(t().show_again)(&made.settings.prompt)
                            aria-current=move || (store.shown.get() == Some(made.job)).then_some("true")
                            on:click=move |_| store.shown.set(Some(made.job))
                        >
                            {made
                                .adapter
                                .or(made.base)
                                .map(|shot| view! { <PictureCanvas picture=shot.picture label="" /> })}
                        </button>
                    </li>
                </For>
            </ul>
        </Show>
    }
}
