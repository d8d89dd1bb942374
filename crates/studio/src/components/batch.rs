use leptos::prelude::*;

use super::picture_canvas::PictureCanvas;
use crate::{store::Made, strings::t, studio::Studio};

/// Pictures that were asked for together: a sheet of them, or prompts by strengths as a table.
#[component]
pub fn Batch() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let batch = Memo::new(move |_| {
        let made = store.made.get();
        let shown = store.shown.get();
        let batch = made.iter().find(|m| Some(m.job) == shown).map(|m| m.batch);
        let same = made.into_iter().filter(|m| Some(m.batch) == batch);
        same.collect::<Vec<Made>>()
    });
    let several = Memo::new(move |_| batch.with(|made| made.len() > 1));
    let is_grid = Memo::new(move |_| batch.with(|made| strengths(made).len() > 1));
    view! {
        <Show when=move || several.get()>
            <h3 id="batch-title">{t().many.together}</h3>
            <Show when=move || is_grid.get() fallback=move || view! { <Sheet batch /> }>
                <Grid batch />
            </Show>
        </Show>
    }
}

/// Each strength once, in their order.
fn strengths(made: &[Made]) -> Vec<f32> {
    let mut found = Vec::new();
    for made in made {
        if !found.contains(&made.settings.strength) {
            found.push(made.settings.strength);
        }
    }
    found
}

/// Each prompt once, in their order.
fn prompts(made: &[Made]) -> Vec<String> {
    let mut found = Vec::new();
    for made in made {
        if !found.contains(&made.settings.prompt) {
            found.push(made.settings.prompt.clone());
        }
    }
    found
}

/// Side by side; with their prompts where these differ.
#[component]
fn Sheet(batch: Memo<Vec<Made>>) -> impl IntoView {
    let columns = move || batch.with(|made| made.len().clamp(1, 4)).to_string();
    let differ = Memo::new(move |_| batch.with(|made| prompts(made).len() > 1));
    view! {
        <ul class="sheet" aria-labelledby="batch-title" data-testid="batch" style=("--columns", columns)>
            <For each=move || batch.get() key=|m| m.job let(made)>
                <li>
                    <Thumb made=made.clone() />
                    {move || {
                        let prompt = differ.get().then(|| made.settings.prompt.clone())?;
                        Some(view! { <span class="small" aria-hidden="true">{prompt}</span> })
                    }}
                </li>
            </For>
        </ul>
    }
}

/// Each prompt a row, each strength a column.
#[component]
fn Grid(batch: Memo<Vec<Made>>) -> impl IntoView {
    let columns = Memo::new(move |_| batch.with(|made| strengths(made)));
    let rows = Memo::new(move |_| batch.with(|made| prompts(made)));
    view! {
        <div class="grid-frame">
            <table class="grid" aria-labelledby="batch-title" data-testid="batch">
                <thead>
                    <tr>
                        <td></td>
                        <For each=move || columns.get() key=|s| s.to_bits() let(strength)>
                            <th scope="col">{(t().many.strength)(strength)}</th>
                        </For>
                    </tr>
                </thead>
                <tbody>
                    <For each=move || rows.get() key=String::clone let(prompt)>
                        <tr>
                            <th scope="row">{prompt.clone()}</th>
                            <For each=move || columns.get() key=|s| s.to_bits() let(strength)>
                                <Cell batch prompt=prompt.clone() strength />
                            </For>
                        </tr>
                    </For>
                </tbody>
            </table>
        </div>
    }
}

/// Empty until its picture is made, and once that is removed.
#[component]
fn Cell(batch: Memo<Vec<Made>>, prompt: String, strength: f32) -> impl IntoView {
    let found = Memo::new(move |_| {
        batch.with(|made| {
            let here = |m: &&Made| m.settings.prompt == prompt && m.settings.strength == strength;
            made.iter().find(here).cloned()
        })
    });
    view! { <td>{move || found.get().map(|made| view! { <Thumb made /> })}</td> }
}

#[component]
fn Thumb(made: Made) -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let job = made.job;
    let settings = made.settings;
    let label = format!(
        "{}, {}",
        settings.prompt,
        (t().many.strength)(settings.strength)
    );
    view! {
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
    }
}
