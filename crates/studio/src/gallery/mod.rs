//! A gallery: the site itself with an artist's adapter and pictures in it, so that who opens it sees
//! the pictures and draws in the same hand at once.
//!
//! It is the folder of this page with `gallery/` beside it and a mark in `index.html`, by which the
//! page knows that there is something to look for ([`record`], what `gallery/` says; [`page`], what
//! changes in `index.html`; [`site`], the list of the site's files, which the gatekeeper needs too).
//! Nothing in here touches the browser, apart from [`is_marked`].

use leptos::prelude::document;

mod page;
mod preview;
mod record;
mod site;

pub use page::{MARK, manifest, page};
pub use preview::{HEIGHT as PREVIEW_HEIGHT, WIDTH as PREVIEW_WIDTH, tiles};
pub use record::{
    ADAPTER, Gallery, GalleryError, GalleryPicture, MAX_PICTURES, RECORD, picture_path,
};
pub use site::{GATEKEEPER, LIST, Site, SiteFile};

/// Whether this page was published as a gallery.
pub fn is_marked() -> bool {
    let mark = document().query_selector(&format!("meta[{MARK}]"));
    let mark = mark.ok().flatten().and_then(|m| m.get_attribute("content"));
    mark.is_some_and(|content| !content.is_empty())
}

/// The face that others show with a link to the gallery.
pub const PREVIEW: &str = "gallery/preview.jpg";
/// The page itself, and how it is installed: both have the gallery's name in them.
pub const PAGE: &str = "index.html";
pub const MANIFEST: &str = "manifest.webmanifest";
/// Keeps GitHub Pages from making a blog of the folder, which would rename what ends in `.md`.
pub const NO_JEKYLL: &str = ".nojekyll";
