//! Studio models: those that are here, the one on its way, and what the artist can do about them.

use atelier_project::ModelRecord;
use atelier_protocol::{Doing, LibraryEvent, LibraryModel, LibraryRequest, Offer};
use leptos::{prelude::*, task::spawn_local};
use web_sys::File;

use crate::{
    database, gate,
    library::LibraryWorker,
    store::{Place, Store, Tone},
    strings::t,
    studio::Studio,
};

/// A handle: copies are the same library.
#[derive(Clone, Copy)]
pub struct Models {
    store: Store,
    worker: StoredValue<Option<LibraryWorker>, LocalStorage>,
    /// Those in this browser; none until the library has said.
    pub here: RwSignal<Option<Vec<LibraryModel>>>,
    /// What the artist is asked about.
    pub offered: RwSignal<Option<Offer>>,
    /// A model is being looked up.
    pub looking: RwSignal<bool>,
    pub under_way: RwSignal<Option<UnderWay>>,
}

/// A model on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct UnderWay {
    pub title: String,
    /// None before the first report.
    pub model: Option<String>,
    pub doing: Doing,
    pub done: u64,
    pub total: u64,
    pub seconds_left: Option<f64>,
}

impl Models {
    pub fn new(store: Store) -> Self {
        Self {
            store,
            worker: StoredValue::new_local(None),
            here: RwSignal::new(None),
            offered: RwSignal::new(None),
            looking: RwSignal::new(false),
            under_way: RwSignal::new(None),
        }
    }

    /// Starts the library, once the artist looks at it. That asks nothing of anybody.
    pub fn begin(self) {
        if self.worker.with_value(Option::is_some) {
            return;
        }
        let crash = move |reason: String| {
            // After the worker's own callback has returned: losing it drops that very callback.
            set_timeout(move || self.crashed(&reason), std::time::Duration::ZERO);
        };
        match LibraryWorker::spawn(move |event| self.apply(event), crash) {
            Ok(worker) => {
                self.worker.set_value(Some(worker));
                let site = gate::address_of("./");
                self.ask(&LibraryRequest::Open { site }, Vec::new());
            }
            Err(error) => self.crashed(&error.as_string().unwrap_or_default()),
        }
    }

    pub fn look_up(self, name: &str) {
        self.look();
        let name = name.to_owned();
        self.ask(&LibraryRequest::LookUp { name }, Vec::new());
    }

    /// Of a folder, or single files.
    pub fn look_at(self, files: Vec<File>) {
        if files.is_empty() {
            return;
        }
        self.look();
        let path = |file: &File| {
            let path = js_sys::Reflect::get(file, &"webkitRelativePath".into()).ok();
            let path = path
                .and_then(|path| path.as_string())
                .filter(|path| !path.is_empty());
            path.unwrap_or_else(|| file.name())
        };
        let paths = files.iter().map(path).collect();
        self.ask(&LibraryRequest::LookAt { paths }, files);
    }

    fn look(self) {
        self.store.clear_notices(Place::Models);
        self.offered.set(None);
        self.looking.set(true);
    }

    /// Takes what was offered.
    pub fn keep(self, offer: &Offer) {
        self.offered.set(None);
        self.set_out(&offer.about.title, offer.about.fetched, offer.about.bytes);
        let offer = offer.offer;
        self.ask(&LibraryRequest::Keep { offer }, Vec::new());
    }

    pub fn go_on(self, model: &LibraryModel) {
        self.set_out(&model.about.title, true, model.about.bytes);
        let model = model.model.clone();
        self.ask(&LibraryRequest::GoOn { model }, Vec::new());
    }

    fn set_out(self, title: &str, fetched: bool, total: u64) {
        self.store.clear_notices(Place::Models);
        self.under_way.set(Some(UnderWay {
            title: title.to_owned(),
            model: None,
            doing: match fetched {
                true => Doing::Fetching,
                false => Doing::Copying,
            },
            done: 0,
            total,
            seconds_left: None,
        }));
        spawn_local(database::ask_to_persist());
    }

    pub fn pause(self) {
        self.ask(&LibraryRequest::Pause, Vec::new());
    }

    pub fn remove(self, model: &str) {
        let model = model.to_owned();
        self.ask(&LibraryRequest::Remove { model }, Vec::new());
    }

    /// Hands a model to the engine.
    pub fn open(self, studio: Studio, model: ModelRecord) {
        studio.open_model(Some(model.clone()));
        let ModelRecord { model, .. } = model;
        self.ask(&LibraryRequest::Used { model }, Vec::new());
    }

    fn ask(self, request: &LibraryRequest, files: Vec<File>) {
        let sent = self
            .worker
            .with_value(|worker| worker.as_ref().map(|w| w.post(request, files)));
        if let Some(Err(error)) = sent {
            self.crashed(&error.as_string().unwrap_or_default());
        }
    }

    fn crashed(self, reason: &str) {
        self.worker.set_value(None);
        self.rest();
        let text = (t().models.crashed)(reason);
        self.store.notify(Place::Models, Tone::Wrong, text);
    }

    fn rest(self) {
        self.looking.set(false);
        self.under_way.set(None);
    }

    fn apply(self, event: LibraryEvent) {
        match event {
            LibraryEvent::Listed { models, .. } => self.here.set(Some(models)),
            LibraryEvent::Offered(offer) => {
                self.looking.set(false);
                self.store
                    .announcement
                    .set((t().models.found)(&offer.about.title));
                self.offered.set(Some(offer));
            }
            LibraryEvent::Progress {
                model,
                doing,
                done,
                total,
                seconds_left,
            } => self.under_way.update(|under_way| {
                if let Some(way) = under_way {
                    way.model = Some(model);
                    (way.doing, way.done, way.total) = (doing, done, total);
                    way.seconds_left = seconds_left;
                }
            }),
            LibraryEvent::Kept { .. } => {
                let way = self.under_way.get_untracked();
                self.rest();
                let title = way.map(|way| way.title).unwrap_or_default();
                let text = (t().models.kept)(&title);
                self.store.notify(Place::Models, Tone::Calm, text);
            }
            LibraryEvent::Paused { .. } => self.rest(),
            LibraryEvent::Removed { model, freed } => {
                let way = self.under_way.get_untracked();
                if way.is_some_and(|way| way.model == Some(model)) {
                    self.rest();
                }
                let text = (t().models.removed)(freed as f64);
                self.store.notify(Place::Models, Tone::Calm, text);
            }
            LibraryEvent::Failed {
                request, message, ..
            } => {
                match request.as_str() {
                    "look_up" | "look_at" => self.looking.set(false),
                    "keep" | "go_on" => self.under_way.set(None),
                    _ => {}
                }
                self.store.notify(Place::Models, Tone::Wrong, message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use atelier_protocol::{AboutModel, ModelFamily};

    use super::*;

    fn offer() -> Offer {
        Offer {
            offer: 1,
            about: AboutModel {
                title: "a/b".into(),
                page: None,
                family: ModelFamily::Sd1,
                licence: None,
                bytes: 100,
                parameters: 10,
                fetched: true,
            },
            missing: 100,
            free: None,
        }
    }

    fn under_way(models: Models) -> Option<(u64, Option<f64>)> {
        models
            .under_way
            .get_untracked()
            .map(|way| (way.done, way.seconds_left))
    }

    fn progress(done: u64) -> LibraryEvent {
        LibraryEvent::Progress {
            model: "m".into(),
            doing: Doing::Fetching,
            done,
            total: 100,
            seconds_left: Some(9.0),
        }
    }

    #[test]
    fn a_model_is_asked_about_fetched_and_there() {
        let owner = Owner::new();
        owner.with(|| {
            let models = Models::new(Store::default());
            models.looking.set(true);
            models.apply(LibraryEvent::Offered(offer()));
            assert!(!models.looking.get_untracked());
            assert_eq!(models.offered.get_untracked(), Some(offer()));
            // A report that comes late, of what is not under way any more, begins nothing.
            models.apply(progress(5));
            assert_eq!(under_way(models), None);
            models.under_way.set(Some(UnderWay {
                title: "a/b".into(),
                model: None,
                doing: Doing::Fetching,
                done: 0,
                total: 100,
                seconds_left: None,
            }));
            models.apply(progress(40));
            assert_eq!(under_way(models), Some((40, Some(9.0))));
            models.apply(LibraryEvent::Kept { model: "m".into() });
            assert_eq!(under_way(models), None);
            let said = models.store.notices.get_untracked();
            assert!(said[0].tone == Tone::Calm && said[0].text.contains("a/b"));
        });
    }

    #[test]
    fn a_refusal_is_said_and_ends_only_what_it_is_about() {
        let owner = Owner::new();
        owner.with(|| {
            let models = Models::new(Store::default());
            let failed = |request: &str| LibraryEvent::Failed {
                request: request.into(),
                model: None,
                message: format!("{request} failed."),
                can_go_on: true,
            };
            models.set_out_for_test();
            models.looking.set(true);
            models.apply(failed("look_up"));
            assert!(!models.looking.get_untracked() && under_way(models).is_some());
            models.apply(failed("keep"));
            assert_eq!(under_way(models), None);
            let said = models.store.notices.get_untracked();
            let texts: Vec<_> = said.iter().map(|n| n.text.as_str()).collect();
            assert_eq!(texts, ["look_up failed.", "keep failed."]);
            assert!(said.iter().all(|n| n.place == Place::Models));
        });
    }

    impl Models {
        fn set_out_for_test(self) {
            self.under_way.set(Some(UnderWay {
                title: String::new(),
                model: Some("m".into()),
                doing: Doing::Fetching,
                done: 1,
                total: 2,
                seconds_left: None,
            }));
        }
    }
}
