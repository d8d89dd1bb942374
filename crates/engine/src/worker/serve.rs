//! Carries out requests.

use std::{cell::RefCell, collections::HashMap, future::poll_fn, rc::Rc, task::Poll};

use atelier_kernels::{Extent, Timing, known_answers};
use atelier_library::browser::{Drawer, Kept};
use atelier_pictures::{Picture, decode};
use atelier_protocol::{
    AdapterInfo, Event, JobId, Label, ModelInfo, ModelKind, ModelSource, Outcome, Recording,
    Request, SampleSettings, Stage, ToolVerdict, TrainingSettings, Work, WorkId,
};
use atelier_weights::{Header, Limits, check_loaders};
use burn::tensor::Device;
use web_sys::DedicatedWorkerGlobalScope;

use super::{
    channel::{Buffers, Inbox, Outgoing},
    fetch::Site,
    gpu::{self, Fault, Faults},
    kept::{KeptWorks, checkpoint},
};
use crate::{
    enlarge::Enlarger,
    error::EngineError,
    merges::clip_merges,
    pipeline::Pipeline,
    recipe,
    session::{Given, Present, Resume, Session, TrainingEnd, TrainingEvent},
    source::Source,
    works::WorkInput,
};

/// The network that enlarges.
const UPSCALER: &str = "models/upscaler/";
/// What single-file models come without.
const CLIP: &str = "models/clip/";
const MERGES_LIMIT: u64 = 4 << 20;
/// Side of a work's thumbnail.
const THUMBNAIL: u32 = 256;

/// Everything the worker holds.
pub struct Server {
    scope: DedicatedWorkerGlobalScope,
    /// The page's folder.
    site: String,
    inbox: Rc<RefCell<Inbox>>,
    gpu: Option<(Device, Faults)>,
    session: Option<Session>,
    works: HashMap<WorkId, Picture>,
    enlarger: Option<Enlarger>,
}

impl Server {
    pub fn new(scope: DedicatedWorkerGlobalScope, inbox: Rc<RefCell<Inbox>>) -> Self {
        Self {
            scope,
            site: String::new(),
            inbox,
            gpu: None,
            session: None,
            works: HashMap::new(),
            enlarger: None,
        }
    }

    /// Serves until the worker is ended or the GPU has failed.
    pub async fn run(mut self) {
        while let Some((request, buffers)) = self.next().await {
            self.inbox.borrow().stop_flag().set(false);
            let (name, job) = describe(&request);
            let result = self.serve(request, buffers).await;
            // A fault says more than the error that came of it.
            if let (Err(error), None) = (result, self.fault()) {
                let message = error.to_string();
                self.send(&Event::Failed {
                    request: name.into(),
                    job,
                    message,
                });
            }
        }
        if let Some(Fault {
            message,
            out_of_memory,
        }) = self.fault()
        {
            self.send(&Event::DeviceLost {
                message,
                out_of_memory,
            });
        }
    }

    /// The next request; none once the GPU has failed, which makes every later result suspect.
    async fn next(&self) -> Option<(Request, Buffers)> {
        poll_fn(|context| {
            if let Some((_, faults)) = &self.gpu
                && faults.poll(context).is_ready()
            {
                return Poll::Ready(None);
            }
            self.inbox.borrow_mut().poll_next(context).map(Some)
        })
        .await
    }

    fn fault(&self) -> Option<Fault> {
        self.gpu.as_ref().and_then(|(_, faults)| faults.first())
    }

    async fn serve(&mut self, request: Request, buffers: Buffers) -> Result<(), EngineError> {
        match request {
            Request::Start { site } => {
                self.site = site;
                self.start().await;
            }
            Request::Check => return self.check().await,
            Request::LoadModel { source } => {
                return match source {
                    ModelSource::Site { url } => {
                        let scope = self.scope.clone();
                        self.load_model(&Site { scope, url }, None).await
                    }
                    ModelSource::Library { model } => {
                        let kept = Kept::open(&model).await?;
                        self.load_model(&kept, checkpoint(&kept)).await
                    }
                };
            }
            Request::AddWork { id, bytes, .. } => self.add_work(id, &buffers.bytes(bytes)),
            Request::RemoveWork { id } => {
                self.works.remove(&id);
            }
            Request::Train {
                job,
                works,
                settings,
                checkpoint,
                checkpoint_every,
            } => {
                let checkpoint = checkpoint.map(|buffer| buffers.bytes(buffer));
                let resume = Resume {
                    checkpoint: checkpoint.as_deref(),
                    every: checkpoint_every,
                };
                return self.train(job, &works, &settings, resume).await;
            }
            // Heard where messages come in.
            Request::Stop => {}
            Request::Sample {
                job,
                settings,
                image,
                mask,
            } => {
                let read = |buffer| decode(&buffers.bytes(buffer));
                let mask = mask.map(read).transpose()?;
                let given = image.map(read).transpose()?;
                let given = given.map(|image| Given { image, mask });
                return self.sample(job, &settings, given).await;
            }
            Request::Enlarge { job, side, png } => {
                return self.enlarge(job, side, &buffers.bytes(png)).await;
            }
            Request::SaveAdapter { label } => return self.save_adapter(label),
            Request::LoadAdapter { name, bytes } => {
                return self.load_adapter(&name, &buffers.bytes(bytes));
            }
            Request::Foretell { settings } => {
                let session = self.session.as_mut().ok_or(EngineError::NoModel)?;
                let foretold = session.foretell(&settings).await;
                self.send(&Event::Foretold(foretold));
            }
            // Where it cannot be let go, there is no place to keep anything.
            Request::ForgetWorks => drop(Drawer::empty().await),
            Request::MixAdapters { title, parts } => {
                let parts: Vec<_> = parts
                    .into_iter()
                    .map(|(bytes, strength)| (buffers.bytes(bytes), strength))
                    .collect();
                return self.mix_adapters(&title, &parts);
            }
        }
        Ok(())
    }

    fn send(&self, event: &Event) {
        Outgoing::default().send(&self.scope, event);
    }

    async fn start(&mut self) {
        match gpu::open().await {
            Ok((device, adapter, faults)) => {
                self.send(&warm_up());
                let answers = known_answers(&device, Extent::Quick).await;
                self.gpu = Some((device, faults));
                match answers {
                    Ok(_) => self.send(&Event::Ready(adapter)),
                    Err(error) => self.send(&Event::Unsupported {
                        message: error.to_string(),
                    }),
                }
            }
            Err(message) => self.send(&Event::Unsupported { message }),
        }
    }

    async fn check(&self) -> Result<(), EngineError> {
        let (device, _) = self.gpu.as_ref().ok_or(EngineError::NoModel)?;
        let answers = known_answers(device, Extent::Full).await?;
        self.send(&Event::Checked {
            answers: answers as u32,
        });
        Ok(())
    }

    /// A folder of the page's own.
    fn beside(&self, folder: &str) -> Site {
        Site {
            scope: self.scope.clone(),
            url: format!("{}{folder}", self.site),
        }
    }

    /// Loads a diffusers folder, or the single file `checkpoint` of `source`.
    async fn load_model(
        &mut self,
        source: &impl Source,
        checkpoint: Option<&str>,
    ) -> Result<(), EngineError> {
        let (device, _) = self.gpu.as_ref().ok_or(EngineError::NoModel)?;
        let scope = self.scope.clone();
        let progress = move |done, total| {
            let stage = Stage::Download;
            Outgoing::default().send(&scope, &Event::Progress { stage, done, total });
        };
        let pipeline = match checkpoint {
            None => Pipeline::load(source, device, progress).await?,
            Some(path) => {
                let merges = self
                    .beside(CLIP)
                    .read("merges.txt.gz", MERGES_LIMIT)
                    .await?;
                let merges = clip_merges(&merges)?;
                Pipeline::load_checkpoint(source, path, &merges, device, progress).await?
            }
        };
        let info = ModelInfo {
            name: pipeline.name.clone(),
            resolution: pipeline.resolution() as u32,
            parameters: pipeline.parameters,
            kind: pipeline.kind(),
            hash: pipeline.hash.clone(),
        };
        // Where it cannot be tidied, nothing can be kept either.
        let _ = Drawer::tidy().await;
        let keep = Rc::new(KeptWorks);
        self.session = Some(Session::new(device.clone(), pipeline).keeping(keep));
        self.send(&Event::ModelLoaded(info));
        Ok(())
    }

    fn add_work(&mut self, id: WorkId, bytes: &[u8]) {
        match decode(bytes) {
            Ok(picture) => {
                let thumbnail = picture.thumbnail(THUMBNAIL);
                let mut out = Outgoing::default();
                let event = Event::WorkAdded {
                    id,
                    width: picture.width(),
                    height: picture.height(),
                    thumbnail: out.attach_rgba(
                        thumbnail.width(),
                        thumbnail.height(),
                        thumbnail.rgba(),
                    ),
                };
                self.works.insert(id, picture);
                out.send(&self.scope, &event);
            }
            Err(error) => self.send(&Event::WorkRefused {
                id,
                message: error.to_string(),
            }),
        }
    }

    async fn train(
        &mut self,
        job: JobId,
        works: &[Work],
        settings: &TrainingSettings,
        resume: Resume<'_>,
    ) -> Result<(), EngineError> {
        let mut inputs = Vec::with_capacity(works.len());
        for work in works {
            inputs.push(WorkInput {
                picture: self.works.get(&work.id).ok_or(EngineError::NoSuchWork)?,
                caption: &work.caption,
                focus: work.focus,
            });
        }
        let session = self.session.as_mut().ok_or(EngineError::NoModel)?;
        let stop = self.inbox.borrow().stop_flag();
        let scope = self.scope.clone();
        let mut steps_done = 0;
        let result = session
            .train(
                &inputs,
                settings,
                resume,
                || stop.get(),
                |event| {
                    match &event {
                        TrainingEvent::Stepped { report, .. } => steps_done = report.step,
                        TrainingEvent::Checkpoint { step, .. } => steps_done = *step,
                        _ => {}
                    }
                    tell(&scope, job, settings.steps, event);
                },
            )
            .await;
        let adapter = session.adapter().map(|present| info(present, ""));
        let (outcome, error) = match result {
            Ok(TrainingEnd::Finished) => (Outcome::Finished, None),
            Ok(TrainingEnd::Stopped) => (Outcome::Stopped, None),
            Ok(TrainingEnd::Diverged) => (Outcome::Failed, None),
            Err(error) => (Outcome::Failed, Some(error)),
        };
        self.send(&Event::TrainingEnded {
            job,
            outcome,
            steps_done,
            adapter,
        });
        error.map_or(Ok(()), Err)
    }

    async fn sample(
        &mut self,
        job: JobId,
        settings: &SampleSettings,
        given: Option<Given>,
    ) -> Result<(), EngineError> {
        let session = self.session.as_mut().ok_or(EngineError::NoModel)?;
        let stop = self.inbox.borrow().stop_flag();
        let cold = !session.is_warm();
        if cold {
            Outgoing::default().send(&self.scope, &warm_up());
        }
        let has_adapter = session.adapter().is_some();
        // The adapter's picture first: it is the one that is waited for.
        let both = [has_adapter, false];
        let pictures = match has_adapter && settings.compare {
            true => &both[..],
            false => &both[..1],
        };
        let count = pictures.len() as u32;
        for (i, &with_adapter) in pictures.iter().enumerate() {
            let scope = self.scope.clone();
            let result = session
                .sample(settings, given.as_ref(), with_adapter, |step, steps| {
                    let (step, steps) = (steps * i as u32 + step, steps * count);
                    Outgoing::default().send(&scope, &Event::SampleStep { job, step, steps });
                    !stop.get()
                })
                .await;
            let picture = match result {
                Err(EngineError::Stopped) => {
                    self.send(&Event::SampleStopped { job });
                    return Ok(());
                }
                result => result?,
            };
            if let Some(timing) = session.denoiser_timing().filter(|_| cold && i == 0) {
                let event = recorded(Recording::SamplerStep, timing);
                Outgoing::default().send(&self.scope, &event);
            }
            let adapter = session.adapter().filter(|_| with_adapter);
            let png = recipe::png(
                &picture,
                settings,
                &session.pipeline,
                adapter,
                given.is_some(),
            )?;
            let mut out = Outgoing::default();
            let event = Event::Picture {
                job,
                with_adapter,
                pixels: out.attach_rgb(picture.side, picture.side, &picture.rgb),
                png: out.attach(&png),
                settings: settings.clone(),
                note: picture.truncated.then(|| {
                    "The prompt is longer than the model can read, so its end was left out."
                        .to_string()
                }),
            };
            out.send(&self.scope, &event);
        }
        Ok(())
    }

    async fn enlarge(&mut self, job: JobId, side: u32, png: &[u8]) -> Result<(), EngineError> {
        let (device, _) = self.gpu.as_ref().ok_or(EngineError::NoModel)?;
        let source = self.beside(UPSCALER);
        let enlarger = match &mut self.enlarger {
            Some(enlarger) => enlarger,
            none => none.insert(Enlarger::load(&source, device).await?),
        };
        let png = enlarger.enlarge(png, side).await?;
        let mut out = Outgoing::default();
        let event = Event::Enlarged {
            job,
            png: out.attach(&png),
        };
        out.send(&self.scope, &event);
        Ok(())
    }

    fn save_adapter(&mut self, label: Label) -> Result<(), EngineError> {
        let session = self.session.as_ref().ok_or(EngineError::NoModel)?;
        let file_name = recipe::file_name(&label.title);
        let bytes = session.save_adapter(label)?;
        let mut out = Outgoing::default();
        let event = Event::AdapterFile {
            file_name,
            tools: match session.pipeline.kind() {
                ModelKind::Sketch => Vec::new(),
                _ => tools(&bytes)?,
            },
            bytes: out.attach(&bytes),
        };
        out.send(&self.scope, &event);
        Ok(())
    }

    fn load_adapter(&mut self, name: &str, bytes: &[u8]) -> Result<(), EngineError> {
        let session = self.session.as_mut().ok_or(EngineError::NoModel)?;
        let present = session.load_adapter(bytes)?;
        let event = Event::AdapterLoaded(info(present, name.trim_end_matches(".safetensors")));
        self.send(&event);
        Ok(())
    }

    fn mix_adapters(&mut self, title: &str, parts: &[(Vec<u8>, f32)]) -> Result<(), EngineError> {
        let session = self.session.as_mut().ok_or(EngineError::NoModel)?;
        let event = Event::AdapterLoaded(info(session.mix_adapters(title, parts)?, title));
        self.send(&event);
        Ok(())
    }
}

fn recorded(what: Recording, timing: Timing) -> Event {
    Event::Recorded {
        what,
        eager_seconds: timing.eager.as_secs_f32(),
        replay_seconds: timing.replay.map(|replay| replay.as_secs_f32()),
        eager_launch_seconds: timing.eager_launch.as_secs_f32(),
        replay_launch_seconds: timing.replay_launch.map(|launch| launch.as_secs_f32()),
    }
}

fn warm_up() -> Event {
    Event::Progress {
        stage: Stage::Warmup,
        done: 0,
        total: 0,
    }
}

fn info(present: &Present, name: &str) -> AdapterInfo {
    AdapterInfo {
        title: match present.metadata.title.is_empty() {
            true => name.to_string(),
            false => present.metadata.title.clone(),
        },
        trigger: present.metadata.trigger.clone().unwrap_or_default(),
        rank: present.lora.rank() as u32,
        parameters: present.lora.layout.parameters() as u64,
        steps: present.metadata.steps.unwrap_or_default(),
        hash: present.hash.clone(),
    }
}

/// Passes on what a training run tells.
fn tell(scope: &DedicatedWorkerGlobalScope, job: JobId, steps: u32, event: TrainingEvent) {
    let mut out = Outgoing::default();
    let event = match event {
        TrainingEvent::Prepared { done, total } => Event::Progress {
            stage: Stage::Prepare,
            done: done as u64,
            total: total as u64,
        },
        TrainingEvent::Recording => warm_up(),
        TrainingEvent::Recorded(timing) => recorded(Recording::TrainingStep, timing),
        TrainingEvent::Stepped {
            report,
            seconds_per_step,
        } => Event::Trained {
            job,
            step: report.step,
            steps,
            loss: report.loss,
            seconds_per_step,
            seconds_left: seconds_per_step * steps.saturating_sub(report.step) as f32,
        },
        TrainingEvent::WentBack { report } => Event::WentBack {
            job,
            step: report.step.saturating_sub(1),
            message: format!(
                "Step {} came out as no number. It was undone, and training goes on more carefully.",
                report.step
            ),
        },
        TrainingEvent::Validated {
            step,
            loss,
            held_back,
        } => Event::Validated {
            job,
            step,
            loss,
            held_back,
        },
        TrainingEvent::SamplerRecorded(timing) => recorded(Recording::SamplerStep, timing),
        TrainingEvent::Checkpoint { step, bytes } => Event::Checkpoint {
            job,
            step,
            bytes: out.attach(&bytes),
        },
        TrainingEvent::Previewed {
            step,
            pictures,
            adapter,
            nearness,
        } => Event::Previewed {
            job,
            step,
            adapter: adapter.map(|file| out.attach(&file)),
            nearness,
            pictures: pictures
                .iter()
                .map(|picture| out.attach_rgb(picture.side, picture.side, &picture.rgb))
                .collect(),
        },
    };
    out.send(scope, &event);
}

/// What other tools make of an adapter's file.
fn tools(file: &[u8]) -> Result<Vec<ToolVerdict>, EngineError> {
    let header = Header::parse(file, Limits::ADAPTER)?;
    let verdicts = check_loaders(&header).into_iter();
    Ok(verdicts
        .map(|(tool, verdict)| ToolVerdict {
            tool: tool.name().to_owned(),
            problem: verdict.problem().map(str::to_owned),
        })
        .collect())
}

/// What a request is called in an answer, and its job.
fn describe(request: &Request) -> (&'static str, Option<JobId>) {
    match request {
        Request::Start { .. } => ("start", None),
        Request::Check => ("check", None),
        Request::LoadModel { .. } => ("load_model", None),
        Request::AddWork { .. } => ("add_work", None),
        Request::RemoveWork { .. } => ("remove_work", None),
        Request::Train { job, .. } => ("train", Some(*job)),
        Request::Stop => ("stop", None),
        Request::Sample { job, .. } => ("sample", Some(*job)),
        Request::Enlarge { job, .. } => ("enlarge", Some(*job)),
        Request::SaveAdapter { .. } => ("save_adapter", None),
        Request::LoadAdapter { .. } => ("load_adapter", None),
        Request::MixAdapters { .. } => ("mix_adapters", None),
        Request::Foretell { .. } => ("foretell", None),
        Request::ForgetWorks => ("forget_works", None),
    }
}
