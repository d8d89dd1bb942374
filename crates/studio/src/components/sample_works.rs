use std::sync::Arc;

use leptos::{html, prelude::*};

use crate::{store::SampleSet, strings::t, studio::Studio};

/// One press and there is something to train on.
#[component]
pub fn SampleWorks() -> impl IntoView {
    let studio = expect_context::<Studio>();
    let busy = studio.fetching_samples;
    let sets = studio.sample_sets;
    let menu = NodeRef::<html::Details>::new();
    let button = move |set: Arc<SampleSet>, label: String| {
        view! {
            <button
                type="button"
                class="button"
                data-testid="try-samples"
                aria-disabled=move || busy.get().then_some("true")
                on:click=move |_| {
                    if let Some(menu) = menu.get_untracked() {
                        menu.set_open(false);
                    }
                    studio.try_samples(set.clone());
                }
            >
                {move || if busy.get() { t().fetching_samples.to_owned() } else { label.clone() }}
            </button>
        }
    };
    move || {
        match sets.get().as_slice() {
        [] => ().into_any(),
        [set] => button(set.clone(), t().try_samples.to_owned()).into_any(),
        sets => view! {
            <details class="menu" node_ref=menu>
                <summary class="button">{t().try_samples}</summary>
                <div class="menu-items">
                    {sets
                        .iter()
                        .map(|set| button(set.clone(), (t().sample_set)(&set.title, &set.author, set.works.len())))
                        .collect_view()}
                </div>
            </details>
        }
        .into_any(),
    }
    }
}

/// Whose the sample works on the page are.
#[component]
pub fn SampleCredits() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let sets = Memo::new(move |_| {
        let mut sets: Vec<Arc<SampleSet>> = Vec::new();
        store.works.with(|works| {
            for set in works.iter().filter_map(|w| w.sample_set.as_ref()) {
                if !sets.iter().any(|s| s.id == set.id) {
                    sets.push(set.clone());
                }
            }
        });
        sets
    });
    view! {
        <For each=move || sets.get() key=|set| set.id.clone() let(set)>
            <p class="small credit" data-testid="sample-credit">
                {(t().sample_credit)(&set.title, &set.author, &set.licence)}
                " "
                {is_web(&set.source)
                    .then(|| {
                        view! {
                            <a href=set.source.clone() target="_blank" rel="noreferrer">
                                {t().source}
                            </a>
                        }
                    })}
            </p>
        </For>
    }
}

/// Only an address that leads to the web becomes a link.
fn is_web(source: &str) -> bool {
    source.starts_with("https://") || source.starts_with("http://")
}
