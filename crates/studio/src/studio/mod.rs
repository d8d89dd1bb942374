//! What the artist can do: each action changes the store and asks the engine.

mod adapters;
mod example;
mod gallery;
mod keeping;
mod making;
mod projects;
mod publishing;
mod recipes;
mod training;
mod works;

use std::{collections::HashMap, sync::Arc};

use atelier_project::ModelRecord;
use atelier_protocol::{Event, Label, ModelSource, Request, WorkId};
use js_sys::ArrayBuffer;
use keeping::Keeper;
use leptos::prelude::*;
use web_sys::File;

use crate::{
    files, gate,
    store::{
        Bytes, DrawnPicture, EngineState, FilePurpose, FollowUp, Place, SampleSet, Store, Tone,
    },
    strings::t,
    worker::EngineWorker,
};

/// The model that comes with the site, beside the page.
const MODEL_URL: &str = "models/sketch/";
/// Files beyond this are not even read: no picture of sensible size needs it.
const MAX_FILE_BYTES: f64 = 256e6;

/// The store, the engine and the artist's files. A handle: copies are the same studio.
#[derive(Clone, Copy)]
pub struct Studio {
    pub store: Store,
    engine: StoredValue<Option<EngineWorker>, LocalStorage>,
    works: StoredValue<HashMap<WorkId, File>, LocalStorage>,
    sending: StoredValue<bool>,
    /// The picture whose recipe is offered, should it be meant as a work.
    works_offered: StoredValue<Option<File>, LocalStorage>,
    keeper: StoredValue<Keeper, LocalStorage>,
    /// The gallery's adapter, as its file.
    gallery_adapter: StoredValue<Option<Bytes>>,
    pub sample_sets: RwSignal<Vec<Arc<SampleSet>>>,
    pub fetching_samples: RwSignal<bool>,
    /// The example was asked for, and its training has not begun.
    pub example: RwSignal<bool>,
    /// What is drawn once the example's training has ended.
    example_pictures: StoredValue<Vec<DrawnPicture>>,
}

impl Studio {
    /// Opens the studio: starts the engine, and brings back what is kept.
    pub fn open(sets: Vec<SampleSet>) -> Self {
        let studio = Self {
            store: Store::default(),
            engine: StoredValue::new_local(None),
            works: StoredValue::new_local(HashMap::new()),
            sending: StoredValue::new(false),
            works_offered: StoredValue::new_local(None),
            keeper: StoredValue::new_local(Keeper::default()),
            gallery_adapter: StoredValue::new(None),
            sample_sets: RwSignal::new(sets.into_iter().map(Arc::new).collect()),
            fetching_samples: RwSignal::new(false),
            example: RwSignal::new(false),
            example_pictures: StoredValue::new(Vec::new()),
        };
        studio.watch_example();
        studio.foretell();
        studio.follow_works();
        studio.open_gallery();
        studio.start_engine();
        studio.begin_keeping();
        studio.heed_links();
        studio
    }

    /// Starts the engine, in place of the one that is there.
    pub fn start_engine(self) {
        self.engine.set_value(None);
        self.store.clear_notices(Place::Page);
        self.store.engine.set(EngineState::Starting);
        let crash = move |reason: String| {
            // After the worker's own callback has returned: losing it drops that very callback.
            set_timeout(move || self.crashed(&reason), std::time::Duration::ZERO);
        };
        match EngineWorker::spawn(move |event, buffers| self.hear(event, &buffers), crash) {
            Ok(worker) => {
                self.engine.set_value(Some(worker));
                let site = gate::address_of("./");
                self.ask(&Request::Start { site }, &[]);
            }
            Err(error) => self.crashed(&error.as_string().unwrap_or_default()),
        }
    }

    pub fn load_model(self) {
        self.store.engine.set(EngineState::Loading);
        let source = match self.store.chosen.get_untracked() {
            Some(ModelRecord { model, .. }) => ModelSource::Library { model },
            None => ModelSource::Site {
                url: gate::address_of(MODEL_URL),
            },
        };
        self.ask(&Request::LoadModel { source }, &[]);
    }

    /// Has the engine open another model; none is the one that comes with the page.
    pub fn open_model(self, model: Option<ModelRecord>) {
        self.store.chosen.set(model);
        self.load_model();
    }

    fn crashed(self, reason: &str) {
        self.engine.set_value(None);
        self.store.engine_lost((t().engine_crashed)(reason));
    }

    fn ask(self, request: &Request, buffers: &[ArrayBuffer]) {
        let sent = self
            .engine
            .with_value(|engine| engine.as_ref().map(|e| e.post(request, buffers)));
        if let Some(Err(error)) = sent {
            self.crashed(&error.as_string().unwrap_or_default());
        }
    }

    fn hear(self, event: Event, buffers: &[Bytes]) {
        let about_a_work = matches!(event, Event::WorkAdded { .. } | Event::WorkRefused { .. });
        for next in self.store.apply(event, buffers, now()) {
            match next {
                FollowUp::LoadModel => self.load_model(),
                FollowUp::SendWorks => self.send_works(),
                FollowUp::RestoreAdapter(place) => self.use_shelved(place),
                FollowUp::KeepAdapter(place) => {
                    self.ask_for_file(FilePurpose::Keep(place), Label::default())
                }
                FollowUp::FirstPicture => self.first_picture(),
                FollowUp::NextPicture => self.next_picture(),
                FollowUp::MakeAsked => self.make(),
                FollowUp::Download { file_name, bytes } => {
                    self.hand_out(
                        Place::Adapter,
                        &file_name,
                        &bytes,
                        "application/octet-stream",
                    );
                }
            }
        }
        if about_a_work {
            self.send_works();
        }
    }

    fn hand_out(self, place: Place, name: &str, bytes: &[u8], kind: &str) {
        if files::download(name, bytes, kind).is_err() {
            self.store
                .notify(place, Tone::Wrong, (t().download_failed)(name));
        }
    }
}

/// The page's clock in milliseconds.
fn now() -> f64 {
    window().performance().map_or(0.0, |p| p.now())
}
