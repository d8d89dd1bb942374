//! The open project: what of the store is kept, and how it comes back.

use std::{collections::HashMap, sync::Arc};

use atelier_pictures::{Recipe, Rgb};
use atelier_project::{
    AdapterRecord, GalleryDraft, LossRecord, PictureRecord, PreviewRecord, Project, RunRecord,
    RunState, SampleSetRecord, WorkRecord, adapter_file, base_file, checkpoint_file, hand_file,
    preview_adapter_file, preview_file,
};
use atelier_protocol::{JobId, Learns, Outcome, Preset, SampleSettings, TrainingSettings, WorkId};
use leptos::prelude::*;

use super::{
    Bytes, Checkpoint, EngineState, Made, Picture, PictureKey, PreviewRow, Run, SampleSet, Shelved,
    Shot, Store, Work, WorkState,
};
use crate::{format, loss::LossCurve, strings::t};

/// A project in the list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectEntry {
    pub id: u32,
    pub name: String,
}

/// Whether what is on the page is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// The browser's database is being opened and read.
    Opening,
    Kept,
    /// Something has changed and is being written.
    Writing,
    /// It could not be written; it is tried again with the next change.
    Failed,
    /// This browser keeps nothing (a private window, storage forbidden).
    Off,
}

/// Bytes the browser grants to this page, as it tells them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Room {
    pub used: f64,
    pub quota: f64,
    /// The browser has promised not to clear it by itself.
    pub persisted: bool,
}

impl Room {
    /// Below this the artist is told: a large work or two, and some checkpoints.
    const LOW: f64 = 200e6;

    pub fn is_low(&self) -> bool {
        self.quota - self.used < Self::LOW
    }
}

/// What stands between the artist and going on with a paused run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoOnGate {
    Open,
    /// There is no such run.
    Nothing,
    /// Works it was learning from are gone.
    WorksGone,
    /// Something else is under way, or the engine is not there yet.
    Wait,
}

impl Store {
    pub fn go_on_gate(&self) -> GoOnGate {
        let Some(works) = self.run.with(|r| {
            r.as_ref()
                .filter(|r| r.is_paused())
                .map(|r| r.works.clone())
        }) else {
            return GoOnGate::Nothing;
        };
        let states: Vec<Option<WorkState>> = self.works.with(|here| {
            let state = |id| here.iter().find(|w| w.id == id).map(|w| w.state.get());
            works.iter().map(|w| state(w.id)).collect()
        });
        if states.iter().any(Option::is_none) {
            return GoOnGate::WorksGone;
        }
        let read = states.iter().all(|s| *s == Some(WorkState::Accepted));
        if read && self.is_idle() && self.engine.get() == EngineState::Ready {
            GoOnGate::Open
        } else {
            GoOnGate::Wait
        }
    }

    /// Whether another project may take the place of this one now: nothing is under way, and no
    /// answer of the engine's about a work is awaited.
    pub fn can_switch(&self) -> bool {
        let reading = self
            .works
            .with(|works| works.iter().any(|w| w.state.get() == WorkState::Reading));
        self.is_idle() && !reading && self.keeping.get() != Keeping::Opening
    }

    /// The project as it would be kept now.
    pub fn record(&self) -> Project {
        let shelf = self.shelf.get();
        let current = self.current.get();
        Project {
            version: Project::VERSION,
            name: self.project_name.get(),
            model: self.chosen.get(),
            kind: self.kind.get(),
            works: self
                .works
                .with(|works| works.iter().map(work_record).collect()),
            trigger: self.trigger.get(),
            learns: self.learns.get(),
            preset: self.preset.get(),
            training: self.training.get(),
            sample: self.sample.get(),
            seed_locked: self.seed_locked.get(),
            current: current.and_then(|i| shelf.get(i).map(|s| s.id)),
            adapters: shelf
                .iter()
                .filter(|s| s.bytes.is_some())
                .map(|s| AdapterRecord {
                    id: s.id,
                    info: s.info.clone(),
                    file_name: s.file_name.clone(),
                    saved: s.saved,
                })
                .collect(),
            pictures: self.gallery.decided.with(|decided| {
                let chosen = |made: &Made| decided.get(&PictureKey::Made(made.job)).copied();
                let record = |made: &Made| picture_record(made, chosen(made));
                self.made.with(|made| made.iter().map(record).collect())
            }),
            run: self.run_record(),
            gallery: self.gallery.draft.get(),
        }
    }

    fn run_record(&self) -> Option<RunRecord> {
        let run = self.run.get()?;
        let step = run.checkpoint.as_ref().map(|c| c.step);
        let state = match (step, run.outcome) {
            (Some(step), _) => RunState::Paused { step },
            (None, Some(outcome)) => RunState::Ended {
                step: run.step,
                outcome,
            },
            // Before its first checkpoint a run leaves nothing.
            (None, None) => return None,
        };
        let (RunState::Paused { step: last } | RunState::Ended { step: last, .. }) = state;
        let rows = self.previews.get();
        let rows = rows.iter().filter(|row| row.step <= last);
        Some(RunRecord {
            state,
            adapter: run.adapter,
            held_back: run.held_back,
            nearness: run.nearness,
            loss: self.loss.with_untracked(|curve| curve.record(last)),
            previews: rows
                .map(|row| PreviewRecord {
                    step: row.step,
                    pictures: row.pictures.len() as u32,
                    adapter: row.adapter.is_some(),
                })
                .collect(),
            seconds_per_step: self.seconds_per_step.get_untracked(),
            settings: run.settings,
            works: run.works,
        })
    }

    /// The bytes of one of the record's files, but for works, which the store does not hold.
    pub fn file(&self, name: &str) -> Option<Bytes> {
        self.made
            .with_untracked(|made| {
                made.iter().find_map(|m| {
                    let shot = match name {
                        _ if name == hand_file(m.job.0) => &m.adapter,
                        _ if name == base_file(m.job.0) => &m.base,
                        _ => return None,
                    };
                    shot.as_ref().map(|s| s.png.clone())
                })
            })
            .or_else(|| {
                self.shelf.with_untracked(|shelf| {
                    let found = shelf.iter().find(|s| name == adapter_file(s.id));
                    found.and_then(|s| s.bytes.clone())
                })
            })
            .or_else(|| {
                self.run.with_untracked(|run| {
                    let checkpoint = run.as_ref()?.checkpoint.as_ref()?;
                    (name == checkpoint_file(checkpoint.step)).then(|| checkpoint.bytes.clone())
                })
            })
            .or_else(|| {
                self.previews.with_untracked(|rows| {
                    let row = rows
                        .iter()
                        .find(|row| name == preview_adapter_file(row.step));
                    row.and_then(|row| row.adapter.clone())
                })
            })
            .or_else(|| self.preview_png(name))
    }

    fn preview_png(&self, name: &str) -> Option<Bytes> {
        self.previews.with_untracked(|rows| {
            rows.iter().find_map(|row| {
                let mut pictures = (0..).zip(&row.pictures);
                let (_, picture) = pictures.find(|(i, _)| name == preview_file(row.step, *i))?;
                let rgb = picture
                    .rgba
                    .chunks_exact(4)
                    .flat_map(|p| [p[0], p[1], p[2]]);
                let rgb = Rgb::new(picture.width, picture.height, rgb.collect()).ok()?;
                rgb.to_png(&Recipe::default()).ok().map(Bytes::from)
            })
        })
    }

    /// Empties the page for another project, engine and model apart.
    pub fn clear_project(&self) {
        let kind = self.kind.get_untracked();
        let fresh = TrainingSettings {
            preview_prompts: t()
                .preview_prompts
                .iter()
                .map(|p| (*p).to_owned())
                .collect(),
            ..Preset::Balanced.settings_for(kind)
        };
        self.works.set(Vec::new());
        self.trigger
            .set((t().trigger_default)(Learns::Style).to_owned());
        self.learns.set(Learns::Style);
        self.preset.set(Some(Preset::Balanced));
        self.training.set(fresh);
        self.run.set(None);
        self.loss.set(LossCurve::default());
        self.previews.set(Vec::new());
        self.sample.set(kind.sampling(SampleSettings::default()));
        self.seed_locked.set(false);
        self.made.set(Vec::new());
        self.shown.set(None);
        self.shelf.set(Vec::new());
        self.current.set(None);
        self.gallery.draft.set(GalleryDraft::default());
        self.gallery.decided.set(HashMap::new());
        self.project_name.set(String::new());
        self.notices.set(Vec::new());
    }

    /// Puts a project on the page, which was cleared before. `file` hands out the files of the
    /// record; what it has not stays away.
    pub fn restore(&self, project: Project, file: impl Fn(&str) -> Option<Bytes>) {
        let pictures = project.pictures.iter();
        let numbers = project.adapters.iter().map(|a| a.id);
        let most = numbers.chain(pictures.flat_map(|p| [p.id, p.batch])).max();
        self.next_job
            .update_value(|n| *n = (*n).max(most.unwrap_or(0)));
        let most = project.works.iter().map(|w| w.id).max();
        self.next_work
            .update_value(|n| *n = (*n).max(most.unwrap_or(0)));

        if self.chosen.get_untracked() != project.model {
            self.model.set(None);
            self.chosen.set(project.model);
        }
        self.kind.set(project.kind);
        self.project_name.set(project.name);
        self.trigger.set(project.trigger);
        self.learns.set(project.learns);
        self.preset.set(project.preset);
        self.training.set(project.training);
        self.sample.set(project.sample);
        self.seed_locked.set(project.seed_locked);
        self.works
            .set(project.works.into_iter().map(restored_work).collect());
        let shelf: Vec<Shelved> = project
            .adapters
            .into_iter()
            .filter_map(|a| {
                Some(Shelved {
                    id: a.id,
                    bytes: Some(file(&adapter_file(a.id))?),
                    file_name: a.file_name,
                    engine_info: a.info.clone(),
                    info: a.info,
                    saved: a.saved,
                })
            })
            .collect();
        self.current.set(
            project
                .current
                .and_then(|id| shelf.iter().position(|s| s.id == id)),
        );
        self.shelf.set(shelf);
        let shot = |name: String| {
            let png = file(&name)?;
            let picture = decoded(&png)?;
            Some(Shot { picture, png })
        };
        let chosen = project.pictures.iter();
        let chosen = chosen.filter_map(|p| Some((PictureKey::Made(JobId(p.id)), p.chosen?)));
        self.gallery.decided.set(chosen.collect());
        self.gallery.draft.set(project.gallery);
        let made: Vec<Made> = project
            .pictures
            .into_iter()
            .map(|p| Made {
                job: JobId(p.id),
                batch: p.batch,
                settings: p.settings,
                base: p.base.then(|| shot(base_file(p.id))).flatten(),
                adapter: p.hand.then(|| shot(hand_file(p.id))).flatten(),
                note: p.note,
                favourite: p.favourite,
            })
            .filter(|m| m.base.is_some() || m.adapter.is_some())
            .collect();
        self.shown.set(made.last().map(|m| m.job));
        self.made.set(made);
        if let Some(run) = project.run {
            self.restore_run(run, file);
        }
    }

    fn restore_run(&self, record: RunRecord, file: impl Fn(&str) -> Option<Bytes>) {
        let rows = record.previews.iter().map(|row| {
            let names = (0..row.pictures).map(|i| preview_file(row.step, i));
            let pictures: Option<Vec<Picture>> = names.map(|name| decoded(&file(&name)?)).collect();
            pictures.map(|pictures| PreviewRow {
                step: row.step,
                pictures,
                adapter: (row.adapter)
                    .then(|| file(&preview_adapter_file(row.step)))
                    .flatten(),
            })
        });
        self.previews.set(rows.flatten().collect());
        self.loss.set(LossCurve::from_record(&record.loss));
        self.seconds_per_step.set(record.seconds_per_step);
        let mut run = Run::new(self.new_job(), record.settings, record.works);
        (run.held_back, run.nearness) = (record.held_back, record.nearness);
        run.adapter = record.adapter;
        match record.state {
            RunState::Ended { step, outcome } => (run.step, run.outcome) = (step, Some(outcome)),
            RunState::Paused { step } => {
                run.step = step;
                run.checkpoint =
                    file(&checkpoint_file(step)).map(|bytes| Checkpoint { step, bytes });
                run.outcome = Some(match run.checkpoint {
                    Some(_) => Outcome::Stopped,
                    None => Outcome::Failed,
                });
            }
        }
        self.run.set(Some(run));
    }

    /// Follows all that [`Store::record`] holds, the run apart, which changes at every step.
    pub fn track_kept(&self) {
        self.project_name.track();
        self.chosen.track();
        self.works.with(|works| {
            for work in works {
                work.caption.track();
                work.focus.track();
            }
        });
        self.trigger.track();
        self.learns.track();
        self.preset.track();
        self.training.track();
        self.sample.track();
        self.seed_locked.track();
        self.shelf.track();
        self.current.track();
        self.made.track();
        self.previews.track();
        self.gallery.draft.track();
        self.gallery.decided.track();
    }
}

fn work_record(work: &Work) -> WorkRecord {
    WorkRecord {
        id: work.id.0,
        name: work.name.clone(),
        caption: work.caption.get(),
        focus: work.focus.get(),
        sample_set: work.sample_set.as_ref().map(|set| SampleSetRecord {
            id: set.id.clone(),
            title: set.title.clone(),
            author: set.author.clone(),
            licence: set.licence.clone(),
            source: set.source.clone(),
        }),
    }
}

fn restored_work(record: WorkRecord) -> Work {
    Work {
        id: WorkId(record.id),
        name: record.name,
        url: None,
        caption: ArcRwSignal::new(record.caption),
        focus: ArcRwSignal::new(record.focus),
        state: ArcRwSignal::new(WorkState::Waiting),
        seen: ArcRwSignal::new(None),
        sample_set: record.sample_set.map(|set| {
            Arc::new(SampleSet {
                id: set.id,
                title: set.title,
                author: set.author,
                licence: set.licence,
                source: set.source,
                works: Vec::new(),
                drawn: Vec::new(),
            })
        }),
    }
}

fn picture_record(made: &Made, chosen: Option<bool>) -> PictureRecord {
    PictureRecord {
        id: made.job.0,
        batch: made.batch,
        settings: made.settings.clone(),
        base: made.base.is_some(),
        hand: made.adapter.is_some(),
        favourite: made.favourite,
        chosen,
        note: made.note.clone(),
    }
}

/// A PNG of the page's own.
fn decoded(png: &[u8]) -> Option<Picture> {
    let picture = atelier_pictures::decode(png).ok()?;
    Some(Picture {
        width: picture.width(),
        height: picture.height(),
        rgba: picture.rgba().into(),
    })
}

/// A name for a project that has none.
pub fn untitled(number: usize) -> String {
    format::numbered(t().keep.untitled, number)
}

/// The loss as it is kept.
impl LossCurve {
    fn from_record(record: &LossRecord) -> Self {
        let mut curve = Self::default();
        for (step, loss) in record.steps.iter().zip(&record.training) {
            curve.push(*step, *loss);
        }
        for (step, loss) in &record.validation {
            curve.push_validation(*step, *loss);
        }
        curve
    }

    /// Up to `last`.
    fn record(&self, last: u32) -> LossRecord {
        let (steps, training) = self.raw_until(last);
        LossRecord {
            steps: steps.to_vec(),
            training: training.to_vec(),
            validation: self.validation_until(last),
        }
    }
}

#[cfg(test)]
mod tests;
