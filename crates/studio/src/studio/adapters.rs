//! Adapters: saved, loaded, changed.

use std::sync::Arc;

use atelier_protocol::{Buffer, Label, Request};
use js_sys::ArrayBuffer;
use leptos::{prelude::*, task::spawn_local};
use web_sys::File;

use super::{MAX_FILE_BYTES, Studio};
use crate::{
    files, format,
    store::{AdapterLoad, EngineState, FilePurpose, Place, PreviewRow, Tone},
    strings::t,
};

impl Studio {
    pub fn save_adapter(self, label: Label) {
        let store = self.store;
        store.clear_notices(Place::Adapter);
        let Some(place) = store.current.get_untracked() else {
            return;
        };
        if store.engine.get_untracked() == EngineState::Ready {
            self.ask_for_file(FilePurpose::Save(place), label);
            return;
        }
        // Without an engine the file that was kept will do.
        let kept = store
            .shelf
            .with_untracked(|s| s.get(place).map(|s| (s.file_name.clone(), s.bytes.clone())));
        if let Some((name, Some(bytes))) = kept {
            self.hand_out(Place::Adapter, &name, &bytes, "application/octet-stream");
            store.shelf.update(|shelf| shelf[place].saved = true);
        }
    }

    /// A label without a title leaves the adapter its own.
    pub(super) fn ask_for_file(self, purpose: FilePurpose, label: Label) {
        let (FilePurpose::Keep(place) | FilePurpose::Save(place)) = purpose;
        let known = self
            .store
            .shelf
            .with_untracked(|s| s.get(place).map(|s| s.info.title.clone()));
        let title = Some(label.title.clone())
            .filter(|t| !t.trim().is_empty())
            .or(known)
            .unwrap_or_default();
        self.store
            .files_awaited
            .update_value(|f| f.push_back(purpose));
        let label = Label { title, ..label };
        self.ask(&Request::SaveAdapter { label }, &[]);
    }

    pub fn load_adapter(self, file: File) {
        self.store.clear_notices(Place::Adapter);
        let name = file.name();
        if self.store.engine.get_untracked() != EngineState::Ready {
            self.store
                .notify(Place::Adapter, Tone::Wrong, t().adapter_needs_engine);
            return;
        }
        if file.size() > MAX_FILE_BYTES {
            let text = (t().file_refused)(&name, t().adapter_too_large);
            self.store.notify(Place::Adapter, Tone::Wrong, text);
            return;
        }
        spawn_local(async move {
            let Ok(buffer) = files::read(&file).await else {
                let text = (t().file_refused)(&name, t().file_unreadable);
                self.store.notify(Place::Adapter, Tone::Wrong, text);
                return;
            };
            let bytes: Arc<[u8]> = js_sys::Uint8Array::new(&buffer).to_vec().into();
            let load = AdapterLoad::File {
                name: name.clone(),
                bytes,
            };
            self.put_in(load, name, buffer);
        });
    }

    /// Has the engine take an adapter's file into use; its answer is about `load`.
    pub(super) fn put_in(self, load: AdapterLoad, name: String, file: ArrayBuffer) {
        self.store.loads_awaited.update_value(|l| l.push_back(load));
        let bytes = Buffer(0);
        self.ask(&Request::LoadAdapter { name, bytes }, &[file]);
    }

    /// Makes one adapter of several on the shelf, each at its strength.
    pub fn mix_adapters(self, chosen: &[(usize, f32)]) {
        let store = self.store;
        store.clear_notices(Place::Adapter);
        let mut names = Vec::with_capacity(chosen.len());
        let mut parts = Vec::with_capacity(chosen.len());
        let mut buffers = Vec::with_capacity(chosen.len());
        store.shelf.with_untracked(|shelf| {
            for (place, strength) in chosen {
                if let Some((adapter, Some(bytes))) = shelf.get(*place).map(|s| (s, &s.bytes)) {
                    let much = format::number(f64::from(*strength));
                    names.push(format!("{} {much}", adapter.info.title));
                    parts.push((Buffer(buffers.len()), *strength));
                    buffers.push(files::buffer(bytes));
                }
            }
        });
        let title = names.join(" + ");
        store
            .loads_awaited
            .update_value(|l| l.push_back(AdapterLoad::Made));
        self.ask(&Request::MixAdapters { title, parts }, &buffers);
    }

    /// Puts the adapter that drew a preview on the shelf and in use.
    pub fn take_preview(self, row: &PreviewRow) {
        let Some(bytes) = &row.adapter else {
            return;
        };
        self.store.clear_notices(Place::Adapter);
        if self.store.engine.get_untracked() != EngineState::Ready {
            self.store
                .notify(Place::Adapter, Tone::Wrong, t().adapter_needs_engine);
            return;
        }
        let name = (t().preview_at)(row.step);
        self.put_in(AdapterLoad::Made, name, files::buffer(bytes));
    }

    /// Takes an adapter from the shelf into use.
    pub fn use_shelved(self, place: usize) {
        let kept = self
            .store
            .shelf
            .with_untracked(|s| s.get(place).map(|s| (s.file_name.clone(), s.bytes.clone())));
        if let Some((name, Some(bytes))) = kept {
            self.store.clear_notices(Place::Adapter);
            self.put_in(AdapterLoad::Shelf(place), name, files::buffer(&bytes));
        }
    }
}
