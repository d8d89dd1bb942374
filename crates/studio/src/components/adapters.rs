use atelier_protocol::Label;
use leptos::prelude::*;

use super::{fields::TextField, mix::Mix, notices::Notices, picker::Picker};
use crate::{
    store::{EngineState, Place},
    strings::t,
    studio::Studio,
};

/// What was learned: in use, saved, loaded, and those of before.
#[component]
pub fn Adapters() -> impl IntoView {
    let studio = expect_context::<Studio>();
    let store = studio.store;
    let title = RwSignal::new(String::new());
    let (author, license) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    // A name typed for one adapter is not the next one's.
    Effect::new(move |_| {
        let now = store.current.get();
        let name = now.and_then(|i| {
            store
                .shelf
                .with_untracked(|s| s.get(i).map(|s| s.info.title.clone()))
        });
        title.set(name.unwrap_or_default());
    });
    let can_switch = move || store.is_idle() && store.engine.get() == EngineState::Ready;
    let has_adapter = Memo::new(move |_| store.current.get().is_some());
    let unsaved = move || {
        let current = store.current.get();
        current.is_some_and(|i| store.shelf.with(|s| s.get(i).is_some_and(|s| !s.saved)))
    };
    view! {
        <div class="adapters">
            <h3>{t().adapter_title}</h3>
            <p class="small">{t().adapter_lead}</p>
            <Show when=move || store.shelf.with(|s| !s.is_empty())>
                <fieldset class="shelf" disabled=move || !can_switch()>
                    <legend class="visually-hidden">{t().adapter_in_use}</legend>
                    <For
                        each=move || store.shelf.get().into_iter().enumerate()
                        key=|(i, s)| (*i, s.saved, s.bytes.is_some())
                        let((place, shelved))
                    >
                        <label class="shelved" data-testid="adapter">
                            <input
                                type="radio"
                                name="adapter"
                                prop:checked=move || store.current.get() == Some(place)
                                on:change=move |_| studio.use_shelved(place)
                            />
                            <span>
                                <b>{shelved.info.title.clone()}</b>
                                <span class="small">
                                    {(t().adapter_facts)(&shelved.info)}
                                    {(!shelved.saved).then_some(t().not_saved)}
                                </span>
                            </span>
                        </label>
                    </For>
                </fieldset>
            </Show>
            <div class="row adapter-row">
                <Show when=move || has_adapter.get()>
                    <label class="field">
                        <span class="label">{t().adapter_name}</span>
                        <input
                            type="text"
                            data-testid="adapter-name"
                            autocomplete="off"
                            prop:value=title
                            on:input=move |e| title.set(event_target_value(&e))
                        />
                    </label>
                    <button
                        type="button"
                        class="button"
                        class:primary=unsaved
                        data-testid="save-adapter"
                        aria-disabled=move || store.is_training().then_some("true")
                        on:click=move |_| {
                            if !store.is_training() {
                                studio.save_adapter(Label {
                                    title: title.get_untracked(),
                                    author: author.get_untracked(),
                                    license: license.get_untracked(),
                                });
                            }
                        }
                    >
                        {t().save_adapter}
                    </button>
                </Show>
                <Picker label=t().load_adapter testid="load-adapter-input" accept_types=".safetensors"
                    picked=move |files| files.into_iter().for_each(|file| studio.load_adapter(file)) />
            </div>
            <Show when=move || has_adapter.get()>
                <details class="fold" data-testid="label">
                    <summary>{t().label_title}</summary>
                    <div class="fields">
                        <TextField label=t().label_author help=t().label_author_help testid="label-author" most=200
                            value=author set=move |text| author.set(text) />
                        <TextField label=t().label_license help=t().label_license_help testid="label-license" most=200
                            value=license set=move |text| license.set(text) />
                    </div>
                    <p class="small">{t().label_lead}</p>
                </details>
            </Show>
            <Mix />
            <Notices place=Place::Adapter />
        </div>
    }
}
