//! Starting and stopping.

use atelier_protocol::{Buffer, Request, TrainingSettings, Work};
use leptos::prelude::*;

use super::Studio;
use crate::{
    files,
    store::{Activity, EngineState, GoOnGate, Place, Run, TrainGate, WorkState},
    strings::t,
};

/// What a crash takes at most, in steps.
const CHECKPOINT_EVERY: u32 = 10;

impl Studio {
    pub fn train(self) {
        let store = self.store;
        if untrack(|| store.train_gate()) != TrainGate::Open {
            return;
        }
        store.clear_notices(Place::Train);
        self.example_pictures.update_value(Vec::clear);
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
        let run = Run::new(job, settings, works);
        store.run.set(Some(run.clone()));
        self.ask_to_persist();
        store.activity.set(Activity::Training(job));
        store.announcement.set(t().training_started.to_owned());
        self.ask(
            &Request::Train {
                job,
                works: run.works,
                settings: run.settings,
                checkpoint: None,
                checkpoint_every: CHECKPOINT_EVERY,
            },
            &[],
        );
    }

    /// Goes on with a run that was paused or broke off, as if it never had.
    pub fn go_on(self) {
        let store = self.store;
        if untrack(|| store.go_on_gate()) != GoOnGate::Open {
            return;
        }
        let Some((mut run, checkpoint)) = store.run.get_untracked().and_then(|run| {
            let checkpoint = run.checkpoint.clone()?;
            Some((run, checkpoint))
        }) else {
            return;
        };
        store.clear_notices(Place::Train);
        let job = store.new_job();
        (run.job, run.outcome, run.step) = (job, None, checkpoint.step);
        run.pace.resumed();
        store.run.set(Some(run.clone()));
        store.activity.set(Activity::Training(job));
        store.announcement.set(t().training_started.to_owned());
        self.ask(
            &Request::Train {
                job,
                works: run.works,
                settings: run.settings,
                checkpoint: Some(Buffer(0)),
                checkpoint_every: CHECKPOINT_EVERY,
            },
            &[files::buffer(&checkpoint.bytes)],
        );
    }

    /// Asks the engine what a run would take, whenever that may have changed.
    pub(super) fn foretell(self) {
        let store = self.store;
        let asked = Memo::new(move |_| {
            let hash = store.model.with(|model| Some(model.as_ref()?.hash.clone()));
            // Whatever these are, it takes the same.
            let settings = TrainingSettings {
                trigger: String::new(),
                seed: 0,
                background: [0; 3],
                ..store.training.get()
            };
            let ready = store.engine.get() == EngineState::Ready && store.is_idle();
            Some((hash?, settings)).filter(|_| ready)
        });
        Effect::new(move |_| {
            if asked.get().is_some() {
                let settings = store.training.get_untracked();
                self.ask(&Request::Foretell { settings }, &[]);
            }
        });
    }

    /// Keeps the chosen preset to the works, however many there are.
    pub(super) fn follow_works(self) {
        let count = Memo::new(move |_| self.store.works.with(Vec::len));
        Effect::new(move |_| {
            // Read, not only followed: one that nobody reads is never reckoned, and so never changes.
            let _ = count.get();
            self.store.suit_works();
        });
    }

    /// Pauses the training, makes what is asked for, and leaves the training to be gone on with.
    pub fn pause_and_make(self) {
        self.store.make_when_paused.set_value(true);
        self.stop();
    }

    /// Stops what is under way.
    pub fn stop(self) {
        self.store.queued.update_value(|q| q.clear());
        self.store.stopping.set(true);
        self.ask(&Request::Stop, &[]);
    }
}
