use std::collections::HashMap;

use leptos::prelude::*;

use crate::{format, store::EngineState, strings::t, studio::Studio};

/// Several adapters of the shelf become one, of each as much as the artist wants.
#[component]
pub fn Mix() -> impl IntoView {
    let studio = expect_context::<Studio>();
    let store = studio.store;
    let several = Memo::new(move |_| store.shelf.with(|shelf| shelf.len() > 1));
    // By the adapter's number; one that is not here is not in the mixture.
    let strengths = RwSignal::new(HashMap::<u32, f32>::new());
    let strength = move |id| strengths.with(|s| s.get(&id).copied().unwrap_or(0.0));
    let chosen = move || {
        store.shelf.with(|shelf| {
            let strong = shelf.iter().enumerate().map(|(i, s)| (i, strength(s.id)));
            strong
                .filter(|(_, strength)| *strength > 0.0)
                .collect::<Vec<_>>()
        })
    };
    let can_mix =
        move || store.is_idle() && store.engine.get() == EngineState::Ready && chosen().len() > 1;
    view! {
        <Show when=move || several.get()>
            <details class="fold" data-testid="mix">
                <summary>{t().mix_title}</summary>
                <div class="mix">
                    <p class="small">{t().mix_lead}</p>
                    <For
                        each=move || store.shelf.get()
                        key=|shelved| (shelved.id, shelved.info.title.clone())
                        let(shelved)
                    >
                        <label class="field strength">
                            <span class="label">
                                {shelved.info.title} " "
                                <output>{move || format::number(f64::from(strength(shelved.id)))}</output>
                            </span>
                            <input
                                type="range"
                                data-testid="mix-strength"
                                min="0"
                                max="1.5"
                                step="0.05"
                                prop:value=move || format::number(f64::from(strength(shelved.id)))
                                on:input=move |e| {
                                    if let Ok(value) = event_target_value(&e).parse() {
                                        strengths.update(|s| _ = s.insert(shelved.id, value));
                                    }
                                }
                            />
                        </label>
                    </For>
                    <button
                        type="button"
                        class="button"
                        data-testid="mix-go"
                        disabled=move || !can_mix()
                        on:click=move |_| studio.mix_adapters(&untrack(chosen))
                    >
                        {t().mix_go}
                    </button>
                </div>
            </details>
        </Show>
    }
}
