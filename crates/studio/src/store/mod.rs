//! All that the page knows, in one place.
//!
//! Components read these signals; only [`Store::apply`] (what the engine said) and
//! [`Studio`](crate::studio::Studio) (what the artist did) write them. Nothing in here touches the
//! browser, so transitions are tested natively.

mod apply;
mod gallery;
mod mask;
mod project;
mod shelf;
mod types;
mod wish;

pub use apply::FollowUp;
pub use gallery::*;
pub use mask::*;
pub use project::*;
pub use shelf::*;
pub use types::*;
pub use wish::*;

use std::collections::VecDeque;

use atelier_project::ModelRecord;
use atelier_protocol::{
    Adapter, Foretold, JobId, Learns, ModelInfo, ModelKind, Preset, SampleSettings,
    TrainingSettings,
};
use leptos::prelude::*;

use crate::{loss::LossCurve, meter::Meter, strings::t};

#[derive(Clone, Copy)]
pub struct Store {
    pub engine: RwSignal<EngineState>,
    pub gpu: RwSignal<Option<Adapter>>,
    /// The model that is asked of the engine, of the library's; none is the one that comes with the page.
    pub chosen: RwSignal<Option<ModelRecord>>,
    /// The model that is there.
    pub model: RwSignal<Option<ModelInfo>>,
    /// What a run with the present settings would take.
    pub foretold: RwSignal<Option<Foretold>>,
    /// The kind of model that the settings suit.
    pub kind: RwSignal<ModelKind>,
    /// Download, warm-up or preparation under way.
    pub meter: RwSignal<Option<Meter>>,
    pub activity: RwSignal<Activity>,
    /// The artist asked for a stop that has not come yet.
    pub stopping: RwSignal<bool>,
    pub notices: RwSignal<Vec<Notice>>,
    /// What a screen reader is told next.
    pub announcement: RwSignal<String>,

    pub works: RwSignal<Vec<Work>>,
    pub trigger: RwSignal<String>,
    /// What the works have in common.
    pub learns: RwSignal<Learns>,

    /// The preset last chosen; none once its values were changed by hand.
    pub preset: RwSignal<Option<Preset>>,
    pub training: RwSignal<TrainingSettings>,
    pub run: RwSignal<Option<Run>>,
    pub loss: RwSignal<LossCurve>,
    pub previews: RwSignal<Vec<PreviewRow>>,
    /// Measured in the latest run, for an estimate before the next.
    pub seconds_per_step: RwSignal<Option<f32>>,

    /// What the next picture is made with. The engine adds the adapter's trigger by itself.
    pub sample: RwSignal<SampleSettings>,
    /// Keep the seed from picture to picture.
    pub seed_locked: RwSignal<bool>,
    pub sampling: RwSignal<Option<SampleProgress>>,
    /// Pictures of this visit, oldest first.
    pub made: RwSignal<Vec<Made>>,
    pub shown: RwSignal<Option<JobId>>,

    /// Adapters of this visit, oldest first.
    pub shelf: RwSignal<Vec<Shelved>>,
    /// The one in use, by its place on the shelf.
    pub current: RwSignal<Option<usize>>,

    /// The artist's projects, and the one that is open.
    pub projects: RwSignal<Vec<ProjectEntry>>,
    pub project: RwSignal<Option<u32>>,
    pub project_name: RwSignal<String>,
    pub keeping: RwSignal<Keeping>,
    pub room: RwSignal<Option<Room>>,
    pub wish: RwSignal<Wish>,
    /// Of the picture to start from. Apart from the wish, for it changes with every move of the brush.
    pub mask: RwSignal<Mask>,
    /// Which picture of how many is under way.
    pub queue: RwSignal<(u32, u32)>,
    pub(crate) queued: StoredValue<VecDeque<SampleSettings>>,
    /// Show pairs one over the other, divided at so many percent.
    pub divided: RwSignal<bool>,
    pub divider: RwSignal<f64>,
    pub only_favourites: RwSignal<bool>,
    /// Pixels a side that pictures are saved with; 0: as many as they were made with.
    pub saved_side: RwSignal<u32>,
    /// Pictures that are made larger, with the names they will be saved under.
    pub(crate) enlarging: StoredValue<Vec<(JobId, String)>>,
    pub offered: RwSignal<Option<Offered>>,
    /// A link that the browser did not copy.
    pub link: RwSignal<Option<String>>,
    pub link_with_adapter: RwSignal<bool>,
    pub gallery: GalleryStore,
    /// Of the pictures under way; see [`Made`].
    pub(crate) batch: StoredValue<u32>,
    /// The artist paused the training to make a picture.
    pub(crate) make_when_paused: StoredValue<bool>,

    /// `SaveAdapter` and `LoadAdapter` requests not yet answered. The engine answers in order.
    pub(crate) files_awaited: StoredValue<VecDeque<FilePurpose>>,
    pub(crate) loads_awaited: StoredValue<VecDeque<AdapterLoad>>,
    last_announced: StoredValue<f64>,
    next_notice: StoredValue<u32>,
    next_job: StoredValue<u32>,
    next_work: StoredValue<u32>,
}

impl Default for Store {
    fn default() -> Self {
        let preset = Preset::Balanced;
        Self {
            engine: RwSignal::new(EngineState::Starting),
            gpu: RwSignal::new(None),
            chosen: RwSignal::new(None),
            model: RwSignal::new(None),
            foretold: RwSignal::new(None),
            kind: RwSignal::new(ModelKind::default()),
            meter: RwSignal::new(None),
            activity: RwSignal::new(Activity::Idle),
            stopping: RwSignal::new(false),
            notices: RwSignal::new(Vec::new()),
            announcement: RwSignal::new(String::new()),
            works: RwSignal::new(Vec::new()),
            trigger: RwSignal::new((t().trigger_default)(Learns::Style).to_owned()),
            learns: RwSignal::new(Learns::Style),
            preset: RwSignal::new(Some(preset)),
            training: RwSignal::new(TrainingSettings {
                preview_prompts: t()
                    .preview_prompts
                    .iter()
                    .map(|p| (*p).to_owned())
                    .collect(),
                ..preset.settings()
            }),
            run: RwSignal::new(None),
            loss: RwSignal::new(LossCurve::default()),
            previews: RwSignal::new(Vec::new()),
            seconds_per_step: RwSignal::new(None),
            sample: RwSignal::new(SampleSettings::default()),
            seed_locked: RwSignal::new(false),
            sampling: RwSignal::new(None),
            made: RwSignal::new(Vec::new()),
            shown: RwSignal::new(None),
            shelf: RwSignal::new(Vec::new()),
            current: RwSignal::new(None),
            projects: RwSignal::new(Vec::new()),
            project: RwSignal::new(None),
            project_name: RwSignal::new(String::new()),
            keeping: RwSignal::new(Keeping::Opening),
            room: RwSignal::new(None),
            wish: RwSignal::new(Wish::default()),
            mask: RwSignal::new(Mask::default()),
            queue: RwSignal::new((0, 0)),
            queued: StoredValue::new(VecDeque::new()),
            divided: RwSignal::new(false),
            divider: RwSignal::new(50.0),
            only_favourites: RwSignal::new(false),
            saved_side: RwSignal::new(0),
            enlarging: StoredValue::new(Vec::new()),
            offered: RwSignal::new(None),
            link: RwSignal::new(None),
            link_with_adapter: RwSignal::new(false),
            gallery: GalleryStore::default(),
            batch: StoredValue::new(0),
            make_when_paused: StoredValue::new(false),
            files_awaited: StoredValue::new(VecDeque::new()),
            loads_awaited: StoredValue::new(VecDeque::new()),
            last_announced: StoredValue::new(f64::NEG_INFINITY),
            next_notice: StoredValue::new(0),
            next_job: StoredValue::new(0),
            next_work: StoredValue::new(0),
        }
    }
}

impl Store {
    /// Shows a sentence at `place` until it is dismissed or the place is used again.
    pub fn notify(&self, place: Place, tone: Tone, text: impl Into<String>) {
        let text = text.into();
        let id = count_up(self.next_notice);
        self.announcement.set(text.clone());
        self.notices.update(|notices| {
            notices.retain(|n| n.place != place || n.text != text);
            notices.push(Notice {
                id,
                place,
                tone,
                text,
            });
        });
    }

    pub fn dismiss(&self, id: u32) {
        self.notices
            .update(|notices| notices.retain(|n| n.id != id));
    }

    pub fn clear_notices(&self, place: Place) {
        if self
            .notices
            .with_untracked(|n| n.iter().any(|n| n.place == place))
        {
            self.notices
                .update(|notices| notices.retain(|n| n.place != place));
        }
    }

    pub fn new_job(&self) -> JobId {
        JobId(count_up(self.next_job))
    }

    pub fn new_work_id(&self) -> atelier_protocol::WorkId {
        atelier_protocol::WorkId(count_up(self.next_work))
    }

    pub fn is_idle(&self) -> bool {
        self.activity.get() == Activity::Idle
    }

    pub fn is_training(&self) -> bool {
        matches!(self.activity.get(), Activity::Training(_))
    }

    pub fn is_sampling(&self) -> bool {
        matches!(self.activity.get(), Activity::Sampling(_))
    }

    /// The adapter in use.
    pub fn adapter(&self) -> Option<atelier_protocol::AdapterInfo> {
        let current = self.current.get()?;
        self.shelf
            .with(|shelf| shelf.get(current).map(|s| s.info.clone()))
    }

    /// Whether this browser and machine will do, as far as is known.
    pub fn is_usable(&self) -> bool {
        !matches!(self.engine.get(), EngineState::Unsupported(_))
    }

    /// Whether leaving the page would lose something.
    pub fn would_lose(&self) -> bool {
        let unsaved = self
            .shelf
            .with_untracked(|shelf| shelf.iter().any(|s| !s.saved));
        matches!(self.activity.get_untracked(), Activity::Training(_))
            || unsaved && self.keeping.get_untracked() != Keeping::Kept
    }

    /// What stands between the artist and a training run.
    pub fn train_gate(&self) -> TrainGate {
        let (works, pending) = self.works.with(|works| {
            let pending = works
                .iter()
                .filter(|w| w.state.get() != WorkState::Accepted);
            (works.len(), pending.count())
        });
        match self.activity.get() {
            Activity::Training(_) => return TrainGate::Training,
            Activity::Sampling(_) => return TrainGate::Sampling,
            Activity::Idle => {}
        }
        match self.engine.get() {
            _ if works == 0 => TrainGate::NoWorks,
            EngineState::Lost(_) => TrainGate::Stopped,
            EngineState::ModelFailed(_) => TrainGate::NoModel,
            EngineState::Ready if pending > 0 => TrainGate::Reading,
            EngineState::Ready => TrainGate::Open,
            EngineState::Starting | EngineState::Loading | EngineState::Unsupported(_) => {
                TrainGate::NotReady
            }
        }
    }
}

fn count_up(counter: StoredValue<u32>) -> u32 {
    counter.update_value(|n| *n += 1);
    counter.get_value()
}
