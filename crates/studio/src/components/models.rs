use atelier_project::ModelRecord;
use atelier_protocol::{Doing, LibraryModel, Offer};
use leptos::{ev, html, prelude::*};

use super::{fold::Fold, picker::Picker, progress::ProgressBar};
use crate::{
    models::Models,
    published::PUBLISHED,
    store::{EngineState, Place},
    strings::t,
    studio::Studio,
};

/// Which model draws, and those that could.
#[component]
pub fn ModelChoice() -> impl IntoView {
    let studio = expect_context::<Studio>();
    let models = expect_context::<Models>();
    let name = move || studio.store.model.get().map(|model| model.name);
    view! {
        <Fold
            label=t().models.title
            testid="models"
            place=Place::Models
            line=view! { <b data-testid="model-name">{name}</b> }
            toggled=Callback::new(move |()| models.begin())
        >
            <div class="project-menu models">
                <Here />
                <OnItsWay />
                <Offered />
                <Add />
            </div>
        </Fold>
    }
}

/// Those that are here, the one that comes with the page first.
#[component]
fn Here() -> impl IntoView {
    let studio = expect_context::<Studio>();
    let models = expect_context::<Models>();
    view! {
        <ul class="model-list">
            <li class="model">
                <p>
                    <b>{"Sketch"}</b>
                    <span class="small">{t().models.built_in}</span>
                </p>
                <Use model=None title="Sketch" used=move || studio.open_model(None) />
            </li>
            <For
                each=move || models.here.get().unwrap_or_default()
                key=|m| (m.model.clone(), m.here, m.whole, m.used.map(f64::to_bits))
                let(model)
            >
                <Model model />
            </For>
        </ul>
    }
}

#[component]
fn Model(model: LibraryModel) -> impl IntoView {
    let studio = expect_context::<Studio>();
    let models = expect_context::<Models>();
    let idle = move || models.under_way.with(Option::is_none);
    let title = model.about.title.clone();
    let facts = (t().models.facts)(&model.about);
    let state = match (model.whole, model.used) {
        (false, _) => (t().models.part)(model.here as f64, model.about.bytes as f64),
        (true, Some(used)) => {
            let date = js_sys::Date::new(&used.into());
            let options = wasm_bindgen::JsValue::UNDEFINED;
            let page = document().document_element();
            let language = page.and_then(|page| page.get_attribute("lang"));
            let date = date.to_locale_date_string(&language.unwrap_or_default(), &options);
            (t().models.used)(&String::from(date))
        }
        (true, None) => t().models.unused.to_owned(),
    };
    let record = record(&model);
    let used = {
        let record = record.clone();
        move || models.open(studio, record.clone())
    };
    let again = model.clone();
    let action = if model.whole {
        view! { <Use model=Some(record) title=title.clone() used /> }.into_any()
    } else {
        view! {
            <button
                type="button"
                class="button"
                data-testid="model-go-on"
                disabled=move || !idle()
                on:click=move |_| models.go_on(&again)
            >
                {t().models.go_on}
            </button>
        }
        .into_any()
    };
    view! {
        <li class="model" data-testid="model">
            <p>
                <b>{title}</b>
                <span class="small">{facts}</span>
                <span class="small">{state}</span>
            </p>
            <div class="buttons">
                {action}
                <Remove model />
            </div>
        </li>
    }
}

fn record(model: &LibraryModel) -> ModelRecord {
    ModelRecord {
        model: model.model.clone(),
        title: model.about.title.clone(),
    }
}

/// Has the engine open a model; marked where it has.
#[component]
fn Use(
    model: Option<ModelRecord>,
    #[prop(into)] title: String,
    used: impl Fn() + Clone + Send + Sync + 'static,
) -> impl IntoView {
    let studio = expect_context::<Studio>();
    let store = studio.store;
    let chosen = Memo::new(move |_| store.chosen.get() == model);
    let free = move || {
        let ready = matches!(
            store.engine.get(),
            EngineState::Ready | EngineState::ModelFailed(_)
        );
        store.is_idle() && ready
    };
    view! {
        <Show
            when=move || !chosen.get()
            fallback=|| view! { <span class="small" data-testid="model-in-use">{t().models.in_use}</span> }
        >
            <button
                type="button"
                class="button"
                data-testid="model-use"
                aria-label=(t().models.use_of)(&title)
                disabled=move || !free()
                on:click={
                    let used = used.clone();
                    move |_| used()
                }
            >
                {t().models.use_it}
            </button>
        </Show>
    }
}

/// Removing asks once more, for it may have taken an hour to come.
#[component]
fn Remove(model: LibraryModel) -> impl IntoView {
    let studio = expect_context::<Studio>();
    let models = expect_context::<Models>();
    let dialog = NodeRef::<html::Dialog>::new();
    let record = record(&model);
    let in_use = move || {
        studio
            .store
            .chosen
            .with(|chosen| chosen.as_ref() == Some(&record))
    };
    let ask = move |_| {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.show_modal().ok();
        }
    };
    let close = move || {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
    };
    let sure = (t().models.remove_sure)(&model.about.title, model.here as f64);
    view! {
        <button type="button" class="quiet" data-testid="model-remove" disabled=in_use on:click=ask>
            {t().models.remove}
        </button>
        <dialog node_ref=dialog class="ask" aria-label=t().models.remove>
            <p>{sure}</p>
            <div class="buttons">
                <button
                    type="button"
                    class="primary"
                    data-testid="model-remove-yes"
                    on:click=move |_| {
                        close();
                        models.remove(&model.model);
                    }
                >
                    {t().models.remove}
                </button>
                <button type="button" class="button" on:click=move |_| close()>
                    {t().keep.cancel}
                </button>
            </div>
        </dialog>
    }
}

#[component]
fn OnItsWay() -> impl IntoView {
    let models = expect_context::<Models>();
    let way = move || models.under_way.get();
    let label = move || {
        way()
            .map(|way| (t().models.doing)(&way))
            .unwrap_or_default()
    };
    let fraction = move || {
        let known = way().filter(|way| way.total > 0);
        known.map(|way| way.done as f64 / way.total as f64)
    };
    view! {
        <Show when=move || models.under_way.with(Option::is_some)>
            <div class="model-way">
                <ProgressBar
                    label=Signal::derive(label)
                    fraction=Signal::derive(fraction)
                    seconds_left=Signal::derive(move || way().and_then(|way| way.seconds_left))
                    testid="model-progress-bytes"
                />
                <button type="button" class="button" data-testid="model-pause" on:click=move |_| models.pause()>
                    {move || match way().map(|way| way.doing) {
                        Some(Doing::Copying) => t().stop,
                        _ => t().keep.pause,
                    }}
                </button>
            </div>
        </Show>
    }
}

/// Size, licence and needs, before anything is fetched.
#[component]
fn Offered() -> impl IntoView {
    let models = expect_context::<Models>();
    let busy = move || models.under_way.with(Option::is_some);
    let shown = move |offer: Offer| {
        let words = t().models;
        let room = offer
            .free
            .map(|free| (words.room)(offer.missing as f64, free as f64));
        let fits = offer.free.is_none_or(|free| free >= offer.missing);
        let take = match offer.about.fetched {
            true => (words.fetch)(offer.missing as f64),
            false => (words.copy)(offer.missing as f64),
        };
        let page = offer.about.page.clone().map(|page| {
            view! {
                <a href=page target="_blank" rel="noopener noreferrer">
                    {words.its_page}
                </a>
            }
        });
        view! {
            <div class="model-offer" role="group" aria-label=words.offer data-testid="model-offer">
                <p>
                    <b>{offer.about.title.clone()}</b>
                    <span class="small">{(words.facts)(&offer.about)}</span>
                </p>
                <p>{(words.licence)(offer.about.licence.as_deref())} {" "} {page}</p>
                <p class="small">{(words.needs)(offer.about.parameters as f64)}</p>
                <p class="small">{room}</p>
                <div class="buttons">
                    <button
                        type="button"
                        class="primary"
                        data-testid="model-keep"
                        disabled=move || busy() || !fits
                        on:click=move |_| models.keep(&offer)
                    >
                        {take}
                    </button>
                    <button
                        type="button"
                        class="button"
                        data-testid="model-not-now"
                        on:click=move |_| models.offered.set(None)
                    >
                        {words.not_now}
                    </button>
                </div>
            </div>
        }
    };
    view! { <div aria-live="polite">{move || models.offered.get().map(shown)}</div> }
}

/// By name, from the published ones, or from files.
#[component]
fn Add() -> impl IntoView {
    let models = expect_context::<Models>();
    let name = RwSignal::new(String::new());
    let busy = move || models.looking.get();
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        if !name.with_untracked(|name| name.trim().is_empty()) {
            models.look_up(&name.get_untracked());
        }
    };
    let presets = PUBLISHED.map(|preset| {
        let title = format!("{}: {}", preset.name, preset.licence);
        view! {
            <button
                type="button"
                class="quiet"
                title=title
                data-testid="model-preset"
                disabled=busy
                on:click=move |_| {
                    name.set(preset.name.to_owned());
                    models.look_up(preset.name);
                }
            >
                {preset.title}
            </button>
        }
    });
    view! {
        <p class="label">{t().models.add}</p>
        <p class="small">{t().models.add_lead}</p>
        <form class="row model-name" on:submit=submit>
            <label class="field">
                <span class="label">{t().models.name}</span>
                <input
                    type="text"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    placeholder="owner/name"
                    data-testid="model-name-input"
                    prop:value=name
                    on:input=move |e| name.set(event_target_value(&e))
                />
            </label>
            <button type="submit" class="button" data-testid="model-look-up" disabled=busy>
                {move || if busy() { t().models.looking } else { t().models.look_up }}
            </button>
        </form>
        <div class="buttons" role="group" aria-label=t().models.published>
            {presets.collect_view()}
        </div>
        <div class="buttons">
            <Picker label=t().models.from_file testid="model-file" accept_types=".safetensors"
                picked=move |files| models.look_at(files) />
            <Picker label=t().models.from_folder testid="model-folder" accept_types="" folder=true
                picked=move |files| models.look_at(files) />
        </div>
    }
}
