use leptos::{ev, prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;

use super::{
    engine_trouble::EngineTrouble,
    gallery::{GalleryShow, OwnHand},
    hidden,
    language_choice::LanguageChoice,
    leaving,
    make::Make,
    models::ModelChoice,
    notices::Notices,
    projects::Projects,
    publish::Publish,
    recipe_offer::RecipeOffer,
    requests::Requests,
    status::EngineStatus,
    train::Train,
    update::Update,
    welcome::Welcome,
    works::Works,
};
use crate::{
    files,
    gate::{self, Gatekeeper},
    language,
    models::Models,
    requests,
    store::{EngineState, Place, SampleSet},
    strings::t,
    studio::Studio,
};

/// The page and what it keeps. A change of language draws it anew from the store.
#[component]
pub fn App(
    /// Works to try with.
    sets: Vec<SampleSet>,
) -> impl IntoView {
    let spoken = language::begin();
    provide_context(spoken);
    let studio = Studio::open(sets);
    provide_context(studio);
    provide_context(Models::new(studio.store));
    leaving::watch(studio.store, hidden::watch(studio));
    provide_context(requests::listen());
    let gatekeeper = Gatekeeper::listen();
    provide_context(gatekeeper);
    keep_site(studio);
    let dragging = accept_drops(studio);
    let pieces = piece_by_piece();
    move || {
        spoken.0.track();
        view! { <Page dragging pieces /> }
    }
}

/// The page below its first screen comes in pieces, a task each, so that a slow phone can be touched and
/// scrolled between them: how many have come.
fn piece_by_piece() -> RwSignal<u32> {
    fn next(pieces: RwSignal<u32>) {
        let come = move || {
            pieces.update(|n| *n += 1);
            if pieces.get_untracked() < PIECES {
                next(pieces);
            }
        };
        set_timeout(come, std::time::Duration::ZERO);
    }
    let pieces = RwSignal::new(0);
    next(pieces);
    pieces
}

const PIECES: u32 = 4;

/// Once the engine runs here, the site is worth its room on this machine.
fn keep_site(studio: Studio) {
    Effect::new(move |kept: Option<bool>| {
        let ready = studio.store.engine.get() == EngineState::Ready;
        if ready && kept != Some(true) {
            gate::keep_site();
        }
        ready || kept == Some(true)
    });
}

/// What is seen: works, train, make, one under the other. In a gallery its pictures come first, then
/// making more of them, and training last.
#[component]
fn Page(dragging: RwSignal<bool>, pieces: RwSignal<u32>) -> impl IntoView {
    let studio = expect_context::<Studio>();
    let gallery = Memo::new(move |_| studio.store.is_gallery());
    let usable = move || studio.store.is_usable();
    let come = move |piece: u32| move || pieces.get() >= piece;
    view! {
        {move || match gallery.get() {
            true => view! { <a class="skip" href="#make">{t().gallery.skip}</a> }.into_any(),
            false => view! { <a class="skip" href="#works">{t().skip}</a> }.into_any(),
        }}
        <header class="top">
            <p class="wordmark">{t().name}</p>
            <EngineStatus />
        </header>
        <main>
            <Update />
            <RecipeOffer />
            {move || match gallery.get() {
                true => view! { <GalleryShow /> }.into_any(),
                false => view! { <Welcome /> }.into_any(),
            }}
            <EngineTrouble />
            <Notices place=Place::Page />
            {move || match gallery.get() {
                true => view! {
                    <div class="chapters" hidden=move || !usable()>
                        <Show when=come(1)>
                            <Make />
                        </Show>
                        <Show when=come(2)>
                            <OwnHand />
                            <Projects />
                            <ModelChoice />
                        </Show>
                        <Show when=come(3)>
                            <Works />
                        </Show>
                        <Show when=come(PIECES)>
                            <Train />
                            <Publish />
                        </Show>
                    </div>
                }
                .into_any(),
                false => view! {
                    <Show when=come(1)>
                        <Projects />
                        <div hidden=move || !usable()><ModelChoice /></div>
                    </Show>
                    <div class="chapters" hidden=move || !usable()>
                        <Show when=come(2)>
                            <Works />
                        </Show>
                        <Show when=come(3)>
                            <Train />
                        </Show>
                        <Show when=come(PIECES)>
                            <Make />
                            <Publish />
                        </Show>
                    </div>
                }
                .into_any(),
            }}
        </main>
        <footer class="foot" hidden=move || pieces.get() < PIECES>
            <Requests />
            <p>{t().footer}</p>
            <div class="row foot-row">
                <a href=t().how_page target="_blank" rel="noopener" data-testid="how">{t().how}</a>
                <LanguageChoice />
            </div>
        </footer>
        <div class="drop-veil" hidden=move || !dragging.get() aria-hidden="true">
            <p>{t().drop_here}</p>
        </div>
        <p class="visually-hidden" aria-live="polite" data-testid="announcement">
            {studio.store.announcement}
        </p>
    }
}

/// Files dropped anywhere on the page, or pasted, are taken in. True while some hover over it.
fn accept_drops(studio: Studio) -> RwSignal<bool> {
    let dragging = RwSignal::new(false);
    let carries_files = |event: &ev::DragEvent| {
        event
            .data_transfer()
            .is_some_and(|data| data.types().includes(&"Files".into(), 0))
    };
    window_event_listener(ev::dragover, move |event| {
        if carries_files(&event) {
            event.prevent_default();
            if !dragging.get_untracked() {
                dragging.set(true);
            }
        }
    });
    window_event_listener(ev::dragleave, move |event| {
        // Leaving one element for another is not leaving the page.
        if event.related_target().is_none() {
            dragging.set(false);
        }
    });
    window_event_listener(ev::drop, move |event| {
        dragging.set(false);
        if let Some(data) = event.data_transfer().filter(|_| carries_files(&event)) {
            event.prevent_default();
            let onto_make = event
                .target()
                .and_then(|t| t.dyn_into::<web_sys::Element>().ok())
                .is_some_and(|e| e.closest("#make").ok().flatten().is_some());
            spawn_local(async move {
                let mut files = files::from_drop(data).await;
                // One picture dropped where pictures are made is one to start from.
                match files.as_slice() {
                    [file] if onto_make && file.type_().starts_with("image/") => {
                        studio.start_from(files.remove(0));
                    }
                    _ => studio.add_files(files),
                }
            });
        }
    });
    window_event_listener(ev::paste, move |event| {
        let files = files::from_list(event.clipboard_data().and_then(|data| data.files()));
        if !files.is_empty() {
            event.prevent_default();
            studio.add_files(files);
        }
    });
    dragging
}
