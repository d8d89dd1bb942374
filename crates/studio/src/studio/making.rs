//! Pictures: made, and saved.

use atelier_project::Zip;
use atelier_protocol::{Buffer, JobId, Request, SampleSettings};
use js_sys::{ArrayBuffer, Uint8Array};
use leptos::{prelude::*, task::spawn_local};
use web_sys::{File, Url};

use super::{Studio, projects::Parts};
use crate::{
    files, format,
    store::{
        Activity, DrawnPicture, EngineState, Made, Mask, Place, SampleProgress, Shot, StartImage,
        Tone,
    },
    strings::t,
};

impl Studio {
    pub fn make(self) {
        let store = self.store;
        if store.activity.get_untracked() != Activity::Idle
            || store.engine.get_untracked() != EngineState::Ready
        {
            return;
        }
        store.clear_notices(Place::Make);
        if !store.seed_locked.get_untracked() {
            self.roll_seed();
        }
        let settings = store.sample.get_untracked();
        let all = store.wish.with_untracked(|w| w.settings(&settings, rolled));
        self.make_all(all);
    }

    /// Makes them one after the other; they are shown as a sheet.
    fn make_all(self, mut all: Vec<SampleSettings>) {
        let store = self.store;
        for settings in &mut all {
            settings.compare &= store.current.get_untracked().is_some();
        }
        store.batch.set_value(store.new_job().0);
        store.queue.set((0, all.len() as u32));
        store.queued.set_value(all.into());
        self.next_picture();
    }

    /// Makes the next of the pictures that were asked for.
    pub(super) fn next_picture(self) {
        let store = self.store;
        let next = store.queued.try_update_value(|q| q.pop_front()).flatten();
        let Some(settings) = next else { return };
        store.queue.update(|(n, _)| *n += 1);
        let job = store.new_job();
        let awaited = if settings.compare { 2 } else { 1 };
        store.sampling.set(Some(SampleProgress::new(job, awaited)));
        store.activity.set(Activity::Sampling(job));
        let image = store
            .wish
            .with_untracked(|w| w.image.as_ref().map(|i| files::buffer(&i.bytes)));
        let mask = image.as_ref().and(store.mask.with_untracked(Mask::png));
        let mask = mask.map(|png| files::buffer(&png));
        let request = Request::Sample {
            job,
            settings,
            image: image.as_ref().map(|_| Buffer(0)),
            mask: mask.as_ref().map(|_| Buffer(1)),
        };
        let buffers: Vec<ArrayBuffer> = image.into_iter().chain(mask).collect();
        self.ask(&request, &buffers);
    }

    /// Takes a picture to start from.
    pub fn start_from(self, file: File) {
        self.start_from_nothing();
        spawn_local(async move {
            let name = file.name();
            let bytes = match files::read(&file).await {
                Ok(buffer) if file.size() <= super::MAX_FILE_BYTES => {
                    Uint8Array::new(&buffer).to_vec()
                }
                _ => {
                    let text = (t().file_refused)(&name, t().file_unreadable);
                    self.store.notify(Place::Make, Tone::Wrong, text);
                    return;
                }
            };
            let url = Url::create_object_url_with_blob(&file).unwrap_or_default();
            let bytes = bytes.into();
            self.store
                .wish
                .update(|w| w.image = Some(StartImage { name, bytes, url }));
        });
    }

    pub fn start_from_nothing(self) {
        self.store.mask.set(Mask::default());
        self.store.wish.update(|w| {
            if let Some(image) = w.image.take() {
                Url::revoke_object_url(&image.url).ok();
            }
        });
    }

    pub fn toggle_favourite(self, job: JobId) {
        self.store.made.update(|made| {
            if let Some(made) = made.iter_mut().find(|m| m.job == job) {
                made.favourite = !made.favourite;
            }
        });
    }

    pub fn remove_picture(self, job: JobId) {
        let store = self.store;
        store.made.update(|made| made.retain(|m| m.job != job));
        let last = store.made.with_untracked(|m| m.last().map(|m| m.job));
        store.shown.set(last);
    }

    /// All pictures, or the favourites, as one zip.
    pub fn save_pictures(self) {
        let store = self.store;
        let only = store.only_favourites.get_untracked();
        let made = store.made.get_untracked().into_iter();
        let made = made.filter(|m| m.favourite || !only);
        let mut zip = Zip::new(Parts::default());
        let mut packed = Ok(());
        for made in made {
            for (shot, side) in [(&made.adapter, ""), (&made.base, "base")] {
                let Some(shot) = shot else { continue };
                let name = format!("{:04}-{}", made.job.0, file_name(&made, side));
                packed = packed.and_then(|()| zip.add(&name, &shot.png));
            }
        }
        let blob = packed.and_then(|()| zip.finish()).ok();
        match blob.and_then(Parts::into_blob) {
            Some(blob) => self.hand_out_blob(Place::Make, "pictures.zip", &blob),
            None => store.notify(Place::Make, Tone::Wrong, t().many.zip_failed),
        }
    }

    /// With a new adapter the artist sees a picture at once, of their own prompt where there is one; after
    /// the example, its pictures.
    pub(super) fn first_picture(self) {
        let store = self.store;
        let example = self.example_pictures.try_update_value(std::mem::take);
        if let Some(example) = example.filter(|pictures| !pictures.is_empty()) {
            let base = store.sample.get_untracked();
            let settings = |picture: DrawnPicture| SampleSettings {
                prompt: picture.prompt,
                seed: picture.seed,
                ..base.clone()
            };
            let all: Vec<SampleSettings> = example.into_iter().map(settings).collect();
            if let Some(last) = all.last() {
                store.sample.set(last.clone());
            }
            self.make_all(all);
            return;
        }
        let prompt = store
            .training
            .with_untracked(|s| s.preview_prompts.first().cloned());
        store.sample.update(|sample| {
            if sample.prompt.trim().is_empty() {
                sample.prompt = prompt.unwrap_or_default();
            }
        });
        self.make();
    }

    pub fn roll_seed(self) {
        self.store.sample.update(|sample| sample.seed = rolled());
    }

    pub fn save_picture(self, shot: &Shot, made: &Made, side: &str) {
        let name = file_name(made, side);
        let pixels = self.store.saved_side.get_untracked();
        let as_made = pixels <= shot.picture.width;
        // The engine does one thing after another, and a picture that is saved is wanted now.
        if as_made || self.store.activity.get_untracked() != Activity::Idle {
            self.hand_out(Place::Make, &name, &shot.png, "image/png");
            return;
        }
        let job = self.store.new_job();
        self.store.enlarging.update_value(|e| e.push((job, name)));
        let png = files::buffer(&shot.png);
        let request = Request::Enlarge {
            job,
            side: pixels,
            png: Buffer(0),
        };
        self.ask(&request, &[png]);
    }
}

fn rolled() -> u64 {
    (js_sys::Math::random() * f64::from(u32::MAX)) as u64
}

/// `a-fox-7-base.png`
fn file_name(made: &Made, side: &str) -> String {
    let parts = [
        format::slug(&made.settings.prompt),
        made.settings.seed.to_string(),
        side.to_owned(),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|p| !p.is_empty()).collect();
    format!("{}.png", parts.join("-"))
}
