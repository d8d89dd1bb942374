//! A gallery is made: the site's own files, read anew from where the page came from, with the artist's
//! adapter and pictures among them, as one zip. Works are not looked at.

use atelier_link::published_adapter;
use atelier_project::Zip;
use js_sys::{ArrayBuffer, Function, Promise, Uint8Array};
use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, CanvasRenderingContext2d, HtmlCanvasElement, ImageBitmap};

use super::{Studio, projects::Parts};
use crate::{
    files, format,
    gallery::{
        ADAPTER, GATEKEEPER, Gallery, LIST, MANIFEST, NO_JEKYLL, PAGE, PREVIEW, PREVIEW_HEIGHT,
        PREVIEW_WIDTH, RECORD, Site, SiteFile, manifest, page, picture_path, tiles,
    },
    store::{Bytes, Candidate, PictureKey, Place, PublishGate, Tone},
    strings::t,
};

/// Large files go through the page's memory in pieces, and the page breathes after each.
const PIECE: u32 = 1 << 20;
/// Paper, as `styles.css` has it.
const GROUND: &str = "#f7f5f0";

/// Why there is no gallery.
enum NotMade {
    /// Files of the site are not there, or are of another version.
    Site,
    Packing,
}

impl Studio {
    /// Looks which files the site has, so that the size of a gallery can be said before it is made.
    pub fn look_at_site(self) {
        let site = self.store.gallery.site;
        if site.with_untracked(Option::is_some) {
            return;
        }
        spawn_local(async move {
            match read_site().await {
                Some(read) => site.set(Some(read.into())),
                None => self
                    .store
                    .notify(Place::Publish, Tone::Wrong, t().gallery.site_unread),
            }
        });
    }

    /// Makes the gallery that is drafted, and hands it to the artist.
    pub fn publish(self) {
        let store = self.store;
        let candidates = untrack(|| store.candidates());
        if untrack(|| store.publish_gate(&candidates)) != PublishGate::Open {
            return;
        }
        store.clear_notices(Place::Publish);
        store.gallery.packing.set(Some((0.0, 1.0)));
        spawn_local(async move {
            let made = self.gallery_of(candidates).await;
            store.gallery.packing.set(None);
            match made {
                Ok((name, blob)) => {
                    store.notify(Place::Publish, Tone::Calm, (t().gallery.done)(&name));
                    self.hand_out_blob(Place::Publish, &name, &blob);
                }
                Err(NotMade::Site) => {
                    store.notify(Place::Publish, Tone::Wrong, t().gallery.site_unread);
                }
                Err(NotMade::Packing) => {
                    store.notify(Place::Publish, Tone::Wrong, t().gallery.not_packed);
                }
            }
        });
    }

    async fn gallery_of(self, mut candidates: Vec<Candidate>) -> Result<(String, Blob), NotMade> {
        let store = self.store;
        candidates.retain(|candidate| candidate.chosen);
        let place = store.current.get_untracked();
        let adapter = place.and_then(|at| {
            let shelved = store.shelf.with_untracked(|s| s.get(at).cloned())?;
            Some((shelved.info.hash.parse().ok()?, shelved.bytes?))
        });
        let (hash, adapter) = adapter.ok_or(NotMade::Packing)?;
        let (title, artist, licence) = untrack(|| {
            (
                store.publish_title(),
                store.publish_artist(),
                store.publish_licence(),
            )
        });
        let terms = licence
            .deed()
            .map_or("All rights reserved", |(name, _)| name);
        let adapter =
            published_adapter(&adapter, artist.trim(), terms).map_err(|_| NotMade::Packing)?;
        breathe().await;
        let gallery = Gallery {
            title,
            artist,
            licence,
            adapter: hash,
            pictures: candidates.iter().map(|c| c.picture.clone()).collect(),
        };
        let gallery = gallery.checked().map_err(|_| NotMade::Packing)?;
        // Anew: the page may have been open for long.
        let site = read_site().await.ok_or(NotMade::Site)?;
        let mut pictures = Vec::new();
        for candidate in &candidates {
            pictures.push(self.picture(candidate.key, &site).await?);
        }
        let mut packer = Packer::new(self, site.bare());
        packer.pack(&gallery, &adapter, &pictures).await?;
        let slug = format::slug(&gallery.title);
        let name = format!("{}.zip", if slug.is_empty() { "gallery" } else { &slug });
        Ok((name, packer.finish().await?))
    }

    /// The file of a picture: made here, or part of the gallery that is shown.
    async fn picture(self, key: PictureKey, site: &Site) -> Result<Bytes, NotMade> {
        match key {
            PictureKey::Made(job) => self.store.made.with_untracked(|made| {
                let made = made.iter().find(|m| m.job == job);
                let shot = made.and_then(|m| m.adapter.as_ref());
                shot.map(|shot| shot.png.clone()).ok_or(NotMade::Packing)
            }),
            PictureKey::Published(place) => {
                let path = picture_path(place);
                let known = site.get(&path).ok_or(NotMade::Site)?;
                let buffer = own_file(&path, known).await?;
                Ok(Uint8Array::new(&buffer).to_vec().into())
            }
        }
    }
}

/// The zip under way.
struct Packer {
    studio: Studio,
    zip: Zip<Parts>,
    /// The site as it will be.
    site: Site,
    done: f64,
    total: f64,
}

impl Packer {
    fn new(studio: Studio, site: Site) -> Self {
        Self {
            studio,
            zip: Zip::new(Parts::default()),
            total: site.bytes() as f64,
            site,
            done: 0.0,
        }
    }

    async fn pack(
        &mut self,
        gallery: &Gallery,
        adapter: &[u8],
        pictures: &[Bytes],
    ) -> Result<(), NotMade> {
        let about = (t().gallery.description)(&gallery.artist);
        let own: Vec<(String, SiteFile)> = self
            .site
            .files()
            .map(|(path, file)| (path.to_owned(), file.clone()))
            .collect();
        for (path, known) in own {
            let buffer = own_file(&path, &known).await?;
            match path.as_str() {
                PAGE => {
                    let text = String::from_utf8(Uint8Array::new(&buffer).to_vec());
                    let text = text.map_err(|_| NotMade::Site)?;
                    let text = page(&text, gallery, &about).map_err(|_| NotMade::Site)?;
                    self.add(PAGE, text.as_bytes()).await?;
                }
                MANIFEST => {
                    let json = Uint8Array::new(&buffer).to_vec();
                    let json = manifest(&json, gallery, &about).map_err(|_| NotMade::Site)?;
                    self.add(MANIFEST, &json).await?;
                }
                path => self.add_pieces(path, &buffer).await?,
            }
        }
        self.add(RECORD, &gallery.to_json()).await?;
        self.add(ADAPTER, adapter).await?;
        for (place, png) in pictures.iter().enumerate() {
            self.add(&picture_path(place), png).await?;
        }
        let preview = preview(pictures).await.ok_or(NotMade::Packing)?;
        self.add(PREVIEW, &preview).await
    }

    /// The lists of what is in it, and the end.
    async fn finish(mut self) -> Result<Blob, NotMade> {
        let list = self.site.to_json();
        let hash = sha256(&files::buffer(&list)).await?;
        let gatekeeper = self.site.gatekeeper(&hash).map_err(|_| NotMade::Site)?;
        for (path, bytes) in [
            (LIST, &list[..]),
            (GATEKEEPER, gatekeeper.as_bytes()),
            (NO_JEKYLL, &[]),
        ] {
            self.zip.add(path, bytes).map_err(|_| NotMade::Packing)?;
        }
        let parts = self.zip.finish().map_err(|_| NotMade::Packing)?;
        parts.into_blob().ok_or(NotMade::Packing)
    }

    /// Adds a file that the site did not have, or has otherwise now.
    async fn add(&mut self, path: &str, bytes: &[u8]) -> Result<(), NotMade> {
        let buffer = files::buffer(bytes);
        let sha256 = sha256(&buffer).await?;
        let file = SiteFile {
            sha256,
            bytes: bytes.len() as u64,
        };
        self.site.put(path, file);
        self.add_pieces(path, &buffer).await
    }

    async fn add_pieces(&mut self, path: &str, buffer: &ArrayBuffer) -> Result<(), NotMade> {
        self.zip.begin(path).map_err(|_| NotMade::Packing)?;
        let length = buffer.byte_length();
        for from in (0..length).step_by(PIECE as usize) {
            let piece = PIECE.min(length - from);
            let piece = Uint8Array::new_with_byte_offset_and_length(buffer, from, piece).to_vec();
            self.zip.write(&piece).map_err(|_| NotMade::Packing)?;
            self.done += piece.len() as f64;
            let (done, total) = (self.done, self.total.max(self.done));
            let packing = self.studio.store.gallery.packing;
            packing.set(Some((done, total)));
            breathe().await;
        }
        Ok(())
    }
}

async fn read_site() -> Option<Site> {
    let blob = files::fetch(LIST).await.ok()?;
    if blob.size() > Site::MAX_BYTES as f64 {
        return None;
    }
    let buffer = files::read(&blob).await.ok()?;
    Site::parse(&Uint8Array::new(&buffer).to_vec()).ok()
}

/// A file of this site that is what the list says.
async fn own_file(path: &str, known: &SiteFile) -> Result<ArrayBuffer, NotMade> {
    let blob = files::fetch(path).await.map_err(|_| NotMade::Site)?;
    if blob.size() != known.bytes as f64 {
        return Err(NotMade::Site);
    }
    let buffer = files::read(&blob).await.map_err(|_| NotMade::Site)?;
    match sha256(&buffer).await? == known.sha256 {
        true => Ok(buffer),
        false => Err(NotMade::Site),
    }
}

/// In hexadecimal; the browser reckons it beside the page's thread.
async fn sha256(buffer: &ArrayBuffer) -> Result<String, NotMade> {
    let failed = |_: JsValue| NotMade::Packing;
    let crypto = window().crypto().map_err(failed)?.subtle();
    let digest = crypto.digest_with_str_and_buffer_source("SHA-256", buffer);
    let digest = JsFuture::from(digest.map_err(failed)?);
    let digest = Uint8Array::new(&digest.await.map_err(failed)?).to_vec();
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Lets the page do what else there is to do.
async fn breathe() {
    let soon = Promise::new(&mut |done, _| {
        set_timeout(
            move || _ = done.call0(&JsValue::NULL),
            std::time::Duration::ZERO,
        );
    });
    JsFuture::from(soon).await.ok();
}

/// The first pictures on one sheet, as JPEG.
async fn preview(pictures: &[Bytes]) -> Option<Vec<u8>> {
    let canvas: HtmlCanvasElement = document().create_element("canvas").ok()?.unchecked_into();
    canvas.set_width(PREVIEW_WIDTH);
    canvas.set_height(PREVIEW_HEIGHT);
    let context = canvas.get_context("2d").ok()??;
    let context: CanvasRenderingContext2d = context.unchecked_into();
    context.set_fill_style_str(GROUND);
    let (width, height) = (f64::from(PREVIEW_WIDTH), f64::from(PREVIEW_HEIGHT));
    context.fill_rect(0.0, 0.0, width, height);
    for ((x, y, side), png) in tiles(pictures.len()).into_iter().zip(pictures) {
        let blob = files::blob(png, "image/png").ok()?;
        let bitmap = window().create_image_bitmap_with_blob(&blob).ok()?;
        let bitmap: ImageBitmap = JsFuture::from(bitmap).await.ok()?.unchecked_into();
        context
            .draw_image_with_image_bitmap_and_dw_and_dh(&bitmap, x, y, side, side)
            .ok()?;
        bitmap.close();
    }
    let promise = Promise::new(&mut |done: Function, _| {
        let hear = Closure::once_into_js(move |blob: JsValue| {
            done.call1(&JsValue::NULL, &blob).ok();
        });
        canvas
            .to_blob_with_type_and_encoder_options(hear.unchecked_ref(), "image/jpeg", &0.85.into())
            .ok();
    });
    let blob: Blob = JsFuture::from(promise).await.ok()?.dyn_into().ok()?;
    let buffer = files::read(&blob).await.ok()?;
    Some(Uint8Array::new(&buffer).to_vec())
}
