//! What is on the page is kept in the browser as it changes, and comes back on the next visit.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
    time::Duration,
};

use atelier_project::{Opened, Project, work_file};
use js_sys::{Function, Uint8Array};
use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*, task::spawn_local};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, File};

use super::Studio;
use crate::{
    database::{self, Change, Database, DatabaseError},
    files,
    store::{Bytes, EngineState, Keeping, Place, ProjectEntry, Tone, untitled},
    strings::t,
};

/// So long a change waits for others, which are then written together.
const PATIENCE: Duration = Duration::from_millis(400);

/// The database and what is in it of the open project.
#[derive(Default)]
pub struct Keeper {
    pub(super) database: Option<Rc<Database>>,
    /// Names of the files that are written.
    written: HashSet<String>,
    timer: Option<TimeoutHandle>,
    /// A change is being written; another waits for its end.
    writing: bool,
    again: bool,
    /// Lets go of the project, for other tabs.
    release: Option<Function>,
    warned_of_room: bool,
    /// The latest change could not be written, which was said.
    failed: bool,
}

impl Studio {
    /// Opens the database and the project of last time, and follows every change from then on.
    pub(super) fn begin_keeping(self) {
        self.follow();
        spawn_local(async move {
            if let Err(error) = self.open_last().await {
                self.store.keeping.set(Keeping::Off);
                self.store.project_name.set(untitled(1));
                leptos::logging::warn!("not kept: {error:?}");
                self.store
                    .notify(Place::Project, Tone::Wrong, t().keep.keeps_nothing);
                return;
            }
            self.look_at_room().await;
        });
    }

    async fn open_last(self) -> Result<(), DatabaseError> {
        let database = Rc::new(Database::open().await?);
        self.keeper
            .update_value(|k| k.database = Some(database.clone()));
        let mut known = Vec::new();
        for (id, json) in database.projects().await? {
            let name = Project::parse(json.as_bytes()).map(|p| p.name);
            let name = name.unwrap_or_else(|_| untitled(id as usize));
            known.push(ProjectEntry { id, name });
        }
        self.store.projects.set(known.clone());
        let last: Option<u32> = remembered();
        let first = known.iter().position(|p| Some(p.id) == last);
        if let Some(first) = first {
            known.swap(0, first);
        }
        for entry in &known {
            if self.show_project(entry.id).await? {
                return Ok(());
            }
        }
        if !known.is_empty() {
            self.store
                .notify(Place::Project, Tone::Calm, t().keep.open_elsewhere);
        }
        self.begin_project(None).await
    }

    /// Opens a project that is kept. False where another tab has it.
    pub(super) async fn show_project(self, id: u32) -> Result<bool, DatabaseError> {
        let Some(database) = self.keeper.with_value(|k| k.database.clone()) else {
            return Ok(false);
        };
        let records = database.projects().await?;
        let Some((_, json)) = records.into_iter().find(|(n, _)| *n == id) else {
            return Ok(false);
        };
        let Some(release) = database::hold(id).await else {
            return Ok(false);
        };
        self.leave_project();
        let names: HashSet<String> = database.names(id).await?.into_iter().collect();
        let mut project = match Project::parse(json.as_bytes()) {
            Ok(project) => project,
            Err(error) => {
                release.call0(&JsValue::NULL).ok();
                self.store
                    .notify(Place::Project, Tone::Wrong, error.to_string());
                return Ok(false);
            }
        };
        project.keep_only(|name| names.contains(name));
        let mut bytes: HashMap<String, Bytes> = HashMap::new();
        for name in project.files() {
            if let Some(value) = database.file(id, &name).await? {
                if name.starts_with("works/") {
                    self.take_back_work(&project, &name, value);
                } else if let Some(read) = read(value).await {
                    bytes.insert(name, read);
                }
            }
        }
        // A work whose file is there but is none leaves too.
        let here = self
            .works
            .with_value(|w| w.keys().map(|id| id.0).collect::<HashSet<_>>());
        project.works.retain(|w| here.contains(&w.id));
        let paused = project
            .run
            .as_ref()
            .is_some_and(|run| matches!(run.state, atelier_project::RunState::Paused { .. }));
        self.store.restore(project, |name| bytes.get(name).cloned());
        self.opened(id, names, release);
        if paused && let Some(run) = self.store.run.get_untracked().filter(|r| r.is_paused()) {
            self.store.notify(
                Place::Train,
                Tone::Calm,
                (t().keep.was_under_way)(run.step, run.steps),
            );
        }
        Ok(true)
    }

    /// An empty project, or one that has been imported: `files` are put beside its record.
    pub(super) async fn begin_project(self, imported: Option<Opened>) -> Result<(), DatabaseError> {
        let Some(database) = self.keeper.with_value(|k| k.database.clone()) else {
            return Ok(());
        };
        let known = database.projects().await?;
        let id = known.iter().map(|(id, _)| *id).max().unwrap_or(0) + 1;
        if let Some(Opened { project, files }) = imported {
            let put = files.into_iter().map(|(name, bytes)| {
                let value = match work_of(&project, &name) {
                    Some(work) => file(&bytes, &work.name).map(JsValue::from),
                    None => Ok(Uint8Array::from(&bytes[..]).into()),
                };
                value.map(|value| (name, value))
            });
            let put: Result<Vec<_>, _> = put.collect();
            let change = Change {
                record: json(&project),
                put: put.map_err(|_| DatabaseError::Other("a work".into()))?,
                remove: Vec::new(),
            };
            database.change(id, change).await?;
            self.store.projects.update(|list| {
                list.push(ProjectEntry {
                    id,
                    name: project.name.clone(),
                });
            });
            self.show_project(id).await?;
            return Ok(());
        }
        let release = database::hold(id).await.unwrap_or_else(database::nothing);
        self.leave_project();
        let taken = |name: &str| {
            self.store
                .projects
                .with_untracked(|l| l.iter().any(|p| p.name == name))
        };
        let name = (1..)
            .map(untitled)
            .find(|name| !taken(name))
            .unwrap_or_default();
        self.store.project_name.set(name.clone());
        self.store
            .projects
            .update(|list| list.push(ProjectEntry { id, name }));
        self.opened(id, HashSet::new(), release);
        let record = json(&untrack(|| self.store.record()));
        let change = Change {
            record,
            ..Change::default()
        };
        database.change(id, change).await
    }

    fn opened(self, id: u32, written: HashSet<String>, release: Function) {
        self.keeper.update_value(|k| {
            k.written = written;
            k.release = Some(release);
        });
        self.store.project.set(Some(id));
        self.store.keeping.set(Keeping::Kept);
        if let Ok(Some(storage)) = window().local_storage() {
            storage.set_item(&last(), &id.to_string()).ok();
        }
        self.send_works();
        let engine = self.store.engine.get_untracked();
        if matches!(engine, EngineState::Ready | EngineState::ModelFailed(_))
            && self.store.model.with_untracked(Option::is_none)
        {
            self.load_model();
        } else if let (EngineState::Ready, Some(place)) =
            (engine, self.store.current.get_untracked())
        {
            self.use_shelved(place);
        }
    }

    /// Takes the project off the page and out of the engine. What is kept stays.
    fn leave_project(self) {
        if self.store.project.get_untracked().is_none() {
            // Works may have been dropped before the database was open: they stay.
            return;
        }
        self.store.project.set(None);
        self.release();
        let works = self.store.works.get_untracked();
        self.forget_works(&works);
        self.store.clear_project();
    }

    /// Lets go of the open project, so that no change of it is written any more.
    pub(super) fn release(self) {
        self.keeper.update_value(|k| {
            if let Some(timer) = k.timer.take() {
                timer.clear();
            }
            if let Some(release) = k.release.take() {
                release.call0(&JsValue::NULL).ok();
            }
        });
    }

    fn take_back_work(self, project: &Project, name: &str, value: JsValue) {
        let Some(work) = work_of(project, name) else {
            return;
        };
        if let Ok(file) = value.dyn_into::<File>() {
            let id = atelier_protocol::WorkId(work.id);
            self.works.update_value(|works| _ = works.insert(id, file));
        }
    }

    /// Writes a moment after something has changed that is kept.
    fn follow(self) {
        let store = self.store;
        let soon = move || {
            if store.project.get_untracked().is_some() {
                self.write_soon();
            }
        };
        Effect::new(move |before: Option<()>| {
            store.track_kept();
            if before.is_some() {
                soon();
            }
        });
        // Of a run only what is kept: not each step.
        Effect::new(move |before: Option<_>| {
            let now = store.run.with(|run| {
                let run = run.as_ref()?;
                let checkpoint = run.checkpoint.as_ref().map(|c| c.step);
                Some((run.job, checkpoint, run.outcome, run.adapter))
            });
            if before.is_some_and(|before| before != now) {
                soon();
            }
            now
        });
    }

    fn write_soon(self) {
        self.store.keeping.set(Keeping::Writing);
        self.keeper.update_value(|k| {
            if let Some(timer) = k.timer.take() {
                timer.clear();
            }
            let write = move || spawn_local(self.write());
            k.timer = set_timeout_with_handle(write, PATIENCE).ok();
        });
    }

    /// Writes what waits to be written, as when the page is about to be left.
    pub fn write_now(self) {
        if self.store.keeping.get_untracked() == Keeping::Writing {
            self.keeper.update_value(|k| {
                if let Some(timer) = k.timer.take() {
                    timer.clear();
                }
            });
            spawn_local(self.write());
        }
    }

    /// Brings the database to what the page shows: files that are new are written, those that are
    /// gone removed, with the record, at one stroke.
    pub(super) async fn write(self) {
        let Some(id) = self.store.project.get_untracked() else {
            return;
        };
        let Some(database) = self.keeper.with_value(|k| k.database.clone()) else {
            return;
        };
        let busy = self.keeper.try_update_value(|k| {
            k.again = k.writing;
            std::mem::replace(&mut k.writing, true)
        });
        if busy != Some(false) {
            return;
        }
        let mut result;
        loop {
            let project = untrack(|| self.store.record());
            let names: HashSet<String> = project.files().into_iter().collect();
            let written = self.keeper.with_value(|k| k.written.clone());
            let put = names.difference(&written);
            let put = put.filter_map(|name| Some((name.clone(), self.value(&project, name)?)));
            let change = Change {
                record: json(&project),
                put: put.collect(),
                remove: written.difference(&names).cloned().collect(),
            };
            let there: HashSet<String> = change.put.iter().map(|(name, _)| name.clone()).collect();
            result = database.change(id, change).await;
            if result.is_ok() && self.store.project.get_untracked() == Some(id) {
                let kept = names.intersection(&written).cloned().chain(there).collect();
                self.keeper.update_value(|k| k.written = kept);
            }
            let again = self
                .keeper
                .try_update_value(|k| std::mem::take(&mut k.again));
            if again != Some(true) || self.store.project.get_untracked() != Some(id) {
                break;
            }
        }
        self.keeper.update_value(|k| k.writing = false);
        self.written(result).await;
    }

    async fn written(self, result: Result<(), DatabaseError>) {
        let failed_before = self
            .keeper
            .try_update_value(|k| std::mem::replace(&mut k.failed, result.is_err()));
        if failed_before == Some(true) {
            self.store.clear_notices(Place::Project);
        }
        match result {
            Ok(()) => self.store.keeping.set(Keeping::Kept),
            Err(error) => {
                self.store.keeping.set(Keeping::Failed);
                leptos::logging::warn!("not written: {error:?}");
                let text = match error {
                    DatabaseError::Full => t().keep.disk_full,
                    DatabaseError::Other(_) => t().keep.not_written,
                };
                self.store.notify(Place::Project, Tone::Wrong, text);
            }
        }
        self.look_at_room().await;
    }

    /// Says in time when room grows short, once a visit.
    async fn look_at_room(self) {
        let room = database::room().await;
        self.store.room.set(room);
        let warned = self.keeper.with_value(|k| k.warned_of_room);
        if let Some(room) = room.filter(|r| r.is_low() && !warned) {
            self.keeper.update_value(|k| k.warned_of_room = true);
            let text = (t().keep.room_low)((room.quota - room.used).max(0.0));
            self.store.notify(Place::Project, Tone::Wrong, text);
        }
    }

    pub(super) fn ask_to_persist(self) {
        spawn_local(async move {
            let known = self.store.room.get_untracked();
            if known.is_none_or(|r| !r.persisted) {
                database::ask_to_persist().await;
                self.store.room.set(database::room().await);
            }
        });
    }

    /// What goes into the database under a name.
    fn value(self, project: &Project, name: &str) -> Option<JsValue> {
        if let Some(work) = work_of(project, name) {
            let id = atelier_protocol::WorkId(work.id);
            return self
                .works
                .with_value(|works| works.get(&id).cloned().map(JsValue::from));
        }
        let bytes = self.store.file(name)?;
        Some(Uint8Array::from(&bytes[..]).into())
    }

    /// The bytes of one of the project's files, works too.
    pub(super) async fn bytes(self, project: &Project, name: &str) -> Option<Bytes> {
        read(self.value(project, name)?).await
    }
}

fn work_of<'a>(project: &'a Project, name: &str) -> Option<&'a atelier_project::WorkRecord> {
    project.works.iter().find(|w| work_file(w.id) == name)
}

async fn read(value: JsValue) -> Option<Bytes> {
    match value.dyn_into::<Blob>() {
        Ok(blob) => {
            let buffer = files::read(&blob).await.ok()?;
            Some(Uint8Array::new(&buffer).to_vec().into())
        }
        Err(value) => Some(value.dyn_into::<Uint8Array>().ok()?.to_vec().into()),
    }
}

fn file(bytes: &[u8], name: &str) -> Result<File, JsValue> {
    let blob = files::blob(bytes, kind(bytes))?;
    File::new_with_blob_sequence(&js_sys::Array::of1(&blob), name)
}

/// The media type, for browsers show a file by it. Whether it is one is the engine's to say.
fn kind(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, ..] => "image/jpeg",
        [b'R', b'I', b'F', b'F', ..] => "image/webp",
        _ => "",
    }
}

/// Plain fields; writing them does not fail.
fn json(project: &Project) -> String {
    serde_json::to_string(project).unwrap_or_default()
}

/// Under what the number of the project that was open last is kept.
fn last() -> String {
    format!("{}-project", database::name())
}

fn remembered() -> Option<u32> {
    let storage = window().local_storage().ok().flatten()?;
    storage.get_item(&last()).ok().flatten()?.parse().ok()
}
