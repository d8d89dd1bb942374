use std::rc::Rc;

use atelier_adapter::{Lora, Metadata, Parts, Targets};
use atelier_kernels::{AdamW, Timing, bytes_in_use};
use atelier_pictures::{Picture, Rgb};
use atelier_protocol::{
    Foretold, Label, MAX_PROMPT_CHARS, Preset, SampleSettings, TrainingSettings,
};
use atelier_training::{
    Checkpoint, Example, Settings, Shapes, StepReport, Trainer, TrainingError, TrainingSet, Work,
    memory, work,
};
use burn::tensor::Device;
use web_time::Instant;

use crate::{
    denoiser::{Denoiser, Form},
    encoders::{ImageDecoder, ImageEncoder, TextEncoder},
    error::EngineError,
    hash::{self, Hash},
    keep::{Keep, kept, name},
    mask::Mask,
    pace::{self, Pace},
    pipeline::{Pipeline, Text},
    sampling::{self, Noise, Sampled, Start},
    watch::Watch,
    works::{self, WorkInput, Workshop},
};

/// A loaded model, the recordings made of it so far, and the present adapter.
pub struct Session {
    device: Device,
    pub pipeline: Pipeline,
    texts: Option<TextEncoder>,
    images: Option<ImageEncoder>,
    decoder: Option<ImageDecoder>,
    denoiser: Option<Denoiser>,
    adapter: Option<Present>,
    keep: Option<Rc<dyn Keep>>,
    pace: Option<Pace>,
}

/// The present adapter and what is known of it.
#[derive(Clone)]
pub struct Present {
    pub lora: Lora,
    pub metadata: Metadata,
    /// Hash of its file's tensors. Empty while it is trained, when it has no file.
    pub hash: String,
}

/// The trainer's settings from the page's.
pub(crate) fn trainer_settings(settings: &TrainingSettings) -> Settings {
    Settings {
        steps: settings.steps,
        rank: settings.rank as usize,
        alpha: settings.alpha,
        targets: match settings.convolutions {
            true => Targets::TransformersAndConvolutions,
            false => Targets::Transformers,
        },
        learning_rate: settings.learning_rate,
        text_encoder_learning_rate: settings.text_encoder_learning_rate,
        caption_dropout: settings.caption_dropout,
        min_snr_gamma: (settings.min_snr_gamma != 0.0).then_some(settings.min_snr_gamma),
        block_checkpointing: settings.block_checkpointing,
        seed: settings.seed,
        optimizer: AdamW::default(),
    }
}

/// What a run with these settings trains.
pub(crate) fn trained<'a>(pipeline: &'a Pipeline, settings: &TrainingSettings) -> Parts<'a> {
    match settings.text_encoder_learning_rate > 0.0 {
        true => pipeline.parts(),
        false => (&pipeline.unet).into(),
    }
}

/// Sizes of a training step.
pub(crate) fn shapes(pipeline: &Pipeline, settings: &TrainingSettings) -> Shapes {
    let [channels, height, width] = pipeline.latents();
    let pieces = settings.accumulate.clamp(1, 64) as usize;
    Shapes {
        batch: pieces * settings.batch_size.clamp(1, 64) as usize,
        pieces,
        channels,
        height,
        width,
        tokens: pipeline.max_tokens,
        embedding: match trained(pipeline, settings).text_encoder {
            Some(_) => 1,
            None => pipeline.embedding,
        },
    }
}

/// A picture to start from.
pub struct Given {
    /// Its middle square is taken.
    pub image: Picture,
    /// What of that square is made anew at all: the light part. All of it where there is none.
    pub mask: Option<Picture>,
}

/// A picture's latents, and whether the end of its prompt was left out.
struct Drawn {
    latents: Vec<f32>,
    truncated: bool,
}

/// How a run is interrupted and gone on with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resume<'a> {
    /// What [`TrainingEvent::Checkpoint`] gave.
    pub checkpoint: Option<&'a [u8]>,
    /// Steps from one checkpoint to the next; 0 for none but the one at a stop.
    pub every: u32,
}

/// What a training run tells while it goes on.
pub enum TrainingEvent {
    /// Works encoded so far.
    Prepared { done: usize, total: usize },
    /// The step is being recorded, which takes a while.
    Recording,
    /// It is; so long took a run of it.
    Recorded(Timing),
    Stepped {
        report: StepReport,
        seconds_per_step: f32,
    },
    /// A step was not finite and changed nothing.
    WentBack { report: StepReport },
    Validated {
        step: u32,
        loss: f32,
        held_back: bool,
    },
    /// The sampler was recorded for the previews; so long took a run of it.
    SamplerRecorded(Timing),
    Previewed {
        step: u32,
        pictures: Vec<Sampled>,
        /// The adapter that drew them, as a file; none before training.
        adapter: Option<Vec<u8>>,
        /// Of the picture that is nearest to a work; see [`atelier_training::Nearness`]. None where there are too few works.
        nearness: Option<f32>,
    },
    /// From these bytes the run can go on after this step.
    Checkpoint { step: u32, bytes: Vec<u8> },
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrainingEnd {
    Finished,
    Stopped,
    /// Too many steps in a row were not finite.
    Diverged,
}

/// So many bad steps in a row end a run.
const PATIENCE: u32 = 4;
/// Behind a picture to start from, where it is transparent.
const WHITE: [u8; 3] = [255; 3];
/// The most pictures of the model's own that a run is given.
const MOST_PRIOR: u32 = 1_000;
/// Steps of a preview: enough to see what it is.
const PREVIEW_STEPS: u32 = 12;

impl Session {
    pub fn new(device: Device, pipeline: Pipeline) -> Self {
        Self {
            device,
            pipeline,
            texts: None,
            images: None,
            decoder: None,
            denoiser: None,
            adapter: None,
            keep: None,
            pace: None,
        }
    }

    /// Keeps encoded works there from one run to the next.
    pub fn keeping(self, keep: Rc<dyn Keep>) -> Self {
        Self {
            keep: Some(keep),
            ..self
        }
    }

    /// The present adapter.
    pub fn adapter(&self) -> Option<&Present> {
        self.adapter.as_ref()
    }

    /// Makes a file's adapter the present one. On an error the one before stays.
    pub fn load_adapter(&mut self, bytes: &[u8]) -> Result<&Present, EngineError> {
        let (lora, metadata) = Lora::read(bytes, self.pipeline.parts())?;
        let hash = hash::of_tensors(bytes)?;
        Ok(self.adapter.insert(Present {
            lora,
            metadata,
            hash,
        }))
    }

    /// Makes several files' adapters, each at its strength, the present one. On an error the one before stays.
    pub fn mix_adapters(
        &mut self,
        title: &str,
        parts: &[(Vec<u8>, f32)],
    ) -> Result<&Present, EngineError> {
        let mut loras = Vec::with_capacity(parts.len());
        let mut triggers: Vec<String> = Vec::new();
        for (bytes, strength) in parts {
            let (lora, metadata) = Lora::read(bytes, self.pipeline.parts())?;
            loras.push((lora, *strength));
            triggers.extend(
                metadata
                    .trigger
                    .filter(|trigger| !triggers.contains(trigger)),
            );
        }
        let metadata = Metadata {
            title: title.to_string(),
            base: self.pipeline.base(),
            trigger: (!triggers.is_empty()).then(|| triggers.join(", ")),
            resolution: Some(self.pipeline.resolution() as u32),
            ..Metadata::default()
        };
        self.load_adapter(&Lora::stack(&loras).to_file(&metadata).write()?)
    }

    /// The present adapter as a file.
    pub fn save_adapter(&self, label: impl Into<Label>) -> Result<Vec<u8>, EngineError> {
        let present = self.adapter.as_ref().ok_or(EngineError::NoAdapter)?;
        let known = present.metadata.clone();
        let Label {
            title,
            author,
            license,
        } = label.into();
        let said = |new: String, known| Some(new).filter(|new| !new.trim().is_empty()).or(known);
        let metadata = Metadata {
            title,
            author: said(author, known.author),
            license: said(license, known.license),
            ..known
        };
        Ok(present.lora.to_file(&metadata).write()?)
    }

    /// Whether the next picture needs no recording first.
    pub fn is_warm(&self) -> bool {
        let lora = self.adapter.as_ref().map(|present| &present.lora);
        self.decoder.is_some()
            && self
                .denoiser
                .as_ref()
                .is_some_and(|denoiser| denoiser.takes(lora))
    }

    /// Makes a picture, from a given one where there is one. `on_step` hears of each step, of how many, and
    /// says whether to go on.
    pub async fn sample(
        &mut self,
        settings: &SampleSettings,
        given: Option<&Given>,
        with_adapter: bool,
        on_step: impl FnMut(u32, u32) -> bool,
    ) -> Result<Sampled, EngineError> {
        let present = self.adapter.clone();
        self.sample_with(present.as_ref(), settings, given, with_adapter, on_step)
            .await
    }

    async fn sample_with(
        &mut self,
        present: Option<&Present>,
        settings: &SampleSettings,
        given: Option<&Given>,
        with_adapter: bool,
        on_step: impl FnMut(u32, u32) -> bool,
    ) -> Result<Sampled, EngineError> {
        let side = self.pipeline.resolution() as u32;
        let square = given
            .map(|given| given.image.square(0.5, side, WHITE))
            .transpose()?;
        let mask = given
            .and_then(|given| given.mask.as_ref())
            .map(|mask| Mask::read(mask, side))
            .transpose()?;
        let (from, part) = (square.as_ref(), mask.as_ref());
        let drawn = self.draw(present, settings, from, part, with_adapter, on_step);
        let drawn = drawn.await?;
        let decoder = ready(
            &mut self.decoder,
            ImageDecoder::record(&self.pipeline, &self.device),
        )
        .await?;
        let image = decoder.decode(&drawn.latents).await?;
        let mut rgb = sampling::to_rgb(&image);
        if let Some((mask, square)) = mask.zip(square) {
            mask.put_back(&mut rgb, square.rgb());
        }
        Ok(Sampled {
            side,
            rgb,
            latents: drawn.latents,
            truncated: drawn.truncated,
        })
    }

    /// A picture's latents, from those of `square` where there is one.
    async fn draw(
        &mut self,
        present: Option<&Present>,
        settings: &SampleSettings,
        square: Option<&Rgb>,
        mask: Option<&Mask>,
        with_adapter: bool,
        on_step: impl FnMut(u32, u32) -> bool,
    ) -> Result<Drawn, EngineError> {
        let plan = sampling::plan(settings, &self.pipeline.schedule, square.is_some())?;
        let lora = present.map(|present| &present.lora);
        let trigger = match (with_adapter, present) {
            (true, Some(present)) => present.metadata.trigger.clone().unwrap_or_default(),
            _ => String::new(),
        };
        let strength = if with_adapter { settings.strength } else { 0.0 };

        let cut: String = settings.prompt.chars().take(MAX_PROMPT_CHARS).collect();
        let negative: String = settings
            .negative_prompt
            .chars()
            .take(MAX_PROMPT_CHARS)
            .collect();
        if self.texts.as_ref().is_some_and(|texts| !texts.takes(lora)) {
            self.texts = None;
        }
        let record = TextEncoder::record(&self.pipeline, lora, &self.device);
        let texts = ready(&mut self.texts, record).await?;
        texts.set_adapter(lora, strength);
        let [prompt, negative] = works::encode_prompts(
            &self.pipeline,
            texts,
            [&cut, &trigger, &negative],
            settings.clip_skip,
        )
        .await?;

        let latents = match square {
            None => None,
            Some(square) => {
                let side = self.pipeline.resolution();
                let record = ImageEncoder::record(&self.pipeline, [side; 2], &self.device);
                let encoder = ready(&mut self.images, record).await?;
                Some(encoder.encode(&square.to_nchw()).await?)
            }
        };
        let [channels, height, width] = self.pipeline.latents();
        let size = channels * height * width;
        let mut noise = Noise::new(settings, size, square.is_some());
        let pixels = self.pipeline.vae.pixels_per_latent();
        let start = Start {
            noise: noise.first(settings, size),
            image: latents,
            mask: mask.map(|mask| mask.latents(channels, pixels)),
        };
        let form = Form::new(
            &self.pipeline,
            prompt.embedding.len(),
            settings.guidance_scale,
        );
        let denoiser = self.denoiser_for(lora, form).await?;
        if let Some(lora) = lora {
            denoiser.set_adapter(lora);
        }
        let unconditional = match settings.guide_from_base {
            true => 0.0,
            false => strength,
        };
        denoiser.set_picture(
            [&negative.embedding, &prompt.embedding],
            settings.guidance_scale,
            [unconditional, strength],
        );
        let latents = sampling::denoise(denoiser, &plan, &start, &mut noise, on_step).await?;
        let passes = 1 + u32::from(form.guided);
        let timing = denoiser.timing();
        if let (None, Some(replay)) = (self.pace, timing.replay) {
            let any = Preset::Quick.settings_for(self.pipeline.kind());
            let pace = Pace::of_forward(&self.work(&any), passes, replay.as_secs_f64());
            pace::learn(&mut self.pace, pace, self.keep.as_deref()).await;
        }
        Ok(Drawn {
            latents,
            truncated: prompt.truncated || settings.prompt.chars().count() > MAX_PROMPT_CHARS,
        })
    }

    /// The recording that serves `lora` and pictures of this form, made where there is none.
    async fn denoiser_for(
        &mut self,
        lora: Option<&Lora>,
        form: Form,
    ) -> Result<&mut Denoiser, EngineError> {
        // Another adapter layout needs another graph, and the old one's memory first.
        let held = self.denoiser.as_ref();
        if held.is_some_and(|held| !held.fits(lora, form)) {
            self.denoiser = None;
        }
        let record = Denoiser::record(&self.pipeline, lora, form, &self.device);
        ready(&mut self.denoiser, record).await
    }

    /// What a run will take, as far as arithmetic tells and this device is known.
    pub async fn foretell(&mut self, settings: &TrainingSettings) -> Foretold {
        let pace = pace::known(&mut self.pace, self.keep.as_deref()).await;
        let work = self.work(settings);
        let run = memory(
            trained(&self.pipeline, settings),
            &shapes(&self.pipeline, settings),
            &trainer_settings(settings),
        );
        Foretold {
            bytes: bytes_in_use(&self.device) + run,
            seconds: pace.map(|pace| {
                let own = u64::from(settings.prior_pictures.min(MOST_PRIOR))
                    * u64::from(self.passes(u32::MAX));
                pace.seconds(&work, settings, self.passes(PREVIEW_STEPS), own)
            }),
        }
    }

    /// Steps and guidance as the model's makers name them.
    fn usual(&self) -> SampleSettings {
        self.pipeline.kind().sampling(SampleSettings::default())
    }

    /// Samples that go through the UNet for a picture of `steps` steps.
    fn passes(&self, steps: u32) -> u32 {
        let usual = self.usual();
        let guided = Form::new(&self.pipeline, 0, usual.guidance_scale).guided;
        usual.steps.min(steps) * if guided { 2 } else { 1 }
    }

    /// What training with these settings computes.
    fn work(&self, settings: &TrainingSettings) -> Work {
        let parts = trained(&self.pipeline, settings);
        let shapes = shapes(&self.pipeline, settings);
        work(parts, &shapes, &trainer_settings(settings))
    }

    /// Trains a new adapter on `inputs`, or goes on with one. It becomes the present one when at least one step was good,
    /// also when the run was stopped or diverged. `stop` is asked after every piece of work.
    pub async fn train(
        &mut self,
        inputs: &[WorkInput<'_>],
        settings: &TrainingSettings,
        resume: Resume<'_>,
        stop: impl Fn() -> bool,
        mut tell: impl FnMut(TrainingEvent),
    ) -> Result<TrainingEnd, EngineError> {
        let fingerprint = self.fingerprint(inputs, settings);
        let from = resume.checkpoint.map(Checkpoint::from_bytes).transpose()?;
        if from
            .as_ref()
            .is_some_and(|from| from.fingerprint != fingerprint)
        {
            return Err(TrainingError::OtherRun.into());
        }
        let set = match self.prepare(inputs, settings, &stop, &mut tell).await {
            Err(EngineError::Stopped) => {
                if let (Some(from), Some(bytes)) = (&from, resume.checkpoint) {
                    tell(TrainingEvent::Checkpoint {
                        step: from.step,
                        bytes: bytes.to_vec(),
                    });
                }
                return Ok(TrainingEnd::Stopped);
            }
            prepared => prepared?,
        };
        let shapes = shapes(&self.pipeline, settings);
        let run = trainer_settings(settings);
        let [_, height, width] = self.pipeline.latents();
        let watch = Watch::new(inputs, &set, [height, width]);
        tell(TrainingEvent::Recording);
        let mut trainer = Trainer::new(
            trained(&self.pipeline, settings),
            self.pipeline.schedule.clone(),
            set,
            shapes,
            run,
            &self.device,
        )
        .await?;
        if let Some(timing) = trainer.timing() {
            tell(TrainingEvent::Recorded(timing));
        }
        let step_work = self.work(settings).step;
        let first = match &from {
            // What the checkpoint's own step had to tell was told when it was taken.
            Some(from) => {
                trainer.resume(from)?;
                from.step + 1
            }
            None => {
                self.validate(&mut trainer, &mut tell).await?;
                // The untrained adapter changes nothing, so these are the base's pictures, made by
                // the very recording that the later previews use.
                let present = self.present(&trainer, settings, inputs.len()).await?;
                self.preview(present, settings, 0, &watch, &stop, &mut tell)
                    .await?;
                1
            }
        };

        let mut seconds_per_step = 0.0;
        let mut bad = 0;
        let mut end = TrainingEnd::Finished;
        for step in first..=settings.steps {
            if stop() {
                end = TrainingEnd::Stopped;
                break;
            }
            let start = Instant::now();
            let report = trainer.step().await?;
            let seconds = start.elapsed().as_secs_f32();
            // The mean of the last ten or so.
            seconds_per_step += (seconds - seconds_per_step) / (step - first + 1).min(10) as f32;
            if !report.is_finite() {
                bad += 1;
                tell(TrainingEvent::WentBack { report });
                if bad == PATIENCE {
                    end = TrainingEnd::Diverged;
                    break;
                }
                continue;
            }
            bad = 0;
            tell(TrainingEvent::Stepped {
                report,
                seconds_per_step,
            });
            if settings.validates_after(step) {
                self.validate(&mut trainer, &mut tell).await?;
            }
            if settings.previews_after(step) {
                let present = self.present(&trainer, settings, inputs.len()).await?;
                self.preview(present, settings, step, &watch, &stop, &mut tell)
                    .await?;
            }
            let checkpoint = resume.every > 0 && step.is_multiple_of(resume.every);
            if checkpoint && step < settings.steps {
                self.hand_out(&trainer, &fingerprint, &mut tell).await?;
            }
        }
        if seconds_per_step > 0.0 {
            let pace = Pace::of_step(step_work, f64::from(seconds_per_step));
            pace::learn(&mut self.pace, pace, self.keep.as_deref()).await;
        }
        if end == TrainingEnd::Stopped && trainer.steps_done() > 0 {
            self.hand_out(&trainer, &fingerprint, &mut tell).await?;
        }
        if trainer.steps_done() > bad {
            // By way of its file, so that what is used from here on is what will be saved, to the bit.
            let present = self.present(&trainer, settings, inputs.len()).await?;
            self.load_adapter(&present.lora.to_file(&present.metadata).write()?)?;
        }
        Ok(end)
    }

    async fn prepare(
        &mut self,
        inputs: &[WorkInput<'_>],
        settings: &TrainingSettings,
        stop: &impl Fn() -> bool,
        tell: &mut impl FnMut(TrainingEvent),
    ) -> Result<TrainingSet, EngineError> {
        let prior = settings.prior_pictures.min(MOST_PRIOR) as usize;
        let total = inputs.len() + prior;
        tell(TrainingEvent::Prepared { done: 0, total });
        let mut done = 0;
        let mut ready = || {
            done += 1;
            tell(TrainingEvent::Prepared { done, total });
        };
        let keep = self.keep.clone();
        let mut workshop = Workshop {
            pipeline: &self.pipeline,
            settings,
            images: &mut self.images,
            texts: &mut self.texts,
            keep: keep.as_deref(),
            device: &self.device,
        };
        let mut examples = Vec::with_capacity(inputs.len());
        for work in inputs {
            if stop() {
                return Err(EngineError::Stopped);
            }
            examples.push(workshop.example(work).await?);
            ready();
        }
        let empty = workshop.prompt("").await?;
        let set = TrainingSet::new(examples, empty, settings.seed)?;
        let mut prompts = Vec::with_capacity(prior);
        for number in 0..prior {
            prompts.push(
                workshop
                    .prompt(inputs[number % inputs.len()].caption)
                    .await?,
            );
        }
        let mut own = Vec::with_capacity(prior);
        for (number, prompt) in prompts.into_iter().enumerate() {
            let caption = inputs[number % inputs.len()].caption;
            own.push(self.own(caption, number, prompt, settings, stop).await?);
            ready();
        }
        if prior > 0 {
            // Recorded without an adapter, so the previews could not use it.
            self.denoiser = None;
        }
        Ok(set.with_prior(own)?)
    }

    /// What the model itself draws after `caption`, for a run that it is to stay as it is in.
    async fn own(
        &mut self,
        caption: &str,
        number: usize,
        prompt: Vec<f32>,
        settings: &TrainingSettings,
        stop: &impl Fn() -> bool,
    ) -> Result<Example, EngineError> {
        let usual = self.usual();
        let recipe = SampleSettings {
            prompt: caption.to_owned(),
            seed: settings.seed.wrapping_add(number as u64),
            ..usual
        };
        let [channels, height, width] = self.pipeline.latents();
        let size = format!("own {height}x{width}");
        let name = name(
            &self.pipeline.identity,
            &size,
            format!("{recipe:?}").as_bytes(),
        );
        let keep = self.keep.clone();
        let latents = kept(keep.as_deref(), &name, channels * height * width, async {
            let drawn = self.draw(None, &recipe, None, None, false, |_, _| !stop());
            Ok::<_, EngineError>(drawn.await?.latents)
        });
        Ok(Example {
            size: [height, width],
            latents: latents.await?,
            flipped: None,
            prompt,
        })
    }

    /// Names a run: the model, the settings, and the works in their order.
    fn fingerprint(&self, inputs: &[WorkInput<'_>], settings: &TrainingSettings) -> String {
        let mut hash = Hash::default();
        hash.push(format!("{} {settings:?}", self.pipeline.hash).as_bytes());
        // Sketch's pictures have one size.
        if let Text::Clip(..) = self.pipeline.text {
            hash.push(&(self.pipeline.resolution() as u64).to_le_bytes());
        }
        for work in inputs {
            let picture = work.picture;
            let size = (picture.width(), picture.height());
            hash.push(format!("{:?} {} {size:?}", work.caption, work.focus).as_bytes());
            hash.push(picture.rgba());
        }
        hash.finish()
    }

    async fn hand_out(
        &self,
        trainer: &Trainer,
        fingerprint: &str,
        tell: &mut impl FnMut(TrainingEvent),
    ) -> Result<(), EngineError> {
        let checkpoint = trainer.checkpoint(fingerprint).await?;
        tell(TrainingEvent::Checkpoint {
            step: checkpoint.step,
            bytes: checkpoint.to_bytes()?,
        });
        Ok(())
    }

    async fn validate(
        &mut self,
        trainer: &mut Trainer,
        tell: &mut impl FnMut(TrainingEvent),
    ) -> Result<(), EngineError> {
        let loss = trainer.validate().await?;
        tell(TrainingEvent::Validated {
            step: trainer.steps_done(),
            loss,
            held_back: trainer.holds_back(),
        });
        Ok(())
    }

    async fn present(
        &self,
        trainer: &Trainer,
        settings: &TrainingSettings,
        works: usize,
    ) -> Result<Present, EngineError> {
        Ok(Present {
            lora: trainer.adapter().await?,
            metadata: Metadata {
                base: self.pipeline.base(),
                trigger: (!settings.trigger.trim().is_empty())
                    .then(|| settings.trigger.trim().to_string()),
                resolution: Some(self.pipeline.resolution() as u32),
                works: Some(works as u32),
                steps: Some(trainer.steps_done()),
                learning_rate: Some(settings.learning_rate),
                ..Metadata::default()
            },
            hash: String::new(),
        })
    }

    /// Makes the previews of a run, each at its own fixed seed.
    async fn preview(
        &mut self,
        present: Present,
        settings: &TrainingSettings,
        step: u32,
        watch: &Watch<'_>,
        stop: &impl Fn() -> bool,
        tell: &mut impl FnMut(TrainingEvent),
    ) -> Result<(), EngineError> {
        let mut pictures = Vec::new();
        if settings.preview_every == 0 {
            return Ok(());
        }
        let usual = self.usual();
        if !self
            .denoiser
            .as_ref()
            .is_some_and(|held| held.takes(Some(&present.lora)))
        {
            // For prompts of one chunk, which nearly all are.
            let form = Form::new(
                &self.pipeline,
                self.pipeline.max_tokens * self.pipeline.embedding,
                usual.guidance_scale,
            );
            let denoiser = self.denoiser_for(Some(&present.lora), form).await?;
            tell(TrainingEvent::SamplerRecorded(denoiser.timing()));
        }
        for (i, prompt) in settings.preview_prompts.iter().enumerate() {
            let settings = SampleSettings {
                prompt: prompt.clone(),
                seed: settings.seed.wrapping_add(i as u64),
                steps: usual.steps.min(PREVIEW_STEPS),
                ..usual.clone()
            };
            match self
                .sample_with(Some(&present), &settings, None, true, |_, _| !stop())
                .await
            {
                Ok(picture) => pictures.push(picture),
                Err(EngineError::Stopped) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        if !pictures.is_empty() {
            let file = || present.lora.to_file(&present.metadata).write();
            tell(TrainingEvent::Previewed {
                step,
                adapter: (step > 0).then(file).transpose()?,
                nearness: watch.nearest(&settings.preview_prompts, &pictures),
                pictures,
            });
        }
        Ok(())
    }

    /// How long the sampler's recording took, eager and replayed.
    pub fn denoiser_timing(&self) -> Option<Timing> {
        self.denoiser.as_ref().map(Denoiser::timing)
    }
}

/// The recording in `slot`, made by `record` when it is not there yet.
pub(crate) async fn ready<T, E>(
    slot: &mut Option<T>,
    record: impl Future<Output = Result<T, E>>,
) -> Result<&mut T, EngineError>
where
    EngineError: From<E>,
{
    match slot {
        Some(recorded) => Ok(recorded),
        None => Ok(slot.insert(record.await?)),
    }
}
