use leptos::prelude::*;

use super::{example::Example, requests::RequestsLink};
use crate::{strings::t, studio::Studio};

/// What this is, on one screen. Until there is something of the artist's, also a finished example that
/// one press runs, and what one does; where nothing can be done, what follows says why, and is seen at once.
#[component]
pub fn Welcome() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let nothing_yet = Memo::new(move |_| {
        store.is_usable()
            && store.works.with(Vec::is_empty)
            && store.made.with(Vec::is_empty)
            && store.shelf.with(Vec::is_empty)
    });
    view! {
        <div class="intro">
            <h1>{t().title}</h1>
            <p class="lead">{t().lead}</p>
            <p class="private">{t().private} " " <RequestsLink /></p>
        </div>
        <Show when=move || nothing_yet.get()>
            <Example />
            <ol class="way">
                {t()
                    .welcome_steps
                    .map(|(name, what)| {
                        view! {
                            <li>
                                <b>{name}</b>
                                <p>{what}</p>
                            </li>
                        }
                    })
                    .collect_view()}
            </ol>
        </Show>
    }
}
