use leptos::prelude::*;

use crate::{
    store::{Place, Tone},
    strings::t,
    studio::Studio,
};

/// The sentences that belong to one place on the page.
#[component]
pub fn Notices(place: Place) -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let here = Memo::new(move |_| {
        let mut notices = store.notices.get();
        notices.retain(|n| n.place == place);
        notices
    });
    view! {
        <Show when=move || here.with(|n| !n.is_empty())>
            <ul class="notices">
                <For each=move || here.get() key=|notice| notice.id let(notice)>
                    <li class="notice" class:wrong=notice.tone == Tone::Wrong data-testid="notice">
                        <p>{notice.text}</p>
                        <button
                            type="button"
                            class="icon"
                            aria-label=t().dismiss
                            on:click=move |_| store.dismiss(notice.id)
                        >
                            <span aria-hidden="true">{"×"}</span>
                        </button>
                    </li>
                </For>
            </ul>
        </Show>
    }
}
