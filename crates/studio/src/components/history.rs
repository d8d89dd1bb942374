use leptos::prelude::*;

use super::{fields::CheckField, picture_canvas::PictureCanvas};
use crate::{strings::t, studio::Studio};

/// Pictures of this project, newest first; pressing one brings it back.
#[component]
pub fn History() -> impl IntoView {
    let studio = expect_context::<Studio>();
    let store = studio.store;
    let finished = Memo::new(move |_| {
        let mut made = store.made.get();
        if store.only_favourites.get() {
            made.retain(|m| m.favourite);
        }
        made.reverse();
        made
    });
    view! {
        <Show when=move || { store.made.with(Vec::len) > 1 }>
            <h3 id="history-title">{t().many.history}</h3>
            <div class="row picture-tools">
                <CheckField label=t().many.only_favourites.to_owned() testid="only-favourites"
                    value=store.only_favourites set=move |v| store.only_favourites.set(v) />
                <button type="button" class="button" data-testid="save-all" on:click=move |_| studio.save_pictures()>
                    {move || if store.only_favourites.get() { t().many.save_favourites } else { t().many.save_all }}
                </button>
            </div>
            <ul class="strip history" aria-labelledby="history-title">
                <For
                    each=move || finished.get()
                    key=|made| (made.job, made.adapter.is_some(), made.favourite)
                    let(made)
                >
                    <li>
                        <button
                            type="button"
                            class="thumb"
                            class:favourite=made.favourite
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
