//! Pictures: made, and saved.

use atelier_protocol::Request;
use leptos::prelude::*;

use super::Studio;
use crate::{
    format,
    store::{Activity, EngineState, Place, SampleProgress, Shot},
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
        let mut settings = store.sample.get_untracked();
        settings.compare &= store.current.get_untracked().is_some();
        let job = store.new_job();
        let awaited = if settings.compare { 2 } else { 1 };
        store.sampling.set(Some(SampleProgress::new(job, awaited)));
        store.activity.set(Activity::Sampling(job));
        self.ask(
            &Request::Sample {
                job,
                settings,
                image: None,
            },
            &[],
        );
    }

    /// With a new adapter the artist sees a picture at once, of their own prompt where there is one.
    pub(super) fn first_picture(self) {
        let store = self.store;
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
        let seed = (js_sys::Math::random() * f64::from(u32::MAX)) as u64;
        self.store.sample.update(|sample| sample.seed = seed);
    }

    pub fn save_picture(self, shot: &Shot, prompt: &str, seed: u64, side: &str) {
        let subject = format::slug(prompt);
        let name = [subject.as_str(), &seed.to_string(), side].map(str::to_owned);
        let name = name
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("-");
        self.hand_out(Place::Make, &format!("{name}.png"), &shot.png, "image/png");
    }
}
