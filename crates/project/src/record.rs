use std::collections::HashSet;

use atelier_protocol::{
    AdapterInfo, Learns, MAX_PROMPT_CHARS, ModelKind, Outcome, Preset, SampleSettings,
    TrainingSettings, Work,
};
use serde::{Deserialize, Serialize};

use crate::{GalleryDraft, ProjectError};

/// A project as it is kept. The numbers of works, adapters and pictures name their files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Project {
    /// 1.
    pub version: u32,
    pub name: String,
    /// None: the model that comes with the page.
    #[serde(default)]
    pub model: Option<ModelRecord>,
    /// The kind of model that the settings suit.
    #[serde(default)]
    pub kind: ModelKind,
    pub works: Vec<WorkRecord>,
    pub trigger: String,
    /// What the works have in common.
    #[serde(default)]
    pub learns: Learns,
    /// The preset last chosen; none once its values were changed by hand.
    pub preset: Option<Preset>,
    pub training: TrainingSettings,
    pub sample: SampleSettings,
    pub seed_locked: bool,
    pub adapters: Vec<AdapterRecord>,
    /// Number of the adapter in use.
    pub current: Option<u32>,
    /// Oldest first.
    pub pictures: Vec<PictureRecord>,
    /// The latest training run.
    pub run: Option<RunRecord>,
    #[serde(default)]
    pub gallery: GalleryDraft,
}

/// A model of the browser's library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRecord {
    /// Names it in the library.
    pub model: String,
    pub title: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkRecord {
    pub id: u32,
    /// The file's name as the artist gave it.
    pub name: String,
    pub caption: String,
    pub focus: f32,
    #[serde(default)]
    pub sample_set: Option<SampleSetRecord>,
}

/// Whose the sample works are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleSetRecord {
    pub id: String,
    pub title: String,
    pub author: String,
    pub licence: String,
    pub source: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdapterRecord {
    pub id: u32,
    pub info: AdapterInfo,
    pub file_name: String,
    /// The artist has it as a file.
    pub saved: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PictureRecord {
    pub id: u32,
    /// Pictures asked for together have the same.
    #[serde(default)]
    pub batch: u32,
    pub settings: SampleSettings,
    /// Which of the two sides there are.
    pub base: bool,
    pub hand: bool,
    #[serde(default)]
    pub favourite: bool,
    /// Whether it goes into the gallery; none where the artist has not said so.
    #[serde(default)]
    pub chosen: Option<bool>,
    #[serde(default)]
    pub note: Option<String>,
}

/// A training run, as far as it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    pub state: RunState,
    pub settings: TrainingSettings,
    /// Works as they were when it began, in the order of then.
    pub works: Vec<Work>,
    /// Number of the adapter it made, once there is one.
    pub adapter: Option<u32>,
    pub held_back: bool,
    /// Of the latest preview; see [`Event::Previewed`](atelier_protocol::Event::Previewed).
    #[serde(default)]
    pub nearness: Option<f32>,
    pub loss: LossRecord,
    pub previews: Vec<PreviewRecord>,
    pub seconds_per_step: Option<f32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It can go on from the checkpoint taken at this step.
    Paused {
        step: u32,
    },
    Ended {
        step: u32,
        outcome: Outcome,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LossRecord {
    pub steps: Vec<u32>,
    pub training: Vec<f32>,
    pub validation: Vec<(u32, f32)>,
}

/// Previews made after `step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewRecord {
    pub step: u32,
    pub pictures: u32,
    /// Whether the adapter that drew them is kept.
    #[serde(default)]
    pub adapter: bool,
}

pub fn work_file(id: u32) -> String {
    format!("works/{id}")
}

pub fn adapter_file(id: u32) -> String {
    format!("adapters/{id}.safetensors")
}

pub fn base_file(id: u32) -> String {
    format!("pictures/{id}-base.png")
}

pub fn hand_file(id: u32) -> String {
    format!("pictures/{id}.png")
}

pub fn preview_file(step: u32, picture: u32) -> String {
    format!("previews/{step}-{picture}.png")
}

/// The adapter that drew the previews after `step`.
pub fn preview_adapter_file(step: u32) -> String {
    format!("previews/{step}.safetensors")
}

pub fn checkpoint_file(step: u32) -> String {
    format!("checkpoints/{step}")
}

/// More of anything is no project of a person's.
const MOST: usize = 20_000;
const MOST_PREVIEWS: u32 = 64;
const NAME_CHARS: usize = 80;

impl Project {
    pub const VERSION: u32 = 1;

    /// Names of all files that belong to it.
    pub fn files(&self) -> Vec<String> {
        let works = self.works.iter().map(|w| work_file(w.id));
        let adapters = self.adapters.iter().map(|a| adapter_file(a.id));
        let base = self.pictures.iter().filter(|p| p.base);
        let hand = self.pictures.iter().filter(|p| p.hand);
        let pictures = base
            .map(|p| base_file(p.id))
            .chain(hand.map(|p| hand_file(p.id)));
        let mut files: Vec<String> = works.chain(adapters).chain(pictures).collect();
        if let Some(run) = &self.run {
            for row in &run.previews {
                files.extend((0..row.pictures).map(|i| preview_file(row.step, i)));
                files.extend(row.adapter.then(|| preview_adapter_file(row.step)));
            }
            if let RunState::Paused { step } = run.state {
                files.push(checkpoint_file(step));
            }
        }
        files
    }

    /// Reads a record as it was kept.
    ///
    /// # Errors
    /// [`ProjectError::Newer`], [`ProjectError::NoProject`], [`ProjectError::Damaged`].
    pub fn parse(json: &[u8]) -> Result<Project, ProjectError> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let Version { version } =
            serde_json::from_slice(json).map_err(|_| ProjectError::NoProject)?;
        if version > Self::VERSION {
            return Err(ProjectError::Newer);
        }
        let project: Project = serde_json::from_slice(json)
            .map_err(|_| ProjectError::Damaged { what: "its record" })?;
        project.checked()
    }

    /// The record, with words cut to what the page takes; refused where it contradicts itself.
    fn checked(mut self) -> Result<Project, ProjectError> {
        let damaged = |what| Err(ProjectError::Damaged { what });
        if self
            .works
            .len()
            .max(self.adapters.len())
            .max(self.pictures.len())
            > MOST
        {
            return damaged("its numbers");
        }
        if !are_names(self.works.iter().map(|w| w.id))
            || !are_names(self.adapters.iter().map(|a| a.id))
            || !are_names(self.pictures.iter().map(|p| p.id))
        {
            return damaged("two of its parts have one name");
        }
        cut(&mut self.name, NAME_CHARS);
        cut(&mut self.trigger, MAX_PROMPT_CHARS);
        let GalleryDraft { title, artist, .. } = &mut self.gallery;
        for text in [title, artist].into_iter().flatten() {
            cut(text, NAME_CHARS);
        }
        for work in &mut self.works {
            cut(&mut work.caption, MAX_PROMPT_CHARS);
            cut(&mut work.name, 255);
            if !(0.0..=1.0).contains(&work.focus) {
                work.focus = 0.5;
            }
        }
        let adapters: HashSet<u32> = self.adapters.iter().map(|a| a.id).collect();
        self.current = self.current.filter(|id| adapters.contains(id));
        if let Some(run) = &mut self.run {
            run.adapter = run.adapter.filter(|id| adapters.contains(id));
            let LossRecord {
                steps, training, ..
            } = &run.loss;
            let steps_run = run.previews.windows(2).all(|w| w[0].step < w[1].step);
            if steps.len() != training.len()
                || run.previews.len() > MOST
                || run.previews.iter().any(|p| p.pictures > MOST_PREVIEWS)
                || !steps_run
            {
                return damaged("its training run");
            }
        }
        Ok(self)
    }

    /// Takes out of the record what has no file, as after a crash between two writes. A run without
    /// its checkpoint has ended where it stood.
    pub fn keep_only(&mut self, present: impl Fn(&str) -> bool) {
        self.works.retain(|w| present(&work_file(w.id)));
        self.adapters.retain(|a| present(&adapter_file(a.id)));
        for picture in &mut self.pictures {
            picture.base &= present(&base_file(picture.id));
            picture.hand &= present(&hand_file(picture.id));
        }
        self.pictures.retain(|p| p.base || p.hand);
        let adapters: HashSet<u32> = self.adapters.iter().map(|a| a.id).collect();
        self.current = self.current.filter(|id| adapters.contains(id));
        if let Some(run) = &mut self.run {
            run.adapter = run.adapter.filter(|id| adapters.contains(id));
            run.previews
                .retain(|row| (0..row.pictures).all(|i| present(&preview_file(row.step, i))));
            for row in &mut run.previews {
                row.adapter &= present(&preview_adapter_file(row.step));
            }
            if let RunState::Paused { step } = run.state
                && !present(&checkpoint_file(step))
            {
                let outcome = Outcome::Failed;
                run.state = RunState::Ended { step, outcome };
            }
        }
    }
}

/// Whether no number comes twice, and there is room for more.
fn are_names(mut ids: impl Iterator<Item = u32>) -> bool {
    let mut seen = HashSet::new();
    ids.all(|id| id < u32::MAX / 2 && seen.insert(id))
}

fn cut(text: &mut String, chars: usize) {
    if let Some((end, _)) = text.char_indices().nth(chars) {
        text.truncate(end);
    }
}
