//! Carries out the page's requests. Looking, listing and removing go on beside what is on its way.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use atelier_protocol::{LibraryEvent, LibraryModel, LibraryRequest, Offer};
use js_sys::{Date, Reflect};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::spawn_local;
use web_sys::{File, MessageEvent};

use super::{
    chosen::Chosen,
    hub::{Hub, Stop, listing},
    keep::{End, Source, keep},
    kept::Kept,
    list, object, scope,
    shelf::{Shelf, free},
};
use crate::{LibraryError, Model, Name, Record};

/// Begins to listen. Called once, when the worker's module has loaded.
pub fn start() {
    console_error_panic_hook::set_once();
    let library = Rc::new(Library::default());
    let listener = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        let data = event.data();
        let text = Reflect::get(&data, &"message".into()).ok();
        let text = text.and_then(|text| text.as_string()).unwrap_or_default();
        // Not one of ours: another script's message, or an extension's.
        let Ok(request) = serde_json::from_str(&text) else {
            return;
        };
        let files = list(&data, "files").into_iter();
        let files = files.filter_map(|file| file.dyn_into().ok()).collect();
        spawn_local(library.clone().serve(request, files));
    });
    scope().set_onmessage(Some(listener.as_ref().unchecked_ref()));
    // It listens as long as the worker lives.
    listener.forget();
}

/// Everything the worker holds.
#[derive(Default)]
struct Library {
    site: RefCell<String>,
    offers: RefCell<BTreeMap<u32, (Record, Source)>>,
    last_offer: Cell<u32>,
    /// What is on its way.
    job: RefCell<Option<Job>>,
}

#[derive(Clone)]
struct Job {
    id: String,
    stop: Stop,
    /// The artist does not want it any more.
    remove: Rc<Cell<bool>>,
}

impl Library {
    async fn serve(self: Rc<Self>, request: LibraryRequest, files: Vec<File>) {
        let (name, model) = describe(&request);
        if let Err(error) = self.try_to(request, files).await {
            send(&LibraryEvent::Failed {
                request: name.to_owned(),
                model,
                can_go_on: error.can_go_on(),
                message: error.to_string(),
            });
        }
    }

    async fn try_to(&self, request: LibraryRequest, files: Vec<File>) -> Result<(), LibraryError> {
        match request {
            LibraryRequest::Open { site } => {
                self.site.replace(site);
                self.tidy_up().await?;
                self.list().await
            }
            LibraryRequest::List => self.list().await,
            LibraryRequest::LookUp { name } => self.look_up(&name).await,
            LibraryRequest::LookAt { paths } => self.look_at(Chosen::new(&paths, files)).await,
            LibraryRequest::Keep { offer } => {
                let offered = self.offers.borrow_mut().remove(&offer);
                let (record, source) = offered.ok_or(LibraryError::NoOffer)?;
                self.keep(record, source).await
            }
            LibraryRequest::GoOn { model } => {
                let record = Shelf::open().await?.find(&model).await?.record().await?;
                let name = record.name(&self.site.borrow())?;
                let name = name.ok_or(LibraryError::Gone)?;
                let commit = name.revision.clone();
                let hub = Hub::new(name, commit, record.files.clone(), Stop::new()?);
                self.keep(record, Source::Hub(hub)).await
            }
            LibraryRequest::Pause => {
                if let Some(job) = &*self.job.borrow() {
                    job.stop.ask();
                }
                Ok(())
            }
            LibraryRequest::Remove { model } => self.remove(&model).await,
            LibraryRequest::Used { model } => {
                let place = Shelf::open().await?.find(&model).await?;
                place.set_used(Date::now()).await?;
                self.list().await
            }
        }
    }

    async fn list(&self) -> Result<(), LibraryError> {
        let shelf = Shelf::open().await?;
        let mut models = Vec::new();
        for id in shelf.ids().await? {
            let Ok(place) = shelf.find(&id).await else {
                continue;
            };
            // One that is just being made or removed.
            let Ok(record) = place.record().await else {
                continue;
            };
            let states = place.states(&record).await;
            let about = record.about(&self.site.borrow());
            models.push(LibraryModel {
                about,
                here: record.here(&states),
                whole: record.is_whole(&states),
                used: place.used().await,
                model: id,
            });
        }
        models.sort_by(|a, b| {
            let used = |model: &LibraryModel| model.used.unwrap_or(0.0);
            used(b)
                .total_cmp(&used(a))
                .then_with(|| a.about.title.cmp(&b.about.title))
        });
        let free = free().await;
        send(&LibraryEvent::Listed { models, free });
        Ok(())
    }

    /// Removes what a crash left: folders without a record, and copies cut short, whose files are not
    /// at hand any more. Not while another tab brings something in: it may be that.
    async fn tidy_up(&self) -> Result<(), LibraryError> {
        let shelf = Shelf::open().await?;
        let Ok(_held) = shelf.hold().await else {
            return Ok(());
        };
        for id in shelf.ids().await? {
            let place = shelf.find(&id).await?;
            let useful = match place.record().await {
                Ok(record) => {
                    let fetched = record.about(&self.site.borrow()).fetched;
                    fetched || record.is_whole(&place.states(&record).await)
                }
                Err(_) => false,
            };
            if !useful {
                shelf.remove(&id).await?;
            }
        }
        Ok(())
    }

    async fn look_up(&self, given: &str) -> Result<(), LibraryError> {
        let name = Name::parse(given, &self.site.borrow())?;
        let stop = Stop::new()?;
        let found = listing(&name, &stop).await?;
        let hub = Hub::new(name.clone(), found.commit.clone(), found.entries, stop);
        let model = Model::open(&hub, name.file.as_deref()).await?;
        let record = Record::fetched(&name, &found.commit, found.licence, &model);
        self.offer(record, Source::Hub(hub)).await
    }

    async fn look_at(&self, chosen: Chosen) -> Result<(), LibraryError> {
        let model = Model::open(&chosen, None).await?;
        let record = Record::chosen(&chosen.title, &model);
        self.offer(record, Source::Chosen(chosen)).await
    }

    async fn offer(&self, record: Record, source: Source) -> Result<(), LibraryError> {
        let here = match Shelf::open().await?.find(&record.id()).await {
            Ok(place) => record.here(&place.states(&record).await),
            Err(_) => 0,
        };
        let about = record.about(&self.site.borrow());
        let offer = self.last_offer.get() + 1;
        self.last_offer.set(offer);
        send(&LibraryEvent::Offered(Offer {
            offer,
            about,
            missing: record.bytes() - here,
            free: free().await,
        }));
        // What was offered before is not asked for any more.
        let offers = BTreeMap::from([(offer, (record, source))]);
        self.offers.replace(offers);
        Ok(())
    }

    async fn keep(&self, record: Record, source: Source) -> Result<(), LibraryError> {
        let job = Job {
            id: record.id(),
            stop: Stop::new()?,
            remove: Rc::default(),
        };
        if self.job.borrow().is_some() {
            return Err(LibraryError::Busy);
        }
        self.job.replace(Some(job.clone()));
        let result = self.bring_in(&job, &record, &source).await;
        self.job.replace(None);
        let event = match result {
            Ok(End::Whole) => LibraryEvent::Kept { model: job.id },
            Ok(End::Stopped) if job.remove.get() => return Ok(()),
            Ok(End::Stopped) => LibraryEvent::Paused { model: job.id },
            Err(error) => LibraryEvent::Failed {
                request: "keep".to_owned(),
                model: Some(job.id),
                can_go_on: error.can_go_on() && matches!(source, Source::Hub(_)),
                message: error.to_string(),
            },
        };
        send(&event);
        self.list().await
    }

    async fn bring_in(
        &self,
        job: &Job,
        record: &Record,
        source: &Source,
    ) -> Result<End, LibraryError> {
        let shelf = Shelf::open().await?;
        let total = record.bytes();
        // Where not even the record has room, nothing of the model has come yet.
        let no_room = |error| match error {
            LibraryError::DiskFull => LibraryError::NoRoom {
                needed: total,
                free: None,
            },
            error => error,
        };
        let _held = shelf.hold().await.map_err(no_room)?;
        let was_here = shelf.find(&job.id).await.is_ok();
        let place = match shelf.make(record).await {
            Ok(place) => place,
            Err(error) => {
                if !was_here {
                    shelf.remove(&job.id).await.ok();
                }
                return Err(no_room(error));
            }
        };
        let mut tell = |doing, done, seconds_left| {
            send(&LibraryEvent::Progress {
                model: job.id.clone(),
                doing,
                done,
                total,
                seconds_left,
            });
        };
        let mut result = keep(&place, record, source, &job.stop, &mut tell).await;
        if result == Ok(End::Whole) {
            // That it can be opened, as the engine will.
            result = match Kept::open(&job.id).await {
                Ok(kept) => {
                    let wanted = record.files.first().filter(|_| record.files.len() == 1);
                    let wanted = wanted.map(|entry| entry.path.as_str());
                    Model::open(&kept, wanted).await.map(|_| End::Whole)
                }
                Err(error) => Err(error),
            };
        }
        // Nothing is left half that nobody can complete.
        let useless = match &result {
            Ok(End::Whole) => false,
            Ok(End::Stopped) => job.remove.get() || matches!(source, Source::Chosen(_)),
            Err(LibraryError::NoRoom { .. }) => !was_here,
            Err(error) => !error.can_go_on() || matches!(source, Source::Chosen(_)),
        };
        if useless {
            let freed = record.here(&place.states(record).await);
            shelf.remove(&job.id).await?;
            if result == Ok(End::Stopped) {
                job.remove.set(true);
                let model = job.id.clone();
                send(&LibraryEvent::Removed { model, freed });
            }
        }
        result
    }

    async fn remove(&self, id: &str) -> Result<(), LibraryError> {
        // What is on its way is removed when it has stopped.
        if let Some(job) = self.job.borrow().as_ref().filter(|job| job.id == id) {
            job.remove.set(true);
            job.stop.ask();
            return Ok(());
        }
        let shelf = Shelf::open().await?;
        let place = shelf.find(id).await?;
        let freed = match place.record().await {
            Ok(record) => record.here(&place.states(&record).await),
            Err(_) => 0,
        };
        shelf.remove(id).await?;
        let model = id.to_owned();
        send(&LibraryEvent::Removed { model, freed });
        self.list().await
    }
}

fn send(event: &LibraryEvent) {
    let Ok(text) = serde_json::to_string(event) else {
        return;
    };
    let message = object(&[("message", JsValue::from(text))]);
    // A plain object always can be posted.
    let _ = scope().post_message(&message);
}

/// What a request is called in an answer, and its model.
fn describe(request: &LibraryRequest) -> (&'static str, Option<String>) {
    match request {
        LibraryRequest::Open { .. } => ("open", None),
        LibraryRequest::List => ("list", None),
        LibraryRequest::LookUp { .. } => ("look_up", None),
        LibraryRequest::LookAt { .. } => ("look_at", None),
        LibraryRequest::Keep { .. } => ("keep", None),
        LibraryRequest::GoOn { model } => ("go_on", Some(model.clone())),
        LibraryRequest::Pause => ("pause", None),
        LibraryRequest::Remove { model } => ("remove", Some(model.clone())),
        LibraryRequest::Used { model } => ("used", Some(model.clone())),
    }
}
