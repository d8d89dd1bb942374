//! Several projects: begun, named, switched, deleted; out and in as one zip.

use std::io::{self, Write};

use atelier_project::{MAX_ARCHIVE_BYTES, Zip, open};
use atelier_protocol::Request;
use js_sys::{Array, Uint8Array};
use leptos::{prelude::*, task::spawn_local};
use web_sys::{Blob, File};

use super::Studio;
use crate::{
    database, files, format,
    store::{Keeping, Place, Tone, untitled},
    strings::t,
};

impl Studio {
    pub fn new_project(self) {
        self.at_rest(async move || {
            self.write().await;
            self.begin_project(None).await.is_ok()
        });
    }

    pub fn open_project(self, id: u32) {
        if self.store.project.get_untracked() == Some(id) {
            return;
        }
        self.at_rest(async move || {
            self.write().await;
            match self.show_project(id).await {
                Ok(true) => {}
                Ok(false) => {
                    self.store
                        .notify(Place::Project, Tone::Calm, t().keep.open_elsewhere);
                    self.store.keeping.set(Keeping::Kept);
                }
                Err(_) => return false,
            }
            true
        });
    }

    /// An empty name leaves the one there is.
    pub fn rename_project(self, name: &str) {
        let name = name.trim();
        let Some(id) = self
            .store
            .project
            .get_untracked()
            .filter(|_| !name.is_empty())
        else {
            return;
        };
        self.store.project_name.set(name.to_owned());
        self.store.projects.update(|list| {
            if let Some(entry) = list.iter_mut().find(|p| p.id == id) {
                name.clone_into(&mut entry.name);
            }
        });
    }

    /// Deletes the open project for good, and says how much that freed.
    pub fn delete_project(self) {
        let Some(id) = self.store.project.get_untracked() else {
            return;
        };
        self.at_rest(async move || {
            let Some(database) = self.keeper.with_value(|k| k.database.clone()) else {
                return false;
            };
            let freed = self.size().await;
            let name = self.store.project_name.get_untracked();
            // First no more writing, then deleting: nothing brings it back.
            self.release();
            if database.delete(id).await.is_err() {
                return false;
            }
            self.ask(&Request::ForgetWorks, &[]);
            self.store
                .projects
                .update(|list| list.retain(|p| p.id != id));
            let mut shown = false;
            for other in self.store.projects.get_untracked() {
                shown = matches!(self.show_project(other.id).await, Ok(true));
                if shown {
                    break;
                }
            }
            if !shown && self.begin_project(None).await.is_err() {
                return false;
            }
            let text = (t().keep.deleted)(&name, freed);
            self.store.notify(Place::Project, Tone::Calm, text);
            self.store.room.set(database::room().await);
            true
        });
    }

    /// Bytes of the open project's files.
    async fn size(self) -> f64 {
        let project = untrack(|| self.store.record());
        let mut sum = 0.0;
        for name in project.files() {
            if let Some(id) = name.strip_prefix("works/").and_then(|n| n.parse().ok()) {
                let id = atelier_protocol::WorkId(id);
                sum += self
                    .works
                    .with_value(|w| w.get(&id).map_or(0.0, |file| file.size()));
            } else if let Some(bytes) = self.store.file(&name) {
                sum += bytes.len() as f64;
            }
        }
        sum
    }

    /// The open project as one zip for the artist.
    pub fn export_project(self) {
        spawn_local(async move {
            self.store.clear_notices(Place::Project);
            let name = self.store.project_name.get_untracked();
            let slug = format::slug(&name);
            let slug = if slug.is_empty() { "project" } else { &slug };
            let result = match self.size().await {
                size if size > 0.98 * MAX_ARCHIVE_BYTES as f64 => Err(t().keep.export_too_large),
                _ => self.packed().await.ok_or(t().keep.export_failed),
            };
            match result {
                Ok(blob) => {
                    self.hand_out_blob(Place::Project, &format!("{slug}.atelier.zip"), &blob)
                }
                Err(text) => self.store.notify(Place::Project, Tone::Wrong, text),
            }
        });
    }

    async fn packed(self) -> Option<Blob> {
        let project = untrack(|| self.store.record());
        let mut zip = Zip::new(Parts::default());
        zip.add_record(&project).ok()?;
        for name in project.files() {
            zip.add(&name, &self.bytes(&project, &name).await?).ok()?;
        }
        zip.finish().ok()?.into_blob()
    }

    pub fn import_project(self, file: File) {
        self.store.clear_notices(Place::Project);
        if file.size() > MAX_ARCHIVE_BYTES as f64 {
            let error = atelier_project::ProjectError::TooLarge {
                most: MAX_ARCHIVE_BYTES,
            };
            self.store
                .notify(Place::Project, Tone::Wrong, error.to_string());
            return;
        }
        self.at_rest(async move || {
            self.write().await;
            let Ok(buffer) = files::read(&file).await else {
                self.store
                    .notify(Place::Project, Tone::Wrong, t().file_unreadable);
                self.store.keeping.set(Keeping::Kept);
                return true;
            };
            match open(&Uint8Array::new(&buffer).to_vec()) {
                Ok(mut opened) => {
                    if opened.project.name.trim().is_empty() {
                        opened.project.name = untitled(1);
                    }
                    self.begin_project(Some(opened)).await.is_ok()
                }
                Err(error) => {
                    let text = (t().file_refused)(&file.name(), &error.to_string());
                    self.store.notify(Place::Project, Tone::Wrong, text);
                    self.store.keeping.set(Keeping::Kept);
                    true
                }
            }
        });
    }

    /// Does what changes the open project while nothing else can; what fails is said.
    fn at_rest(self, work: impl AsyncFnOnce() -> bool + 'static) {
        if !untrack(|| self.store.can_switch()) {
            return;
        }
        self.store.clear_notices(Place::Project);
        spawn_local(async move {
            self.store.keeping.set(Keeping::Opening);
            if !work().await {
                self.store.keeping.set(Keeping::Failed);
                self.store
                    .notify(Place::Project, Tone::Wrong, t().keep.not_written);
            }
        });
    }

    pub(super) fn hand_out_blob(self, place: Place, name: &str, blob: &Blob) {
        if files::download_blob(name, blob).is_err() {
            self.store
                .notify(place, Tone::Wrong, (t().download_failed)(name));
        }
    }
}

/// What is written becomes parts of a blob, piece by piece: the browser holds them, on its disk
/// where they are large, and this page's memory only one file at a time.
#[derive(Default)]
pub(super) struct Parts {
    blobs: Vec<Blob>,
    piece: Vec<u8>,
}

/// A piece is handed over when it has so many bytes.
const PIECE: usize = 4 << 20;

impl Parts {
    fn hand_over(&mut self) -> io::Result<()> {
        if !self.piece.is_empty() {
            let blob = files::blob(&self.piece, "");
            self.blobs
                .push(blob.map_err(|_| io::ErrorKind::OutOfMemory)?);
            self.piece.clear();
        }
        Ok(())
    }

    pub(super) fn into_blob(mut self) -> Option<Blob> {
        self.hand_over().ok()?;
        let parts: Array = self.blobs.iter().collect();
        let options = web_sys::BlobPropertyBag::new();
        options.set_type("application/zip");
        Blob::new_with_blob_sequence_and_options(&parts, &options).ok()
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.hand_over()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
