use leptos::prelude::*;

use super::requests::RequestsLink;
use crate::{strings::t, studio::Studio};

/// Sample works shown before anybody has asked for them.
const SHOWN: usize = 5;

/// What this is, on one screen. Until there is something of the artist's, also what one does, and an
/// example that one press runs.
#[component]
pub fn Welcome() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let nothing_yet = Memo::new(move |_| {
        store.works.with(Vec::is_empty)
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
            <Example />
        </Show>
    }
}

/// Sample works, and the one press.
#[component]
fn Example() -> impl IntoView {
    let studio = expect_context::<Studio>();
    let set = move || studio.sample_sets.get().first().cloned();
    let usable = move || studio.store.is_usable();
    let works = move || {
        let set = set()?;
        let pictures = set.works.iter().take(SHOWN).map(|work| {
            let address = crate::samples::address(&set, work);
            view! { <img src=address alt=work.caption.clone() width="72" height="72" /> }
        });
        Some(pictures.collect_view())
    };
    view! {
        <Show when=move || set().is_some() && usable()>
            <div class="example">
                <div class="example-works">{works}</div>
                <div class="example-run">
                    <button
                        type="button"
                        class="primary"
                        data-testid="run-example"
                        aria-disabled=move || studio.example.get().then_some("true")
                        on:click=move |_| studio.run_example()
                    >
                        {move || if studio.example.get() { t().welcome_running } else { t().welcome_run }}
                    </button>
                    <p class="small">
                        {move || set().map(|s| (t().welcome_what)(s.works.len(), &s.author))}
                    </p>
                </div>
            </div>
        </Show>
    }
}
