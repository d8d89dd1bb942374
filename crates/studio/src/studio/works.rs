//! Works in and out.

use std::{collections::HashMap, sync::Arc};

use atelier_protocol::{Buffer, Request, WorkId};
use leptos::{prelude::*, task::spawn_local};
use web_sys::{File, Url};

use super::{MAX_FILE_BYTES, Studio};
use crate::{
    files, format, samples,
    store::{EngineState, Place, SampleSet, Work, WorkState},
    strings::t,
};

/// Beyond this the browser is not asked to show the file before the engine has read it.
const MAX_SHOWN_BYTES: f64 = 24e6;
/// Works on their way to the engine at one time, so that their bytes do not pile up.
const WORKS_IN_FLIGHT: usize = 3;

impl Studio {
    /// Takes in files as they come: pictures as works, `.txt` as the caption of the picture of the
    /// same name, `.safetensors` as an adapter.
    pub fn add_files(self, incoming: Vec<File>) {
        if incoming.is_empty() {
            return;
        }
        self.store.clear_notices(Place::Works);
        spawn_local(async move {
            let (mut pictures, mut captions) = (Vec::new(), HashMap::new());
            for file in incoming {
                let name = file.name();
                if format::has_ending(&name, ".safetensors") {
                    self.load_adapter(file);
                } else if format::has_ending(&name, ".txt") {
                    let caption = files::read_text(&file).await.unwrap_or_default();
                    captions.insert(format::stem(&name).to_owned(), caption);
                } else if !self.offers_recipe(&file).await {
                    pictures.push(file);
                }
            }
            // Captions may also come after their pictures.
            self.store.works.with_untracked(|works| {
                for work in works {
                    if let Some(caption) = captions.get(format::stem(&work.name)) {
                        work.caption.set(one_line(caption));
                    }
                }
            });
            for file in pictures {
                let name = file.name();
                let caption = match captions.get(format::stem(&name)) {
                    Some(caption) => one_line(caption),
                    None => format::caption_from_file_name(&name),
                };
                self.add_work(file, caption, None);
            }
            self.send_works();
        });
    }

    pub(super) fn add_work(self, file: File, caption: String, sample_set: Option<Arc<SampleSet>>) {
        let name = file.name();
        if file.size() > MAX_FILE_BYTES {
            self.store.refuse_file(&name, t().file_too_large);
            return;
        }
        let shown = file.size() <= MAX_SHOWN_BYTES && file.type_().starts_with("image/");
        let work = Work {
            id: self.store.new_work_id(),
            name,
            url: shown
                .then(|| Url::create_object_url_with_blob(&file).ok())
                .flatten(),
            caption: ArcRwSignal::new(caption),
            focus: ArcRwSignal::new(0.5),
            state: ArcRwSignal::new(WorkState::Waiting),
            seen: ArcRwSignal::new(None),
            sample_set,
        };
        self.works
            .update_value(|works| _ = works.insert(work.id, file));
        self.store.works.update(|works| works.push(work));
    }

    /// Sends works that wait, a few at a time; called again as each is answered.
    pub(super) fn send_works(self) {
        if self.sending.get_value() {
            return;
        }
        self.sending.set_value(true);
        spawn_local(async move {
            while let Some(work) = self.next_to_send() {
                let file = self.works.with_value(|works| works.get(&work.id).cloned());
                let read = match &file {
                    Some(file) => files::read(file).await.ok(),
                    None => None,
                };
                match read {
                    // The work may have been removed, or the engine lost, while it was read.
                    Some(bytes) if self.next_to_send().is_some_and(|w| w.id == work.id) => {
                        work.state.set(WorkState::Reading);
                        let (id, name) = (work.id, work.name.clone());
                        self.ask(
                            &Request::AddWork {
                                id,
                                name,
                                bytes: Buffer(0),
                            },
                            &[bytes],
                        );
                    }
                    Some(_) => {}
                    None => self.store.refuse_work(work.id, t().file_unreadable),
                }
            }
            self.sending.set_value(false);
        });
    }

    fn next_to_send(self) -> Option<Work> {
        let takes_works = matches!(
            self.store.engine.get_untracked(),
            EngineState::Loading | EngineState::Ready
        );
        self.store.works.with_untracked(|works| {
            let in_flight = works
                .iter()
                .filter(|w| w.state.get_untracked() == WorkState::Reading);
            if !takes_works || in_flight.count() >= WORKS_IN_FLIGHT {
                return None;
            }
            works
                .iter()
                .find(|w| w.state.get_untracked() == WorkState::Waiting)
                .cloned()
        })
    }

    pub fn remove_work(self, id: WorkId) {
        let work = self
            .store
            .works
            .with_untracked(|works| works.iter().find(|w| w.id == id).cloned());
        let Some(work) = work else { return };
        self.store
            .works
            .update(|works| works.retain(|w| w.id != id));
        self.forget_works(&[work]);
        self.ask(&Request::ForgetWorks, &[]);
    }

    /// Takes works out of the engine and lets go of their files.
    pub(super) fn forget_works(self, works: &[Work]) {
        for work in works {
            self.works.update_value(|files| _ = files.remove(&work.id));
            if let Some(url) = &work.url {
                Url::revoke_object_url(url).ok();
            }
            if work.state.get_untracked() != WorkState::Waiting {
                self.ask(&Request::RemoveWork { id: work.id }, &[]);
            }
        }
    }

    pub fn remove_all_works(self) {
        let ids: Vec<WorkId> = self
            .store
            .works
            .with_untracked(|works| works.iter().map(|w| w.id).collect());
        for id in ids {
            self.remove_work(id);
        }
        self.store.clear_notices(Place::Works);
    }

    /// Drops a set of sample works in.
    pub fn try_samples(self, set: Arc<SampleSet>) {
        if self.fetching_samples.get_untracked() {
            return;
        }
        self.store.clear_notices(Place::Works);
        self.fetching_samples.set(true);
        spawn_local(async move {
            for work in &set.works {
                match samples::file(&set, work).await {
                    Ok(file) => self.add_work(file, work.caption.clone(), Some(set.clone())),
                    Err(_) => self.store.refuse_file(&work.file, t().sample_missing),
                }
                self.send_works();
            }
            self.fetching_samples.set(false);
        });
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
