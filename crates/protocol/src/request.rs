use serde::{Deserialize, Serialize};

use crate::{Buffer, JobId, SampleSettings, TrainingSettings, WorkId};

/// What the page asks of the engine. Requests are taken in the order in which they come; `Stop`
/// alone overtakes, and is heeded within one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// First message: look at the adapter and its limits, then answer
    /// [`Event::Ready`](crate::Event::Ready) or [`Event::Unsupported`](crate::Event::Unsupported).
    /// `site` is the page's folder (ends in `/`), which a worker from a blob does not know.
    Start { site: String },
    /// Compute everything that the kernels are known to answer, which takes a minute on a software adapter; at the
    /// start a few of them are asked for. For tests, and for the curious. Answered by
    /// [`Event::Checked`](crate::Event::Checked) or `Failed`.
    Check,
    /// Load a model, in place of the one that is there.
    /// Answered by `Progress` and then [`Event::ModelLoaded`](crate::Event::ModelLoaded).
    LoadModel { source: ModelSource },
    /// Take in a work: `bytes` is the file as the artist gave it.
    /// Answered by [`Event::WorkAdded`](crate::Event::WorkAdded) or
    /// [`Event::WorkRefused`](crate::Event::WorkRefused).
    AddWork {
        id: WorkId,
        name: String,
        bytes: Buffer,
    },
    /// Forget a work.
    RemoveWork { id: WorkId },
    /// Train a new adapter on `works`. It takes the place of the present one when it ends with at
    /// least one step done. Answered by `Progress` (preparing), `Trained` each step, `Validated`,
    /// `Previewed`, [`Event::Checkpoint`](crate::Event::Checkpoint), and at last
    /// [`Event::TrainingEnded`](crate::Event::TrainingEnded).
    ///
    /// With a `checkpoint` the run goes on where that one was taken, and ends with the bytes it would
    /// have ended with unbroken: every step is determined by the seed and its number. Works (their
    /// order too) and settings must be those of then; where they are not, or the bytes are no
    /// checkpoint of this model, the answer is `Failed` and nothing has changed. Neither validation
    /// nor previews of the checkpoint's own step come again.
    Train {
        job: JobId,
        works: Vec<Work>,
        settings: TrainingSettings,
        #[serde(default)]
        checkpoint: Option<Buffer>,
        /// Steps from one checkpoint to the next; 0 for none but the one at a stop.
        #[serde(default)]
        checkpoint_every: u32,
    },
    /// Stop the training or sampling under way, keeping what it has. A training run hands out a
    /// checkpoint before it ends, so that this is also how it is paused.
    Stop,
    /// Make a picture. Answered by `SampleStep` and then [`Event::Picture`](crate::Event::Picture),
    /// twice where `settings.compare` asks for the base beside it.
    ///
    /// `image` is the file of a picture to start from instead of from noise (image-to-image); it is
    /// cropped to the middle square and scaled. `settings.image_strength` says how much of it is
    /// made anew. `mask`, beside an image, is a picture of which part of that square is made anew at
    /// all: the light one, and what is dark stays as it is (inpainting). Files that cannot be read are
    /// answered by `Failed`.
    Sample {
        job: JobId,
        settings: SampleSettings,
        #[serde(default)]
        image: Option<Buffer>,
        #[serde(default)]
        mask: Option<Buffer>,
    },
    /// Make a picture larger to save it: `png` as one of at least `side` pixels a side (at most 2,048), with its
    /// recipe. Answered by [`Event::Enlarged`](crate::Event::Enlarged) or `Failed`.
    Enlarge { job: JobId, side: u32, png: Buffer },
    /// Hand out the present adapter as a file. Answered by
    /// [`Event::AdapterFile`](crate::Event::AdapterFile).
    SaveAdapter { label: Label },
    /// Read an adapter file and make it the present one. Answered by
    /// [`Event::AdapterLoaded`](crate::Event::AdapterLoaded) or `Failed`; on failure the present
    /// one stays.
    LoadAdapter { name: String, bytes: Buffer },
    /// Let go of what was made of works and is kept for the next run on them. Answered by nothing.
    ForgetWorks,
    /// Say how much memory and time a run would take. Answered by [`Event::Foretold`](crate::Event::Foretold).
    Foretell { settings: TrainingSettings },
    /// Read adapter files and make all of them together, each at its strength, the present one. Answered as
    /// [`Request::LoadAdapter`] is.
    MixAdapters {
        title: String,
        parts: Vec<(Buffer, f32)>,
    },
}

/// What an adapter's file says of itself beside what was learned. Captions and the works' file names are never in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    pub title: String,
    /// Empty leaves what it says already.
    pub author: String,
    /// What others may do with it; empty as above.
    pub license: String,
}

impl From<&str> for Label {
    /// With this title.
    fn from(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            ..Self::default()
        }
    }
}

/// Where a model is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelSource {
    /// A diffusers folder by its address, which ends in `/`.
    Site { url: String },
    /// A model in this browser's library, by its [`LibraryModel::model`](crate::LibraryModel).
    Library { model: String },
}

/// A work as it goes into training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    pub id: WorkId,
    /// What is on it, in plain words; empty is allowed.
    pub caption: String,
    /// Which part the square crop keeps: 0 left/top, 0.5 middle, 1 right/bottom, along the longer side.
    pub focus: f32,
}
