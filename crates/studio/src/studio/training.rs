//! Starting and stopping.

use atelier_protocol::{Request, Work};
use leptos::prelude::*;

use super::Studio;
use crate::{
    store::{Activity, Place, Run, TrainGate, WorkState},
    strings::t,
};

impl Studio {
    pub fn train(self) {
        let store = self.store;
        if untrack(|| store.train_gate()) != TrainGate::Open {
            return;
        }
        store.clear_notices(Place::Train);
        let mut settings = store.training.get_untracked();
        settings.trigger = store.trigger.get_untracked().trim().to_owned();
        settings.preview_prompts.retain(|p| !p.trim().is_empty());
        if settings.preview_prompts.is_empty() {
            settings.preview_every = 0;
        }
        let works = store.works.with_untracked(|works| {
            let works = works
                .iter()
                .filter(|w| w.state.get_untracked() == WorkState::Accepted);
            works
                .map(|w| Work {
                    id: w.id,
                    caption: w.caption.get_untracked().trim().to_owned(),
                    focus: w.focus.get_untracked(),
                })
                .collect()
        });
        let job = store.new_job();
        store.loss.update(|curve| *curve = Default::default());
        store.previews.update(Vec::clear);
        store.run.set(Some(Run {
            job,
            step: 0,
            steps: settings.steps,
            seconds_left: None,
            held_back: false,
            preview_prompts: settings.preview_prompts.clone(),
            outcome: None,
        }));
        store.activity.set(Activity::Training(job));
        store.announcement.set(t().training_started.to_owned());
        self.ask(
            &Request::Train {
                job,
                works,
                settings,
            },
            &[],
        );
    }

    /// Stops what is under way.
    pub fn stop(self) {
        self.store.stopping.set(true);
        self.ask(&Request::Stop, &[]);
    }
}
