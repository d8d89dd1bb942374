//! A gallery that is visited: shown, and drawn in.

use js_sys::Uint8Array;
use leptos::{prelude::*, task::spawn_local};

use super::Studio;
use crate::{
    files,
    gallery::{self, ADAPTER, Gallery, GalleryError, RECORD},
    store::{AdapterLoad, Bytes, EngineState, Keeping, Place, Shown, Tone},
    strings::t,
};

/// An adapter of Sketch has a few megabytes at most.
const MAX_ADAPTER_BYTES: f64 = 64e6;

impl Studio {
    /// Where this page was published as a gallery, fetches what is in it.
    pub(super) fn open_gallery(self) {
        if !gallery::is_marked() {
            return;
        }
        let store = self.store;
        store.gallery.shown.set(Shown::Coming);
        self.watch_gallery_adapter();
        spawn_local(async move {
            let record = read(RECORD, Gallery::MAX_BYTES as f64).await;
            let record = record.ok_or(GalleryError::Damaged);
            match record.and_then(|json| Gallery::parse(&json)) {
                Ok(gallery) => store.gallery.shown.set(Shown::Here(gallery.into())),
                Err(error) => {
                    store.gallery.shown.set(Shown::Nothing);
                    let text = (t().gallery.broken)(error);
                    store.notify(Place::Page, Tone::Wrong, text);
                    return;
                }
            }
            match read(ADAPTER, MAX_ADAPTER_BYTES).await {
                Some(bytes) => self.gallery_adapter.set_value(Some(bytes)),
                None => store.notify(Place::Page, Tone::Wrong, t().gallery.adapter_broken),
            }
            // Whoever waits for the adapter watches the gallery.
            store.gallery.shown.update(|_| ());
        });
    }

    /// Puts the gallery's adapter on the shelf of each project that has it not, once the engine can
    /// read it.
    fn watch_gallery_adapter(self) {
        let store = self.store;
        Effect::new(move |tried: Option<Option<Option<u32>>>| {
            let tried = tried.flatten();
            let here = store.gallery_here();
            let project = store.project.get();
            let open = project.is_some() || store.keeping.get() == Keeping::Off;
            let free = store.engine.get() == EngineState::Ready && store.is_idle();
            let bytes = self.gallery_adapter.get_value();
            let (Some(_), Some(bytes), true, true) = (here, bytes, open, free) else {
                return tried;
            };
            let once = Some(project);
            if tried == once || store.gallery_adapter().is_some() {
                return once;
            }
            // With the model's own picture beside it a visitor would wait twice as long.
            store.sample.update(|sample| sample.compare = false);
            let name = ADAPTER.rsplit('/').next().unwrap_or(ADAPTER).to_owned();
            let load = AdapterLoad::File {
                name: name.clone(),
                bytes: bytes.clone(),
            };
            self.put_in(load, name, files::buffer(&bytes));
            once
        });
    }

    /// Puts the recipe of one of the gallery's pictures into the fields, and its adapter in use.
    pub fn take_gallery_recipe(self, place: usize) {
        let store = self.store;
        let gallery = untrack(|| store.gallery_here());
        let Some(picture) = gallery.and_then(|g| g.pictures.get(place).cloned()) else {
            return;
        };
        let adapter = untrack(|| store.gallery_adapter());
        if let Some(at) = adapter.filter(|at| store.current.get_untracked() != Some(*at)) {
            self.use_shelved(at);
        }
        store.sample.set(picture.settings);
        store.seed_locked.set(true);
        self.start_from_nothing();
        store.wish.set(crate::store::Wish::default());
        store.clear_notices(Place::Make);
        store.notify(Place::Make, Tone::Calm, t().link.taken_over);
        if let Some(make) = document().get_element_by_id("make") {
            make.scroll_into_view();
        }
    }
}

/// A file of the site that has no more than so many bytes.
async fn read(path: &str, most: f64) -> Option<Bytes> {
    let blob = files::fetch(path).await.ok()?;
    if blob.size() > most {
        return None;
    }
    let buffer = files::read(&blob).await.ok()?;
    Some(Uint8Array::new(&buffer).to_vec().into())
}
