use leptos::prelude::*;

use super::picture_canvas::PictureCanvas;
use crate::{store::Made, strings::t, studio::Studio};

/// Pictures that were asked for together, as a sheet; a grid has its strengths as columns.
#[component]
pub fn Batch() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let batch = Memo::new(move |_| {
        let shown = store.shown.get()?;
        store.made.with(|made| {
            let batch = made.iter().find(|m| m.job == shown)?.batch;
            let same = made.iter().filter(|m| m.batch == batch).cloned();
            Some(same.collect::<Vec<Made>>()).filter(|same| same.len() > 1)
        })
    });
    let columns = move || {
        let made = batch.get().unwrap_or_default();
        let differ = made
            .iter()
            .any(|m| m.settings.strength != made[0].settings.strength);
        let first = made
            .iter()
            .filter(|m| m.settings.prompt == made[0].settings.prompt);
        let columns = if differ {
            first.count()
        } else {
            made.len().min(4)
        };
        columns.max(1).to_string()
    };
    let has_batch = Memo::new(move |_| batch.with(Option::is_some));
    view! {
        <Show when=move || has_batch.get()>
            <h3 id="batch-title">{t().many.together}</h3>
            <ul class="sheet" aria-labelledby="batch-title" data-testid="batch" style=("--columns", columns)>
                <For each=move || batch.get().unwrap_or_default() key=|m| m.job let(made)>
                    <One made />
                </For>
            </ul>
        </Show>
    }
}

#[component]
fn One(made: Made) -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let job = made.job;
    let settings = made.settings;
    let label = format!(
        "{}, {}",
        settings.prompt,
        (t().many.strength)(settings.strength)
    );
    view! {
        <li>
            <button
                type="button"
                class="thumb"
                aria-label=(t().show_again)(&label)
                aria-current=move || (store.shown.get() == Some(job)).then_some("true")
                on:click=move |_| store.shown.set(Some(job))
            >
                {made
                    .adapter
                    .or(made.base)
                    .map(|shot| view! { <PictureCanvas picture=shot.picture label="" /> })}
            </button>
        </li>
    }
}
