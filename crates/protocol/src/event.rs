use serde::{Deserialize, Serialize};

use crate::{Buffer, JobId, ModelKind, Pixels, SampleSettings, WorkId};

/// What the engine tells the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The adapter will do.
    Ready(Adapter),
    /// It will not; `message` says what is missing and what to do, in a sentence or two.
    Unsupported {
        message: String,
    },
    /// So many known answers were right, and none was wrong.
    Checked {
        answers: u32,
    },
    /// Something that takes time goes on. `total` 0: not known yet.
    Progress {
        stage: Stage,
        done: u64,
        total: u64,
    },
    ModelLoaded(ModelInfo),
    /// The work was read. `thumbnail` is upright, alpha kept, at most 256 on the longer side.
    WorkAdded {
        id: WorkId,
        width: u32,
        height: u32,
        thumbnail: Pixels,
    },
    /// It was not; `message` says why and what to do.
    WorkRefused {
        id: WorkId,
        message: String,
    },
    /// Work that is repeated was recorded. Replays equal the eager run bit for bit, or there are none
    /// and `replay_seconds` is left out. For benches, tests and the curious.
    Recorded {
        what: Recording,
        eager_seconds: f32,
        replay_seconds: Option<f32>,
        /// Of these, how long the processor took to hand the work over.
        eager_launch_seconds: f32,
        replay_launch_seconds: Option<f32>,
    },
    /// One training step is done. `seconds_left` counts the validations and previews still to come.
    Trained {
        job: JobId,
        step: u32,
        steps: u32,
        loss: f32,
        seconds_per_step: f32,
        seconds_left: f32,
    },
    /// Loss at fixed noise and timesteps on the works held back (on all, when there are too few to
    /// hold any back: `held_back` says which). Comes at step 0 too.
    Validated {
        job: JobId,
        step: u32,
        loss: f32,
        held_back: bool,
    },
    /// Previews at fixed seeds, one for each preview prompt. Comes at step 0 (the base) too.
    Previewed {
        job: JobId,
        step: u32,
        pictures: Vec<Pixels>,
        /// The adapter that drew them, as a file; none before training.
        adapter: Option<Buffer>,
        /// How near the one nearest to a work comes to it: 1 as near as works come to each other, near 0 for a copy. None
        /// where there are too few works to tell.
        nearness: Option<f32>,
    },
    /// The loss was not a number; training went back to `step` and goes on more slowly, or ended.
    WentBack {
        job: JobId,
        step: u32,
        message: String,
    },
    /// All that is needed to go on from `step` (see [`Request::Train`](crate::Request::Train)). Comes
    /// every `checkpoint_every` steps, after that step's `Trained`, and always before the
    /// `TrainingEnded` of a stopped run that has done a step. Each makes those before it useless.
    Checkpoint {
        job: JobId,
        step: u32,
        bytes: Buffer,
    },
    TrainingEnded {
        job: JobId,
        outcome: Outcome,
        steps_done: u32,
        /// The present adapter, after this.
        adapter: Option<AdapterInfo>,
    },
    /// Steps count over both pictures where the base is made beside the adapter's.
    SampleStep {
        job: JobId,
        step: u32,
        steps: u32,
    },
    Picture {
        job: JobId,
        /// Whether the adapter took part.
        with_adapter: bool,
        pixels: Pixels,
        /// The same as a PNG file, with the recipe in it.
        png: Buffer,
        settings: SampleSettings,
        /// Something the artist should know, such as a prompt that was cut.
        note: Option<String>,
    },
    /// Sampling was stopped before it ended.
    SampleStopped {
        job: JobId,
    },
    /// A picture made larger, as a PNG file.
    Enlarged {
        job: JobId,
        png: Buffer,
    },
    AdapterFile {
        file_name: String,
        bytes: Buffer,
        /// What other tools make of it; none where the model is not one of theirs.
        tools: Vec<ToolVerdict>,
    },
    AdapterLoaded(AdapterInfo),
    /// What a run with the settings that were asked about will take.
    Foretold(Foretold),
    /// A request could not be carried out; nothing else has changed. `message` says what to do.
    Failed {
        request: String,
        job: Option<JobId>,
        message: String,
    },
    /// The GPU went away. The worker must be started anew; `message` says so to the artist.
    DeviceLost {
        message: String,
        /// What it was asked for was more than it has room for.
        out_of_memory: bool,
    },
}

/// The GPU as the browser names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adapter {
    pub name: String,
    /// A software adapter: everything works, slowly. The page says so.
    pub software: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Bytes of weights fetched.
    Download,
    /// Kernels recorded and compiled.
    Warmup,
    /// Works encoded to latents and captions to embeddings.
    Prepare,
}

/// What is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recording {
    TrainingStep,
    SamplerStep,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    pub name: String,
    /// Side of its pictures in pixels.
    pub resolution: u32,
    /// Parameters of the denoiser.
    pub parameters: u64,
    #[serde(default)]
    pub kind: ModelKind,
    /// SHA-256 of the denoiser's tensor bytes as they lie in its file, in hexadecimal; names the
    /// model in links and recipes. Empty: not known.
    #[serde(default)]
    pub hash: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Finished,
    Stopped,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdapterInfo {
    pub title: String,
    pub trigger: String,
    pub rank: u32,
    /// Trainable values in it.
    pub parameters: u64,
    pub steps: u32,
    /// SHA-256 of its tensor bytes as they lie in its file, in hexadecimal, so that another title
    /// leaves it the same. Empty: not known.
    #[serde(default)]
    pub hash: String,
}

/// What a run will take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Foretold {
    /// Of GPU memory, at most.
    pub bytes: u64,
    /// From the first step to the last, with the pictures that the model draws itself before; none as long as nothing was
    /// computed on this graphics card.
    pub seconds: Option<f64>,
}

/// What another tool does with an adapter's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolVerdict {
    /// As it is called.
    pub tool: String,
    /// Why it does not load all of it, or any; none where it does.
    pub problem: Option<String>,
}
