use std::{
    path::{Path, PathBuf},
    rc::Rc,
};

use anyhow::{Context, Result, bail};
use atelier_engine::{KeepFolder, Resume, Session, TrainingEnd, TrainingEvent, WorkInput};
use atelier_pictures::{Picture, decode};
use atelier_protocol::{Foretold, Label, Learns, Lesson, ModelKind, Preset, TrainingSettings};
use clap::Args;
use serde_json::json;

use crate::{device::DeviceChoice, model, report::Report};

#[derive(Args)]
pub struct Train {
    /// A diffusers folder, or a single-file checkpoint (.safetensors).
    #[arg(long)]
    model: PathBuf,
    /// A folder of pictures. A text file of the same name is a picture's caption; without one its
    /// name is.
    #[arg(long)]
    works: PathBuf,
    /// The adapter, a .safetensors file.
    #[arg(long)]
    out: PathBuf,
    /// Who made the works, to be written into the file
    #[arg(long, default_value = "")]
    author: String,
    /// What others may do with the adapter, to be written into the file
    #[arg(long, default_value = "")]
    license: String,
    /// Words that call the hand later.
    #[arg(long, default_value = "")]
    trigger: String,
    /// What the works have in common: style (how they are drawn) or subject (who or what is on each of them).
    #[arg(long, default_value = "style", value_parser = learns)]
    learns: Learns,
    /// quick, balanced or thorough; the options below change single values of it.
    #[arg(long, default_value = "balanced", value_parser = preset)]
    preset: Preset,
    #[arg(long)]
    steps: Option<u32>,
    #[arg(long)]
    rank: Option<u32>,
    #[arg(long)]
    alpha: Option<f32>,
    #[arg(long)]
    learning_rate: Option<f32>,
    #[arg(long)]
    batch_size: Option<u32>,
    #[arg(long)]
    caption_dropout: Option<f32>,
    /// Gamma of min-SNR weighting, or 0 for none.
    #[arg(long)]
    min_snr_gamma: Option<f32>,
    /// Leave the convolutions as they are.
    #[arg(long)]
    transformers_only: bool,
    /// Compute the network twice a step, for less of the graphics card's memory; the preset says so for Stable Diffusion.
    #[arg(long, value_name = "true|false")]
    block_checkpointing: Option<bool>,
    /// Look at so many batches before each correction
    #[arg(long)]
    accumulate: Option<u32>,
    /// Train the text encoder too, with this learning rate (Stable Diffusion only)
    #[arg(long)]
    text_encoder_learning_rate: Option<f32>,
    /// Train on works in about the shape that they have, not on squares of them (Stable Diffusion only)
    #[arg(long)]
    aspect_buckets: bool,
    /// Let the model draw so many pictures first, and have every other step keep them as they are
    #[arg(long)]
    prior_pictures: Option<u32>,
    /// A folder to keep encoded works in from one run to the next
    #[arg(long)]
    keep: Option<PathBuf>,
    #[arg(long)]
    no_flip: bool,
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where the training is kept every ten steps. When the file is there the training goes on from it;
    /// once the adapter is written it is removed.
    #[arg(long)]
    checkpoint: Option<PathBuf>,
    /// Side of the pictures in pixels, where it is not to be what the model was made for.
    #[arg(long)]
    resolution: Option<usize>,
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
}

const CHECKPOINT_EVERY: u32 = 10;

/// Written apart and renamed, so that a stop in the middle leaves the last one whole.
fn keep(file: &Path, bytes: &[u8]) -> Result<()> {
    let partial = file.with_extension("partial");
    std::fs::write(&partial, bytes)
        .and_then(|()| std::fs::rename(&partial, file))
        .with_context(|| format!("{} could not be written", file.display()))
}

fn preset(name: &str) -> Result<Preset, String> {
    serde_json::from_value(name.into()).map_err(|_| "no preset has that name".to_string())
}

fn learns(name: &str) -> Result<Learns, String> {
    serde_json::from_value(name.into()).map_err(|_| "it is either style or subject".to_string())
}

/// Pictures of `folder` with their captions, by name, and what was left out and why.
fn works(folder: &Path, report: &Report) -> Result<Vec<(Picture, String)>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| format!("{} could not be read", folder.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.is_file())
        .filter(|path| {
            let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
            ["png", "jpg", "jpeg", "webp"]
                .iter()
                .any(|known| extension == *known)
        })
        .collect();
    files.sort();
    let mut works = Vec::new();
    for file in files {
        match decode(&std::fs::read(&file)?) {
            Ok(picture) => {
                let caption =
                    std::fs::read_to_string(file.with_extension("txt")).unwrap_or_else(|_| {
                        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
                        stem.replace(['_', '-'], " ")
                    });
                works.push((picture, caption.trim().to_string()));
            }
            Err(error) => report.say(
                json!({"left_out": file, "reason": error.to_string()}),
                format!("{} is left out: {error}", file.display()),
            ),
        }
    }
    Ok(works)
}

impl Train {
    fn settings(&self, kind: ModelKind, works: usize) -> TrainingSettings {
        let learns = self.learns;
        let preset = self.preset.suited(kind, Lesson { works, learns });
        let rank = self.rank.unwrap_or(preset.rank);
        TrainingSettings {
            trigger: self.trigger.clone(),
            steps: self.steps.unwrap_or(preset.steps),
            rank,
            alpha: self.alpha.unwrap_or(rank as f32),
            learning_rate: self.learning_rate.unwrap_or(preset.learning_rate),
            batch_size: self.batch_size.unwrap_or(preset.batch_size),
            caption_dropout: self.caption_dropout.unwrap_or(preset.caption_dropout),
            min_snr_gamma: self.min_snr_gamma.unwrap_or(preset.min_snr_gamma),
            convolutions: preset.convolutions && !self.transformers_only,
            block_checkpointing: (self.block_checkpointing).unwrap_or(preset.block_checkpointing),
            accumulate: self.accumulate.unwrap_or(preset.accumulate),
            text_encoder_learning_rate: (self.text_encoder_learning_rate)
                .unwrap_or(preset.text_encoder_learning_rate),
            aspect_buckets: self.aspect_buckets,
            prior_pictures: self.prior_pictures.unwrap_or(preset.prior_pictures),
            flip: !self.no_flip,
            seed: self.seed,
            ..preset
        }
    }

    pub async fn run(self, json: bool) -> Result<()> {
        let report = Report::new(json);
        let works = works(&self.works, &report)?;
        if works.is_empty() {
            bail!(
                "{} holds no pictures; put PNG, JPEG or WebP files there",
                self.works.display()
            );
        }
        let device = self.device.open()?;
        let pipeline = model::load(&self.model, self.resolution, &device, |done, total| {
            report.progress("loading", done, total, String::new());
        })
        .await?;
        let mut session = Session::new(device, pipeline);
        if let Some(folder) = &self.keep {
            session = session.keeping(Rc::new(KeepFolder(folder.clone())));
        }
        let inputs: Vec<WorkInput> = works
            .iter()
            .map(|(picture, caption)| WorkInput {
                picture,
                caption,
                focus: 0.5,
            })
            .collect();
        let settings = self.settings(session.pipeline.kind(), works.len());
        let steps = u64::from(settings.steps);
        if self.device == DeviceChoice::Gpu {
            let Foretold { bytes, seconds } = session.foretell(&settings).await;
            let minutes = seconds.map(|seconds| format!(", for about {:.0} min", seconds / 60.0));
            report.say(
                json!({ "foretold_bytes": bytes, "foretold_seconds": seconds }),
                format!(
                    "about {:.1} GB of graphics memory will be in use{}",
                    bytes as f64 / 1e9,
                    minutes.unwrap_or_default()
                ),
            );
        }
        let checkpoint = match &self.checkpoint {
            Some(file) if file.exists() => Some(
                std::fs::read(file)
                    .with_context(|| format!("{} could not be read", file.display()))?,
            ),
            _ => None,
        };
        let resume = Resume {
            checkpoint: checkpoint.as_deref(),
            every: self.checkpoint.as_ref().map_or(0, |_| CHECKPOINT_EVERY),
        };
        let mut kept = Ok(());
        let end = session
            .train(&inputs, &settings, resume, || false, |event| match event {
                TrainingEvent::Prepared { done, total } => {
                    report.progress("encoding", done as u64, total as u64, String::new());
                }
                TrainingEvent::Recording => report.progress("recording", 0, 1, String::new()),
                TrainingEvent::Recorded(timing) => report.say(
                    json!({
                        "eager_step_seconds": timing.eager.as_secs_f32(),
                        "replayed_step_seconds": timing.replay.map(|t| t.as_secs_f32()),
                    }),
                    match timing.replay {
                        Some(replay) => format!("a step takes {replay:.2?} replayed, {:.2?} eager", timing.eager),
                        None => format!("a step takes {:.2?}", timing.eager),
                    },
                ),
                TrainingEvent::Stepped { report: step, seconds_per_step } => {
                    report.progress("training", u64::from(step.step), steps, format!("loss {:.4}", step.loss));
                    if json {
                        report.say(
                            json!({"step": step.step, "loss": step.loss, "gradient_norm": step.gradient_norm, "seconds_per_step": seconds_per_step}),
                            String::new(),
                        );
                    }
                }
                TrainingEvent::WentBack { report: step } => report.say(
                    json!({"went_back": step.step}),
                    format!("step {} came out as no number and was undone", step.step),
                ),
                TrainingEvent::Validated { step, loss, held_back } => report.say(
                    json!({"validated": step, "validation_loss": loss, "held_back": held_back}),
                    format!("step {step}: validation loss {loss:.5}"),
                ),
                TrainingEvent::Checkpoint { bytes, .. } => {
                    if let Some(file) = &self.checkpoint {
                        kept = std::mem::replace(&mut kept, Ok(())).and(keep(file, &bytes));
                    }
                }
                TrainingEvent::SamplerRecorded(_) | TrainingEvent::Previewed { .. } => {}
            })
            .await?;
        kept?;
        if end == TrainingEnd::Diverged {
            report.say(
                json!({"diverged": true}),
                "training stopped early: the loss was no number several times; lower the learning rate".into(),
            );
        }
        let title = self
            .out
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .to_string();
        let bytes = session.save_adapter(Label {
            title,
            author: self.author.clone(),
            license: self.license.clone(),
        })?;
        std::fs::write(&self.out, bytes)
            .with_context(|| format!("{} could not be written", self.out.display()))?;
        if let Some(file) = &self.checkpoint {
            // It has served, and one that is not there is no matter.
            let _ = std::fs::remove_file(file);
        }
        report.say(
            json!({"adapter": self.out}),
            format!("{} written", self.out.display()),
        );
        report.finish();
        Ok(())
    }
}
