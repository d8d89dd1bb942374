//! The gallery that is shown, and the one that would be published.

use std::{collections::HashMap, sync::Arc};

use atelier_link::from_png;
use atelier_project::{GalleryDraft, Licence};
use atelier_protocol::JobId;
use leptos::prelude::*;

use super::Store;
use crate::{
    gallery::{Gallery, GalleryPicture, MAX_PICTURES, Site, picture_path},
    strings::t,
};

#[derive(Clone, Copy)]
pub struct GalleryStore {
    pub shown: RwSignal<Shown>,
    pub draft: RwSignal<GalleryDraft>,
    /// What the artist has said of single pictures; see [`Store::candidates`].
    pub decided: RwSignal<HashMap<PictureKey, bool>>,
    /// The site's own files; none until they are known.
    pub site: RwSignal<Option<Arc<Site>>>,
    /// Bytes packed, of how many.
    pub packing: RwSignal<Option<(f64, f64)>>,
}

impl Default for GalleryStore {
    fn default() -> Self {
        Self {
            shown: RwSignal::new(Shown::Nothing),
            draft: RwSignal::new(GalleryDraft::default()),
            decided: RwSignal::new(HashMap::new()),
            site: RwSignal::new(None),
            packing: RwSignal::new(None),
        }
    }
}

/// Whether this site is a gallery.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// It is none, or what was found could not be read.
    Nothing,
    /// It is; what is in it is on its way.
    Coming,
    Here(Arc<Gallery>),
}

/// Names a picture that may go into a gallery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PictureKey {
    /// By its place in the gallery that is shown.
    Published(usize),
    Made(JobId),
}

/// A picture that may go into a gallery.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub key: PictureKey,
    pub picture: GalleryPicture,
    pub chosen: bool,
}

/// What stands between the artist and a gallery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishGate {
    Open,
    NoTitle,
    NoArtist,
    NoPictures,
    TooMany,
    /// The site's files, or the adapter's, are not known yet.
    Wait,
    Making,
}

impl Store {
    /// The gallery that is shown, once it is there.
    pub fn gallery_here(&self) -> Option<Arc<Gallery>> {
        match self.gallery.shown.get() {
            Shown::Here(gallery) => Some(gallery),
            Shown::Nothing | Shown::Coming => None,
        }
    }

    /// Whether the page is laid out as a gallery.
    pub fn is_gallery(&self) -> bool {
        self.gallery.shown.with(|shown| *shown != Shown::Nothing)
    }

    /// Place on the shelf of the gallery's adapter.
    pub fn gallery_adapter(&self) -> Option<usize> {
        let gallery = self.gallery_here()?;
        let same = |hash: &str| gallery.adapter.matches(hash);
        self.shelf
            .with(|shelf| shelf.iter().position(|s| same(&s.info.hash)))
    }

    /// Whether the hand that draws is the gallery's rather than the visitor's own.
    pub fn draws_as_gallery(&self) -> bool {
        let place = self.gallery_adapter();
        place.is_some() && self.current.get() == place
    }

    /// What the side of the adapter's picture is called.
    pub fn hand_side(&self) -> &'static str {
        match self.draws_as_gallery() {
            true => t().gallery.hand_side,
            false => t().hand_side,
        }
    }

    /// What the tab is called at rest; none while that is not known and the page's own will do.
    pub fn page_title(&self) -> Option<String> {
        match self.gallery.shown.get() {
            Shown::Nothing => Some(t().document_title.to_owned()),
            Shown::Coming => None,
            Shown::Here(gallery) => Some(gallery.name()),
        }
    }

    /// Pictures drawn with the adapter in use: those of the gallery that is shown, where it is the
    /// gallery's, and the artist's own. Until something else is said the favourites are chosen, or
    /// all where there is none.
    pub fn candidates(&self) -> Vec<Candidate> {
        let Some(adapter) = self.adapter().filter(|a| !a.hash.is_empty()) else {
            return Vec::new();
        };
        let published = self.gallery_here().filter(|_| self.draws_as_gallery());
        let published = published.iter().flat_map(|gallery| &gallery.pictures);
        let mut found: Vec<(PictureKey, GalleryPicture, bool)> = published
            .cloned()
            .enumerate()
            .map(|(place, picture)| (PictureKey::Published(place), picture, true))
            .collect();
        self.made.with(|made| {
            for made in made {
                let recipe = made.adapter.as_ref().and_then(|shot| from_png(&shot.png));
                let of_adapter = |recipe: &atelier_link::Recipe| {
                    let hash = recipe.adapters.first().and_then(|a| a.hash.as_ref());
                    hash.is_some_and(|hash| hash.matches(&adapter.hash))
                };
                if let Some(recipe) = recipe.filter(of_adapter) {
                    let picture = GalleryPicture {
                        settings: atelier_protocol::SampleSettings {
                            compare: false,
                            ..recipe.settings
                        },
                        from_image: recipe.from_image,
                    };
                    found.push((PictureKey::Made(made.job), picture, made.favourite));
                }
            }
        });
        let any_favourite = found.iter().any(|(_, _, favourite)| *favourite);
        self.gallery.decided.with(|decided| {
            let chosen = |key: PictureKey, favourite: bool| {
                let said = decided.get(&key).copied();
                said.unwrap_or(favourite || !any_favourite)
            };
            found
                .into_iter()
                .map(|(key, picture, favourite)| Candidate {
                    chosen: chosen(key, favourite),
                    key,
                    picture,
                })
                .collect()
        })
    }

    pub fn publish_title(&self) -> String {
        let typed = self.gallery.draft.with(|d| d.title.clone());
        typed.unwrap_or_else(|| self.of_gallery(|g| g.title.clone()))
    }

    pub fn publish_artist(&self) -> String {
        let typed = self.gallery.draft.with(|d| d.artist.clone());
        typed.unwrap_or_else(|| self.of_gallery(|g| g.artist.clone()))
    }

    pub fn publish_licence(&self) -> Licence {
        let chosen = self.gallery.draft.with(|d| d.licence);
        chosen.unwrap_or_else(|| self.of_gallery(|g| g.licence))
    }

    /// Who publishes a gallery's hand again begins with what the gallery says.
    fn of_gallery<T: Default>(&self, what: impl Fn(&Gallery) -> T) -> T {
        let gallery = self.gallery_here().filter(|_| self.draws_as_gallery());
        gallery.map(|g| what(&g)).unwrap_or_default()
    }

    pub fn publish_gate(&self, candidates: &[Candidate]) -> PublishGate {
        let chosen = candidates.iter().filter(|c| c.chosen).count();
        let adapter = self.current.get();
        let has_file = adapter.is_some_and(|at| {
            self.shelf
                .with(|s| s.get(at).is_some_and(|s| s.bytes.is_some()))
        });
        let blank = |text: String| atelier_link::clean(&text, usize::MAX).is_empty();
        match () {
            () if self.gallery.packing.with(Option::is_some) => PublishGate::Making,
            () if chosen == 0 => PublishGate::NoPictures,
            () if chosen > MAX_PICTURES => PublishGate::TooMany,
            () if blank(self.publish_title()) => PublishGate::NoTitle,
            () if blank(self.publish_artist()) => PublishGate::NoArtist,
            () if !has_file || self.gallery.site.with(Option::is_none) => PublishGate::Wait,
            () => PublishGate::Open,
        }
    }

    /// Bytes that a gallery would have: the page's own, the adapter's, and the pictures'. None until
    /// the site's files are known.
    pub fn publish_size(&self, candidates: &[Candidate]) -> Option<[f64; 3]> {
        let site = self.gallery.site.get()?;
        let adapter = self.current.get().and_then(|at| {
            let shelf = self.shelf.get();
            Some(shelf.get(at)?.bytes.as_ref()?.len())
        })?;
        let chosen = candidates.iter().filter(|c| c.chosen);
        let pictures = chosen.map(|candidate| match candidate.key {
            PictureKey::Published(place) => {
                site.get(&picture_path(place)).map_or(0, |file| file.bytes)
            }
            PictureKey::Made(job) => self.made.with(|made| {
                let made = made.iter().find(|m| m.job == job);
                let shot = made.and_then(|m| m.adapter.as_ref());
                shot.map_or(0, |shot| shot.png.len() as u64)
            }),
        });
        let pictures: u64 = pictures.sum();
        let page = Site::clone(&site).bare().bytes();
        Some([page as f64, adapter as f64, pictures as f64])
    }
}

#[cfg(test)]
mod tests;
