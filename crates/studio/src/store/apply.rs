//! What each event of the engine changes, and what the page must do next.

use atelier_protocol::{
    AdapterInfo, Event, Learns, Lesson, ModelKind, Outcome, Pixels, Preset, SampleSettings,
    ToolVerdict, TrainingSettings, WorkId,
};
use leptos::prelude::*;

use super::{
    Activity, AdapterLoad, Bytes, Checkpoint, EngineState, FilePurpose, Made, Picture, Place,
    PreviewRow, Seen, Shelved, Shot, Store, Tone, WorkState,
};
use crate::{meter::Meter, strings::t};

/// What an event asks of the page beyond its own state.
#[derive(Clone, Debug, PartialEq)]
pub enum FollowUp {
    LoadModel,
    /// Send the works that wait.
    SendWorks,
    /// Put the adapter in use back into a new engine.
    RestoreAdapter(usize),
    /// Ask for the new adapter's file, to keep it on the page.
    KeepAdapter(usize),
    /// Make the next of many.
    NextPicture,
    /// Make the pictures for which the training was paused.
    MakeAsked,
    /// Make a first picture with the new adapter.
    FirstPicture,
    Download {
        file_name: String,
        bytes: Bytes,
    },
}

/// While something goes on, a screen reader hears of it this often, in milliseconds.
const ANNOUNCE_EVERY: f64 = 15e3;

impl Store {
    /// Takes in an event; `now` is the page's clock in milliseconds.
    pub fn apply(&self, event: Event, buffers: &[Bytes], now: f64) -> Vec<FollowUp> {
        match event {
            Event::Ready(gpu) => {
                self.gpu.set(Some(gpu));
                self.engine.set(EngineState::Loading);
                return vec![FollowUp::LoadModel, FollowUp::SendWorks];
            }
            Event::Unsupported { message } => self.engine.set(EngineState::Unsupported(message)),
            Event::Progress { stage, done, total } => {
                self.meter.update(|meter| {
                    *meter = Some(match meter {
                        Some(meter) => meter.advanced(stage, done, total, now),
                        None => Meter::new(stage, done, total, now),
                    });
                });
            }
            Event::ModelLoaded(model) => {
                if model.kind != self.kind.get_untracked() {
                    self.suit(model.kind);
                }
                self.model.set(Some(model));
                self.meter.set(None);
                self.engine.set(EngineState::Ready);
                self.announcement.set(t().status_ready.to_owned());
                // It is the present one again when the engine has taken it, which it does not where it
                // is another model's.
                let current = self.current.get_untracked();
                self.current.set(None);
                return current.map(FollowUp::RestoreAdapter).into_iter().collect();
            }
            Event::WorkAdded {
                id,
                width,
                height,
                thumbnail,
            } => {
                self.work_added(id, (width, height), thumbnail, buffers);
            }
            Event::WorkRefused { id, message } => self.refuse_work(id, &message),
            // Its figures are for benches and tests; an artist has no use for them.
            Event::Recorded { .. } => self.pace(|pace| pace.recorded(now)),
            Event::Trained {
                job,
                step,
                steps,
                loss,
                seconds_per_step,
                seconds_left,
            } => {
                if self.activity.get_untracked() != Activity::Training(job) {
                    return Vec::new();
                }
                self.meter.set(None);
                self.seconds_per_step.set(Some(seconds_per_step));
                self.loss.update(|curve| curve.push(step, loss));
                self.run.update(|run| {
                    if let Some(run) = run {
                        (run.step, run.steps) = (step, steps);
                        run.pace.trained(now);
                        let measured = run.pace.left(step, &run.settings);
                        run.seconds_left = Some(measured.unwrap_or(seconds_left));
                    }
                });
                if now - self.last_announced.get_value() > ANNOUNCE_EVERY {
                    self.last_announced.set_value(now);
                    self.announcement.set((t().step_of)(step, steps));
                }
            }
            Event::Validated {
                job,
                step,
                loss,
                held_back,
            } => {
                if self.activity.get_untracked() == Activity::Training(job) {
                    self.loss.update(|curve| curve.push_validation(step, loss));
                    self.run.update(|run| {
                        if let Some(run) = run {
                            run.pace.validated(now);
                            run.held_back = held_back;
                        }
                    });
                }
            }
            Event::Previewed {
                job,
                step,
                pictures,
                adapter,
                nearness,
            } => {
                if self.activity.get_untracked() == Activity::Training(job) {
                    self.pace(|pace| pace.previewed(now));
                    self.run.update(|run| {
                        if let Some(run) = run {
                            run.nearness = nearness;
                        }
                    });
                    let pictures: Vec<Picture> = pictures
                        .into_iter()
                        .filter_map(|p| Picture::from_pixels(p, buffers))
                        .collect();
                    if !pictures.is_empty() {
                        let adapter = adapter.and_then(|file| buffers.get(file.0).cloned());
                        self.previews.update(|rows| {
                            rows.retain(|row| row.step < step);
                            rows.push(PreviewRow {
                                step,
                                pictures,
                                adapter,
                            });
                        });
                    }
                }
            }
            Event::WentBack { job, step, message } => {
                if self.activity.get_untracked() == Activity::Training(job) {
                    self.loss.update(|curve| curve.go_back(step));
                    self.previews
                        .update(|rows| rows.retain(|row| row.step <= step));
                    self.notify(Place::Train, Tone::Calm, message);
                }
            }
            Event::Checkpoint { job, step, bytes } => {
                if self.activity.get_untracked() == Activity::Training(job)
                    && let Some(bytes) = buffers.get(bytes.0).cloned()
                {
                    self.run.update(|run| {
                        if let Some(run) = run {
                            run.checkpoint = Some(Checkpoint { step, bytes });
                        }
                    });
                }
            }
            Event::TrainingEnded {
                job,
                outcome,
                steps_done,
                adapter,
            } => {
                if self.activity.get_untracked() == Activity::Training(job) {
                    return self.training_ended(outcome, steps_done, adapter);
                }
            }
            Event::SampleStep { job, step, steps } => {
                self.meter.set(None);
                self.sampling.update(|progress| {
                    if let Some(p) = progress.as_mut().filter(|p| p.job == job) {
                        *p = p.stepped(step, steps, now);
                    }
                });
            }
            Event::Picture {
                job,
                with_adapter,
                pixels,
                png,
                settings,
                note,
            } => {
                let shot = Picture::from_pixels(pixels, buffers)
                    .zip(buffers.get(png.0).cloned())
                    .map(|(picture, png)| Shot { picture, png });
                return self.picture_made(job, with_adapter, shot, settings, note);
            }
            Event::SampleStopped { job } => {
                if self.activity.get_untracked() == Activity::Sampling(job) {
                    self.queued.update_value(|q| q.clear());
                    self.rest();
                }
            }
            Event::Checked { .. } => {}
            Event::Enlarged { job, png } => {
                let name = self.enlarging.try_update_value(|e| {
                    let at = e.iter().position(|(of, _)| *of == job)?;
                    Some(e.remove(at).1)
                });
                let ready = name.flatten().zip(buffers.get(png.0).cloned());
                return ready
                    .map(|(file_name, bytes)| FollowUp::Download { file_name, bytes })
                    .into_iter()
                    .collect();
            }
            Event::AdapterFile {
                file_name,
                bytes,
                tools,
            } => {
                let bytes = buffers.get(bytes.0).cloned();
                return self.adapter_file(file_name, bytes, &tools);
            }
            Event::Foretold(foretold) => self.foretold.set(Some(foretold)),
            Event::AdapterLoaded(info) => {
                return self.adapter_loaded(info).into_iter().collect();
            }
            Event::Failed {
                request,
                job,
                message,
            } => self.failed(&request, job, message),
            Event::DeviceLost {
                message,
                out_of_memory,
            } => {
                let was_training = matches!(self.activity.get_untracked(), Activity::Training(_));
                self.engine_lost(message);
                if was_training && out_of_memory {
                    self.lighten();
                }
            }
        }
        Vec::new()
    }

    /// The worker or its GPU is gone. The works and the adapters stay on the page.
    pub fn engine_lost(&self, message: String) {
        let engine = self.engine.get_untracked();
        if matches!(engine, EngineState::Lost(_) | EngineState::Unsupported(_)) {
            return;
        }
        self.queued.update_value(|q| q.clear());
        let was_training = matches!(self.activity.get_untracked(), Activity::Training(_));
        self.rest();
        self.meter.set(None);
        self.files_awaited.update_value(|f| f.clear());
        self.loads_awaited.update_value(|l| l.clear());
        self.works.with_untracked(|works| {
            for work in works {
                work.state.set(WorkState::Waiting);
            }
        });
        // An adapter whose file had not come yet went with the engine.
        if self
            .shelf
            .with_untracked(|s| s.iter().any(|s| s.bytes.is_none()))
        {
            self.shelf
                .update(|shelf| shelf.retain(|s| s.bytes.is_some()));
            self.current
                .set(self.shelf.with_untracked(Vec::len).checked_sub(1));
        }
        if was_training {
            match self.back_to_checkpoint() {
                Some(step) => {
                    let text = (t().keep.training_kept)(step);
                    self.notify(Place::Train, Tone::Calm, text);
                }
                None => self.notify(Place::Train, Tone::Wrong, t().training_lost),
            }
        }
        self.announcement.set(message.clone());
        self.engine.set(EngineState::Lost(message));
    }

    /// Turns down what the next training asks of the graphics card.
    fn lighten(&self) {
        let text = match self.training.get_untracked().lighter() {
            None => t().too_large,
            Some(lighter) => {
                self.training.set(lighter);
                self.preset.set(None);
                t().made_lighter
            }
        };
        self.notify(Place::Train, Tone::Calm, text);
    }

    fn pace(&self, measure: impl FnOnce(&mut crate::pace::Pace)) {
        self.run.update(|run| {
            if let Some(run) = run.as_mut().filter(|r| r.outcome.is_none()) {
                measure(&mut run.pace);
            }
        });
    }

    /// The run broke off: it stands where its last checkpoint was taken, which is the answer, or
    /// has failed where there is none.
    fn back_to_checkpoint(&self) -> Option<u32> {
        let step = self.run.try_update(|run| {
            let run = run.as_mut()?;
            run.seconds_left = None;
            let step = run.checkpoint.as_ref().map(|c| c.step);
            run.outcome = Some(match step {
                Some(_) => Outcome::Stopped,
                None => Outcome::Failed,
            });
            run.step = step.unwrap_or(run.step);
            step
        });
        let step = step.flatten()?;
        self.loss.update(|curve| curve.go_back(step));
        self.previews
            .update(|rows| rows.retain(|row| row.step <= step));
        Some(step)
    }

    /// Nothing is under way any more.
    fn rest(&self) {
        self.activity.set(Activity::Idle);
        self.stopping.set(false);
        self.sampling.set(None);
        if self.engine.get_untracked() == EngineState::Ready {
            self.meter.set(None);
        }
    }

    fn work_added(
        &self,
        id: WorkId,
        (width, height): (u32, u32),
        thumbnail: Pixels,
        buffers: &[Bytes],
    ) {
        self.works.with_untracked(|works| {
            let Some(work) = works.iter().find(|w| w.id == id) else {
                return;
            };
            if let Some(thumbnail) = Picture::from_pixels(thumbnail, buffers) {
                work.seen.set(Some(Seen {
                    width,
                    height,
                    thumbnail,
                }));
            }
            work.state.set(WorkState::Accepted);
        });
    }

    /// Takes a work off the page and says why.
    pub fn refuse_work(&self, id: WorkId, message: &str) {
        let work = self
            .works
            .with_untracked(|works| works.iter().find(|w| w.id == id).cloned());
        if let Some(work) = work {
            self.works.update(|works| works.retain(|w| w.id != id));
            self.refuse_file(&work.name, message);
        }
    }

    /// One sentence for a file that is not taken, with its name where the message lacks it.
    pub fn refuse_file(&self, name: &str, message: &str) {
        let text = if message.contains(name) {
            message.to_owned()
        } else {
            (t().file_refused)(name, message)
        };
        self.notify(Place::Works, Tone::Wrong, text);
    }

    fn training_ended(
        &self,
        outcome: Outcome,
        steps_done: u32,
        adapter: Option<AdapterInfo>,
    ) -> Vec<FollowUp> {
        self.rest();
        self.run.update(|run| {
            if let Some(run) = run {
                run.outcome = Some(outcome);
                run.step = steps_done;
                run.seconds_left = None;
                if outcome == Outcome::Finished {
                    run.checkpoint = None;
                }
            }
        });
        if outcome == Outcome::Failed {
            self.back_to_checkpoint();
        }
        self.announcement
            .set((t().training_ended)(outcome, steps_done));
        let present = self.current.get_untracked();
        let present = present.and_then(|i| self.shelf.with_untracked(|s| s.get(i).cloned()));
        // A run that failed may have left the adapter of before in its place.
        let is_new = |info: &AdapterInfo| {
            steps_done > 0
                && (outcome != Outcome::Failed || present.is_none_or(|p| p.engine_info != *info))
        };
        let Some(info) = adapter.filter(is_new) else {
            return Vec::new();
        };
        let place = self.shelve_of_run(Shelved::new(info));
        let mut next = vec![FollowUp::KeepAdapter(place)];
        let asked = self.make_when_paused.get_value();
        self.make_when_paused.set_value(false);
        if outcome == Outcome::Stopped && asked {
            next.push(FollowUp::MakeAsked);
        }
        if outcome == Outcome::Finished {
            next.push(FollowUp::FirstPicture);
        }
        next
    }

    fn picture_made(
        &self,
        job: atelier_protocol::JobId,
        with_adapter: bool,
        shot: Option<Shot>,
        settings: SampleSettings,
        note: Option<String>,
    ) -> Vec<FollowUp> {
        self.made.update(|made| {
            if made.last().is_none_or(|m| m.job != job) {
                made.push(Made {
                    job,
                    batch: self.batch.get_value(),
                    favourite: false,
                    settings,
                    base: None,
                    adapter: None,
                    note: None,
                });
            }
            if let Some(last) = made.last_mut() {
                let side = if with_adapter {
                    &mut last.adapter
                } else {
                    &mut last.base
                };
                *side = shot;
                last.note = note.or(last.note.take());
            }
        });
        self.shown.set(Some(job));
        self.sampling
            .update(|p| *p = p.map(|p| if p.job == job { p.arrived() } else { p }));
        let over = self
            .sampling
            .with_untracked(|p| p.is_none_or(|p| p.is_over()));
        if over && self.activity.get_untracked() == Activity::Sampling(job) {
            self.rest();
            if self.queued.with_value(|q| !q.is_empty()) {
                return vec![FollowUp::NextPicture];
            }
            self.announcement.set(t().picture_ready.to_owned());
        }
        Vec::new()
    }

    fn adapter_file(
        &self,
        file_name: String,
        bytes: Option<Bytes>,
        tools: &[ToolVerdict],
    ) -> Vec<FollowUp> {
        let purpose = self
            .files_awaited
            .try_update_value(|f| f.pop_front())
            .flatten();
        let (Some(bytes), Some(purpose)) = (bytes, purpose) else {
            return Vec::new();
        };
        let (FilePurpose::Keep(place) | FilePurpose::Save(place)) = purpose;
        let save = matches!(purpose, FilePurpose::Save(_));
        self.shelf.update(|shelf| {
            if let Some(shelved) = shelf.get_mut(place) {
                shelved.bytes = Some(bytes.clone());
                shelved.file_name.clone_from(&file_name);
                shelved.saved |= save;
            }
        });
        if save {
            if !tools.is_empty() {
                self.notify(Place::Adapter, Tone::Calm, (t().loads_in)(tools));
            }
            vec![FollowUp::Download { file_name, bytes }]
        } else {
            Vec::new()
        }
    }

    fn adapter_loaded(&self, info: AdapterInfo) -> Option<FollowUp> {
        match self
            .loads_awaited
            .try_update_value(|l| l.pop_front())
            .flatten()
        {
            Some(AdapterLoad::File { name, bytes }) => {
                self.announcement.set((t().adapter_loaded)(&info.title));
                self.shelve(Shelved {
                    file_name: name,
                    bytes: Some(bytes),
                    saved: true,
                    ..Shelved::new(info)
                });
            }
            Some(AdapterLoad::Shelf(place)) => self.current.set(Some(place)),
            Some(AdapterLoad::Made) => {
                self.announcement.set((t().adapter_loaded)(&info.title));
                return Some(FollowUp::KeepAdapter(self.shelve(Shelved::new(info))));
            }
            None => {}
        }
        None
    }

    fn failed(&self, request: &str, job: Option<atelier_protocol::JobId>, message: String) {
        let activity = self.activity.get_untracked();
        match request {
            "load_model" => {
                self.meter.set(None);
                self.announcement.set(message.clone());
                self.engine.set(EngineState::ModelFailed(message));
                return;
            }
            "train" if matches!(activity, Activity::Training(now) if job.is_none_or(|j| j == now)) =>
            {
                self.rest();
                if self.back_to_checkpoint().is_none() {
                    self.run.update(|run| {
                        *run = run.take().filter(|r| r.step > 0);
                    });
                }
            }
            "sample" if matches!(activity, Activity::Sampling(now) if job.is_none_or(|j| j == now)) =>
            {
                self.queued.update_value(|q| q.clear());
                self.rest();
            }
            "save_adapter" => {
                self.files_awaited.update_value(|f| _ = f.pop_front());
            }
            "load_adapter" | "mix_adapters" => {
                let load = self
                    .loads_awaited
                    .try_update_value(|l| l.pop_front())
                    .flatten();
                if let Some(AdapterLoad::File { name, .. }) = load
                    && !message.contains(&name)
                {
                    self.notify(
                        Place::Adapter,
                        Tone::Wrong,
                        (t().file_refused)(&name, &message),
                    );
                    return;
                }
            }
            _ => {}
        }
        self.notify(Place::of_request(request), Tone::Wrong, message);
    }

    /// Takes over what suits the model, which is of another kind than the one before: what was right for
    /// that one makes no picture with this.
    fn suit(&self, kind: ModelKind) {
        self.kind.set(kind);
        self.seconds_per_step.set(None);
        self.sample
            .update(|settings| *settings = kind.sampling(std::mem::take(settings)));
        let preset = self.preset.get_untracked().unwrap_or(Preset::Balanced);
        self.choose_preset(preset);
    }

    /// What a preset comes to for the model and the works there are.
    pub fn preset_settings(&self, preset: Preset) -> TrainingSettings {
        let lesson = Lesson {
            works: self.works.with(Vec::len),
            learns: self.learns.get(),
        };
        preset.suited(self.kind.get(), lesson)
    }

    /// Takes over what the works have in common; a phrase that was only suggested gives way to another.
    pub fn choose_learns(&self, learns: Learns) {
        let suggested = t().trigger_default;
        let before = suggested(self.learns.get_untracked());
        if self
            .trigger
            .with_untracked(|trigger| trigger.trim() == before)
        {
            self.trigger.set(suggested(learns).to_owned());
        }
        self.learns.set(learns);
        if let Some(preset) = self.preset.get_untracked() {
            self.choose_preset(preset);
        }
    }

    /// Brings the steps of the preset that is chosen to the number of works.
    pub fn suit_works(&self) {
        if let Some(preset) = self.preset.get_untracked() {
            let new = untrack(|| self.preset_settings(preset));
            if self.training.with_untracked(|settings| settings.steps) != new.steps {
                self.training.update(|settings| {
                    settings.steps = new.steps;
                    settings.preview_every = new.preview_every;
                });
            }
        }
    }

    /// Takes over a preset's values, and leaves what is the artist's own: prompts, colour, mirroring.
    pub fn choose_preset(&self, preset: Preset) {
        self.preset.set(Some(preset));
        let new = untrack(|| self.preset_settings(preset));
        self.training.update(|settings| {
            let own = std::mem::replace(settings, new);
            settings.preview_prompts = own.preview_prompts;
            settings.background = own.background;
            settings.flip = own.flip;
            settings.seed = own.seed;
        });
    }
}

#[cfg(test)]
mod tests;
