//! The kinds of thing the page keeps.

use std::sync::Arc;

use atelier_protocol::{JobId, Outcome, Pixels, SampleSettings, TrainingSettings, WorkId};
use leptos::prelude::*;

use crate::pace::Pace;

/// What came with a message, one for each transferred buffer.
pub type Bytes = Arc<[u8]>;

/// The engine's life, as far as the page is concerned.
#[derive(Clone, Debug, PartialEq)]
pub enum EngineState {
    /// The worker is starting and looks at the GPU.
    Starting,
    /// The model is on its way.
    Loading,
    Ready,
    /// This browser or machine will not do; the engine's words on why.
    Unsupported(String),
    /// The model could not be loaded; trying again may help.
    ModelFailed(String),
    /// The GPU or the worker went away; a restart helps.
    Lost(String),
}

/// What the engine is busy with on the artist's behalf. One thing at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activity {
    Idle,
    Training(JobId),
    Sampling(JobId),
}

/// What stands between the artist and a training run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TrainGate {
    Open,
    NoWorks,
    NotReady,
    /// The model could not be loaded; the button tries again.
    NoModel,
    /// The engine went away; the button starts it again.
    Stopped,
    Reading,
    Training,
    Sampling,
}

/// 8-bit RGBA, rows from the top.
#[derive(Clone, PartialEq)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub rgba: Bytes,
}

impl Picture {
    /// None where the buffer is missing or of another size than it says.
    pub fn from_pixels(pixels: Pixels, buffers: &[Bytes]) -> Option<Self> {
        let rgba = buffers.get(pixels.rgba.0)?.clone();
        let bytes = 4 * pixels.width as usize * pixels.height as usize;
        (bytes > 0 && rgba.len() == bytes).then_some(Self {
            width: pixels.width,
            height: pixels.height,
            rgba,
        })
    }
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({} x {})", self.width, self.height)
    }
}

/// One of the artist's works. Its bytes stay with [`Studio`](crate::studio::Studio).
#[derive(Clone)]
pub struct Work {
    pub id: WorkId,
    pub name: String,
    /// The file as the browser shows it, until the engine has read it.
    pub url: Option<String>,
    pub caption: ArcRwSignal<String>,
    /// Part kept by the square crop, along the longer side: 0 left/top to 1 right/bottom.
    pub focus: ArcRwSignal<f32>,
    pub state: ArcRwSignal<WorkState>,
    pub seen: ArcRwSignal<Option<Seen>>,
    /// The sample set it belongs to.
    pub sample_set: Option<Arc<SampleSet>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkState {
    /// Not with the engine yet.
    Waiting,
    /// Sent, not answered.
    Reading,
    Accepted,
}

/// A work as the engine read it; the size is the whole work's.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub width: u32,
    pub height: u32,
    pub thumbnail: Picture,
}

/// Works to try with, and whose they are.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub struct SampleSet {
    pub id: String,
    pub title: String,
    pub author: String,
    pub licence: String,
    pub source: String,
    pub works: Vec<SampleWork>,
    /// What the page drew once it had learned from them (`tests/e2e/pictures.mjs` makes them).
    #[serde(default)]
    pub drawn: Vec<DrawnPicture>,
}

/// A picture of the finished example, and what it was asked for.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub struct DrawnPicture {
    pub file: String,
    pub prompt: String,
    pub seed: u64,
}

#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub struct SampleWork {
    pub file: String,
    #[serde(default)]
    pub caption: String,
}

/// Where on the page a notice belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Page,
    Works,
    Train,
    Make,
    Adapter,
    Project,
    Publish,
    Models,
}

impl Place {
    /// The place of a failed request, by its name in the protocol.
    pub fn of_request(request: &str) -> Self {
        match request {
            "add_work" | "remove_work" => Place::Works,
            "train" => Place::Train,
            "sample" | "enlarge" => Place::Make,
            "save_adapter" | "load_adapter" | "mix_adapters" => Place::Adapter,
            _ => Place::Page,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Good to know.
    Calm,
    /// Something the artist wanted did not happen.
    Wrong,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub id: u32,
    pub place: Place,
    pub tone: Tone,
    pub text: String,
}

/// A training run, under way or over.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub job: JobId,
    pub step: u32,
    pub steps: u32,
    pub seconds_left: Option<f32>,
    /// Whether the validation loss is of works held back.
    pub held_back: bool,
    /// Of the latest preview that is nearest to a work.
    pub nearness: Option<f32>,
    pub preview_prompts: Vec<String>,
    pub outcome: Option<Outcome>,
    /// What it was asked for: with these, and no others, it can go on.
    pub settings: TrainingSettings,
    pub works: Vec<atelier_protocol::Work>,
    /// The latest checkpoint; none before the first, and once the run is finished.
    pub checkpoint: Option<Checkpoint>,
    /// Number of the adapter on the shelf that it made, once there is one.
    pub adapter: Option<u32>,
    pub pace: Pace,
}

/// Nearer to a work than this is a copy of it (docs/STYLEBENCH.md, "Copying").
const COPY: f32 = 0.5;

impl Run {
    pub fn new(job: JobId, settings: TrainingSettings, works: Vec<atelier_protocol::Work>) -> Self {
        Self {
            job,
            step: 0,
            steps: settings.steps,
            seconds_left: None,
            held_back: false,
            nearness: None,
            preview_prompts: settings.preview_prompts.clone(),
            outcome: None,
            settings,
            works,
            checkpoint: None,
            adapter: None,
            pace: Pace::default(),
        }
    }

    /// Whether a preview has come so near to a work that it is a copy.
    pub fn copies(&self) -> bool {
        self.nearness.is_some_and(|nearness| nearness < COPY)
    }

    /// Whether it stands still and can go on.
    pub fn is_paused(&self) -> bool {
        self.outcome == Some(Outcome::Stopped) && self.checkpoint.is_some()
    }
}

/// What training goes on from.
#[derive(Clone, PartialEq)]
pub struct Checkpoint {
    pub step: u32,
    pub bytes: Bytes,
}

impl std::fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Checkpoint(step {})", self.step)
    }
}

/// Previews after `step`, one for each preview prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviewRow {
    pub step: u32,
    pub pictures: Vec<Picture>,
    /// The adapter that drew them, as a file; none before training.
    pub adapter: Option<Bytes>,
}

/// How far a picture, or a pair, has come. Steps are those of the whole job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleProgress {
    pub job: JobId,
    /// Pictures asked for, and those that are there.
    awaited: u32,
    got: u32,
    pub step: u32,
    pub steps: u32,
    /// Time (ms on the page's clock) and step of the first report.
    began: Option<(f64, u32)>,
    now: f64,
}

impl SampleProgress {
    pub fn new(job: JobId, awaited: u32) -> Self {
        Self {
            job,
            awaited,
            got: 0,
            step: 0,
            steps: 0,
            began: None,
            now: 0.0,
        }
    }

    pub fn stepped(mut self, step: u32, steps: u32, now: f64) -> Self {
        (self.step, self.steps, self.now) = (step, steps, now);
        self.began = self.began.or(Some((now, step)));
        self
    }

    pub fn arrived(mut self) -> Self {
        self.got += 1;
        self
    }

    pub fn is_over(&self) -> bool {
        self.got >= self.awaited
    }

    /// Between 0 and 1.
    pub fn fraction(&self) -> f64 {
        (f64::from(self.step) / f64::from(self.steps.max(1))).min(1.0)
    }

    /// At the pace since the first step. None within the first second.
    pub fn seconds_left(&self) -> Option<f64> {
        let (began, first) = self.began?;
        let seconds = (self.now - began) / 1e3;
        let done = self.step.checked_sub(first).filter(|done| *done > 0)?;
        let left = self.steps.saturating_sub(self.step);
        (seconds >= 1.0).then(|| f64::from(left) * seconds / f64::from(done))
    }
}

/// A picture, or a pair at the same seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    pub job: JobId,
    /// Pictures asked for together have the same.
    pub batch: u32,
    pub settings: SampleSettings,
    pub base: Option<Shot>,
    pub adapter: Option<Shot>,
    pub note: Option<String>,
    pub favourite: bool,
}

/// A recipe from outside, before the artist has said what to do with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Offered {
    pub recipe: atelier_link::Recipe,
    /// The adapter that came in the link.
    pub adapter: Option<Bytes>,
    /// Name of the picture's file it came in.
    pub file: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Shot {
    pub picture: Picture,
    /// The PNG file, recipe included.
    pub png: Bytes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_over_with_its_second_picture() {
        let progress = SampleProgress::new(JobId(1), 2).stepped(1, 20, 0.0);
        let progress = progress.stepped(10, 20, 9_000.0).arrived();
        assert_eq!(progress.fraction(), 0.5);
        // Nine steps took 9 s, ten are left.
        assert_eq!(progress.seconds_left(), Some(10.0));
        assert!(!progress.is_over() && progress.arrived().is_over());
    }

    #[test]
    fn pixels_must_match_their_buffer() {
        let pixels = Pixels {
            width: 2,
            height: 2,
            rgba: atelier_protocol::Buffer(0),
        };
        let right: Bytes = vec![0; 16].into();
        let short: Bytes = vec![0; 15].into();
        assert!(Picture::from_pixels(pixels, &[right]).is_some());
        assert!(Picture::from_pixels(pixels, &[short]).is_none());
        assert!(Picture::from_pixels(pixels, &[]).is_none());
    }
}
