//! Where projects live in the browser: IndexedDB.
//!
//! One database, two stores: `projects` has a record (JSON text) under each project's number,
//! `files` has the files under `number/name`. Why not the origin private file system: here a record
//! and its files change in one transaction, so a crash leaves either the old state or the new; and
//! private windows have it. Browsers put large values into files of their own by themselves.

use idb::{
    Database as Idb, DatabaseEvent, Factory, KeyRange, ObjectStoreParams, Query, TransactionMode,
};
use js_sys::{Array, Function, Promise, Reflect};
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::{gallery, gate, store::Room};

const NAME: &str = "atelier";
const VERSION: u32 = 1;
const PROJECTS: &str = "projects";
const FILES: &str = "files";

/// What this site's database is called. A gallery has one of its own: it may lie on the same host as the
/// page that the artist works with, whose projects are none of its business.
pub fn name() -> String {
    match gallery::is_marked() {
        false => NAME.to_owned(),
        true => format!("{NAME} {}", gate::address_of("./")),
    }
}

/// Why something could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseError {
    /// The disk, or this page's share of it, is full.
    Full,
    /// The browser's own words.
    Other(String),
}

impl From<idb::Error> for DatabaseError {
    fn from(error: idb::Error) -> Self {
        let text = error.to_string();
        if text.contains("QuotaExceeded") || text.contains("quota") {
            DatabaseError::Full
        } else {
            DatabaseError::Other(text)
        }
    }
}

/// What one transaction changes.
#[derive(Default)]
pub struct Change {
    /// The record, as JSON.
    pub record: String,
    /// Names of files and what is in them: a `File`, a `Blob` or a `Uint8Array`.
    pub put: Vec<(String, JsValue)>,
    pub remove: Vec<String>,
}

pub struct Database(Idb);

impl Database {
    /// Opens it, and makes it on the first visit.
    pub async fn open() -> Result<Self, DatabaseError> {
        let mut request = Factory::new()?.open(&name(), Some(VERSION))?;
        request.on_upgrade_needed(|event| {
            // What fails here fails the opening, which then says so.
            if let Ok(database) = event.database() {
                for name in [PROJECTS, FILES] {
                    database
                        .create_object_store(name, ObjectStoreParams::new())
                        .ok();
                }
            }
        });
        let database = request.await?;
        let stores = database.store_names();
        if !stores.iter().any(|s| s == PROJECTS) || !stores.iter().any(|s| s == FILES) {
            return Err(DatabaseError::Other("the stores are missing".into()));
        }
        Ok(Self(database))
    }

    /// Numbers of all projects, in their order, with their records.
    pub async fn projects(&self) -> Result<Vec<(u32, String)>, DatabaseError> {
        let transaction = self.0.transaction(&[PROJECTS], TransactionMode::ReadOnly)?;
        let store = transaction.object_store(PROJECTS)?;
        let keys = store.get_all_keys(None, None)?;
        let records = store.get_all(None, None)?;
        let (keys, records) = (keys.await?, records.await?);
        let pairs = keys.iter().zip(&records);
        Ok(pairs
            .filter_map(|(key, record)| Some((key.as_f64()? as u32, record.as_string()?)))
            .collect())
    }

    /// Names of a project's files.
    pub async fn names(&self, project: u32) -> Result<Vec<String>, DatabaseError> {
        let transaction = self.0.transaction(&[FILES], TransactionMode::ReadOnly)?;
        let store = transaction.object_store(FILES)?;
        let range = Query::KeyRange(files_of(project)?);
        let keys = store.get_all_keys(Some(range), None)?.await?;
        let prefix = format!("{project}/");
        Ok(keys
            .iter()
            .filter_map(|key| Some(key.as_string()?.strip_prefix(&prefix)?.to_owned()))
            .collect())
    }

    pub async fn file(&self, project: u32, name: &str) -> Result<Option<JsValue>, DatabaseError> {
        let transaction = self.0.transaction(&[FILES], TransactionMode::ReadOnly)?;
        let store = transaction.object_store(FILES)?;
        Ok(store.get(key(project, name))?.await?)
    }

    /// Makes a change whole or not at all.
    pub async fn change(&self, project: u32, change: Change) -> Result<(), DatabaseError> {
        let transaction = self
            .0
            .transaction(&[PROJECTS, FILES], TransactionMode::ReadWrite)?;
        let files = transaction.object_store(FILES)?;
        for name in &change.remove {
            files.delete(key(project, name))?;
        }
        for (name, value) in &change.put {
            files.put(value, Some(&key(project, name)))?;
        }
        let records = transaction.object_store(PROJECTS)?;
        records.put(&JsValue::from(change.record), Some(&JsValue::from(project)))?;
        finished(transaction.await)
    }

    /// Deletes a project and all its files.
    pub async fn delete(&self, project: u32) -> Result<(), DatabaseError> {
        let transaction = self
            .0
            .transaction(&[PROJECTS, FILES], TransactionMode::ReadWrite)?;
        transaction
            .object_store(FILES)?
            .delete(Query::KeyRange(files_of(project)?))?;
        transaction
            .object_store(PROJECTS)?
            .delete(JsValue::from(project))?;
        finished(transaction.await)
    }
}

/// A transaction that was aborted has changed nothing; the browser does it when the disk is full.
fn finished(result: Result<idb::TransactionResult, idb::Error>) -> Result<(), DatabaseError> {
    match result? {
        idb::TransactionResult::Committed => Ok(()),
        idb::TransactionResult::Aborted => Err(DatabaseError::Full),
    }
}

fn key(project: u32, name: &str) -> JsValue {
    format!("{project}/{name}").into()
}

/// All keys that begin with `project/`: '0' comes after '/'.
fn files_of(project: u32) -> Result<KeyRange, idb::Error> {
    KeyRange::bound(
        &format!("{project}/").into(),
        &format!("{project}0").into(),
        None,
        Some(true),
    )
}

/// How much room the browser grants. None where it does not say.
pub async fn room() -> Option<Room> {
    let storage = window().navigator().storage();
    let estimate = JsFuture::from(storage.estimate().ok()?).await.ok()?;
    let number = |name: &str| Reflect::get(&estimate, &name.into()).ok()?.as_f64();
    let persisted = JsFuture::from(storage.persisted().ok()?).await.ok()?;
    Some(Room {
        used: number("usage")?,
        quota: number("quota")?,
        persisted: persisted.is_truthy(),
    })
}

/// Asks the browser not to clear this page's storage by itself. Some ask the artist in turn, so this
/// comes when there is something to keep.
pub async fn ask_to_persist() {
    if let Ok(promise) = window().navigator().storage().persist() {
        // A refusal changes nothing but what `room` says.
        JsFuture::from(promise).await.ok();
    }
}

/// Holds a project for this tab: two tabs would overwrite each other. False where another tab has
/// it. The browser lets go of it with the tab, or when `release` is called.
pub async fn hold(project: u32) -> Option<Function> {
    let locks = Reflect::get(&window().navigator(), &"locks".into()).ok()?;
    let Some(request) = Reflect::get(&locks, &"request".into())
        .ok()
        .and_then(|f| f.dyn_into::<Function>().ok())
    else {
        // No such thing here: every browser with WebGPU has it.
        return Some(nothing());
    };
    let mut release = None;
    let held = Promise::new(&mut |resolve, _| release = Some(resolve));
    let release: Function = release?;
    let (tell, told) = told();
    let granted = wasm_bindgen::closure::Closure::once_into_js(move |lock: JsValue| -> JsValue {
        tell.call1(&JsValue::NULL, &JsValue::from(!lock.is_null()))
            .ok();
        if lock.is_null() {
            JsValue::NULL
        } else {
            held.into()
        }
    });
    let options = js_sys::Object::new();
    Reflect::set(&options, &"ifAvailable".into(), &true.into()).ok()?;
    let name = format!("{}-project-{project}", name());
    Reflect::apply(
        &request,
        &locks,
        &Array::of3(&name.into(), &options, &granted),
    )
    .ok()?;
    let got = JsFuture::from(told).await.ok()?;
    got.is_truthy().then_some(release)
}

/// A function, and the promise that it fulfils.
fn told() -> (Function, Promise) {
    let mut tell = None;
    let promise = Promise::new(&mut |resolve, _| tell = Some(resolve));
    (tell.unwrap_or_else(nothing), promise)
}

/// A function that does nothing. `Function::default` would be made from text, which the page's policy forbids.
pub fn nothing() -> Function {
    wasm_bindgen::closure::Closure::once_into_js(|| {}).unchecked_into()
}
