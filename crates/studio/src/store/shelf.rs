//! Adapters of this visit. The page keeps each one's file, so that neither a new run nor a lost GPU
//! takes one away.

use atelier_protocol::AdapterInfo;

use super::{Bytes, Store};
use crate::{format, strings::t};
use leptos::prelude::*;

#[derive(Clone, Debug, PartialEq)]
pub struct Shelved {
    /// Names it in the project.
    pub id: u32,
    /// With a title that can be shown.
    pub info: AdapterInfo,
    /// As the engine tells it.
    pub engine_info: AdapterInfo,
    pub file_name: String,
    /// The file; none until the engine has handed it out.
    pub bytes: Option<Bytes>,
    /// The artist has it as a file.
    pub saved: bool,
}

impl Shelved {
    /// An adapter whose file has not come yet. One without a title is called by its trigger.
    pub fn new(engine_info: AdapterInfo) -> Self {
        let mut info = engine_info.clone();
        let names = [
            &engine_info.title,
            &engine_info.trigger,
            t().adapter_untitled,
        ]
        .map(str::trim);
        if let Some(name) = names.into_iter().find(|name| !name.is_empty()) {
            info.title = name.to_owned();
        }
        Self {
            id: 0,
            file_name: format!("{}.safetensors", format::slug(&info.title)),
            info,
            engine_info,
            bytes: None,
            saved: false,
        }
    }
}

/// Why an adapter file was asked for, and of which place on the shelf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilePurpose {
    /// To keep on the page.
    Keep(usize),
    /// To hand to the artist.
    Save(usize),
}

/// Where an adapter on its way into the engine comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum AdapterLoad {
    File {
        name: String,
        bytes: Bytes,
    },
    Shelf(usize),
    /// The page's own making, of several or of a preview; its file is asked for.
    Made,
}

impl Store {
    /// Puts an adapter on the shelf and in use.
    pub(super) fn shelve(&self, adapter: Shelved) -> usize {
        let adapter = Shelved {
            id: self.new_job().0,
            ..adapter
        };
        let place = self.shelf.with_untracked(Vec::len);
        self.shelf.update(|shelf| shelf.push(adapter));
        self.current.set(Some(place));
        place
    }

    /// Puts the adapter a run has made on the shelf and in use. One that the same run made before it
    /// was paused gives way, unless the artist has it as a file.
    pub(super) fn shelve_of_run(&self, adapter: Shelved) -> usize {
        let before = self
            .run
            .with_untracked(|r| r.as_ref().and_then(|r| r.adapter));
        let place = self.shelf.with_untracked(|shelf| {
            let same = |s: &Shelved| Some(s.id) == before && !s.saved;
            shelf.iter().position(same)
        });
        let place = match place {
            None => self.shelve(adapter),
            Some(place) => {
                let id = self.new_job().0;
                self.shelf
                    .update(|shelf| shelf[place] = Shelved { id, ..adapter });
                self.current.set(Some(place));
                place
            }
        };
        let id = self.shelf.with_untracked(|s| s.get(place).map(|s| s.id));
        self.run.update(|run| {
            if let Some(run) = run {
                run.adapter = id;
            }
        });
        place
    }
}
