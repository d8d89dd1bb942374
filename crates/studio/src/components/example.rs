use std::sync::Arc;

use atelier_protocol::Preset;
use leptos::prelude::*;

use crate::{samples, store::SampleSet, strings::t, studio::Studio};

/// Works of the set that are shown, evenly taken from all of it.
const SHOWN: usize = 6;

/// A finished example: works of a hand, what this page drew once it had learned from them, and the one
/// press that does it here.
#[component]
pub fn Example() -> impl IntoView {
    let studio = expect_context::<Studio>();
    let set = move || studio.sample_sets.get().first().cloned();
    move || set().map(|set| view! { <Finished set /> })
}

#[component]
fn Finished(set: Arc<SampleSet>) -> impl IntoView {
    let studio = expect_context::<Studio>();
    let shown = SHOWN.min(set.works.len());
    let works = (0..shown)
        .map(|i| &set.works[i * set.works.len() / shown])
        .map(|work| {
            view! { <li><img src=samples::address(&set, work) alt=work.caption.clone() width="64" height="64" /></li> }
        })
        .collect_view();
    let drawn = set
        .drawn
        .iter()
        .map(|picture| {
            let alt = (t().example_picture)(&picture.prompt);
            view! {
                <li>
                    <img src=samples::drawn_address(picture) alt=alt width="64" height="64" />
                    <span aria-hidden="true">{picture.prompt.clone()}</span>
                </li>
            }
        })
        .collect_view();
    let steps = Preset::Quick.settings().steps;
    view! {
        <section class="example" aria-label=t().example data-testid="example">
            <figure>
                <figcaption>{(t().example_works)(set.works.len(), &set.author)}</figcaption>
                <ul class="tiles">{works}</ul>
            </figure>
            {(!set.drawn.is_empty())
                .then(|| {
                    view! {
                        <figure>
                            <figcaption>{(t().example_drawn)(steps)}</figcaption>
                            <ul class="tiles">{drawn}</ul>
                        </figure>
                    }
                })}
            <div class="example-run">
                <button
                    type="button"
                    class="primary"
                    data-testid="run-example"
                    aria-disabled=move || studio.example.get().then_some("true")
                    on:click=move |_| studio.run_example()
                >
                    {move || if studio.example.get() { t().example_running } else { t().example_run }}
                </button>
                <p class="small">{t().example_what}</p>
            </div>
        </section>
    }
}
