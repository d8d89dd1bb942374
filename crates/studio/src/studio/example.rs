//! The example of a first visit: sample works in, a quick training, the pictures of the finished example
//! out, at one press.

use atelier_protocol::Preset;
use leptos::prelude::*;

use super::Studio;
use crate::store::TrainGate;

/// How many of its pictures are previewed while it learns.
const PREVIEWED: usize = 2;

impl Studio {
    /// Begins it; training starts by itself once model and works are there, and ends with a picture.
    pub fn run_example(self) {
        let set = self
            .sample_sets
            .with_untracked(|sets| sets.first().cloned());
        let Some(set) = set.filter(|_| !self.example.get_untracked()) else {
            return;
        };
        self.store.choose_preset(Preset::Quick);
        let prompts = set.drawn.iter().take(PREVIEWED).map(|d| d.prompt.clone());
        let prompts: Vec<String> = prompts.collect();
        if !prompts.is_empty() {
            self.store.training.update(|s| s.preview_prompts = prompts);
        }
        self.example.set(true);
        self.try_samples(set);
    }

    /// Goes on with an example once it can.
    pub(super) fn watch_example(self) {
        Effect::new(move |_| {
            if !self.example.get() || self.fetching_samples.get() {
                return;
            }
            match self.store.train_gate() {
                TrainGate::Open => {
                    self.example.set(false);
                    self.train();
                    let drawn = self
                        .sample_sets
                        .with_untracked(|sets| sets.first().map(|s| s.drawn.clone()));
                    self.example_pictures.set_value(drawn.unwrap_or_default());
                    if let Some(chapter) = document().get_element_by_id("train") {
                        chapter.scroll_into_view();
                    }
                }
                // Still on their way.
                TrainGate::NotReady | TrainGate::Reading => {}
                // The artist went another way, or it cannot be.
                _ => self.example.set(false),
            }
        });
    }
}
