//! What whole models take: the UNet forward, and a training step of it, at the sizes of training.

use atelier_kernels::{Meter, Metered, Recorded, Timing};
use atelier_protocol::{Preset, TrainingSettings};
use atelier_training::{Example, Shapes, Trainer, TrainingSet};
use burn::tensor::{Device, Tensor};
use web_time::Instant;

use crate::{error::EngineError, pipeline::Pipeline, session::trainer_settings};

/// One computation of a whole model.
#[derive(Clone, Copy, Debug)]
pub struct Whole {
    pub operation: &'static str,
    /// Billions of multiplications and additions in its matrix products.
    pub gflop: f64,
    /// Run by run, kernel by kernel.
    pub eager_seconds: f64,
    /// Replayed; none where the device records nothing.
    pub seconds: Option<f64>,
    /// Launches of our kernels. burn's own elementwise ones are not among them.
    pub launches: u64,
    /// See [`Metered::peak_bytes`].
    pub peak_bytes: u64,
}

/// Times the median of at most these, and of fewer where they take longer than this in all.
const REPEATS: usize = 9;
const ENOUGH_SECONDS: f64 = 20.0;

/// Runs of a computation so far.
#[derive(Default)]
struct Runs(Vec<f64>);

impl Runs {
    fn are_enough(&self) -> bool {
        self.0.len() >= REPEATS || self.0.iter().sum::<f64>() > ENOUGH_SECONDS
    }

    fn note(&mut self, start: Instant) {
        self.0.push(start.elapsed().as_secs_f64());
    }

    fn median(mut self) -> f64 {
        self.0.sort_by(f64::total_cmp);
        self.0[self.0.len() / 2]
    }
}

/// Measures the UNet of `pipeline` with the quick preset's batch and adapter: forward, a training step, and the step with
/// block checkpointing.
///
/// # Errors
/// When the device fails.
pub async fn bench(pipeline: &Pipeline, device: &Device) -> Result<[Whole; 3], EngineError> {
    let preset = Preset::Quick.settings_for(pipeline.kind());
    let [channels, height, width] = pipeline.latents();
    let shapes = Shapes {
        batch: preset.batch_size as usize,
        channels,
        height,
        width,
        tokens: pipeline.max_tokens,
        embedding: pipeline.embedding,
    };
    let noise = |length: usize| -> Vec<f32> { (0..length).map(|i| (i as f32).sin()).collect() };

    let meter = Meter::start();
    let unet = pipeline.unet.clone();
    let [latents, prompts] = [
        [shapes.batch * channels, height * width, 1],
        [shapes.batch, shapes.tokens, shapes.embedding],
    ]
    .map(|shape| {
        let values = noise(shape.iter().product());
        Tensor::<1>::from_floats(&values[..], device).reshape(shape)
    });
    let closure = move |inputs: Tensor<1>| {
        let timesteps = inputs.narrow(0, 0, shapes.batch);
        let latents = latents
            .clone()
            .reshape([shapes.batch, channels, height, width]);
        unet.forward(latents, timesteps, prompts.clone())
            .narrow(0, 0, 1)
            .flatten::<1>(0, 3)
    };
    let example = vec![500.0; shapes.batch];
    let mut forward = Recorded::new(device, &example, closure).await?;
    let metered = meter.stop();
    let mut runs = Runs::default();
    while !runs.are_enough() {
        let start = Instant::now();
        forward.run_and_read(&example).await?;
        runs.note(start);
    }
    let whole = |operation, metered: Metered, timing: Timing, runs: Runs| Whole {
        operation,
        gflop: metered.operations as f64 / f64::from(timing.runs) / 1e9,
        eager_seconds: timing.eager.as_secs_f64(),
        seconds: timing.replay.map(|_| runs.median()),
        launches: metered.launches / u64::from(timing.runs),
        peak_bytes: metered.peak_bytes,
    };
    let forward_row = whole("UNet forward", metered, forward.timing(), runs);
    drop(forward);

    let example = Example {
        latents: noise(shapes.latents()),
        flipped: None,
        embedding: noise(shapes.prompt()),
    };
    let step = async |operation, block_checkpointing| -> Result<Whole, EngineError> {
        let set = TrainingSet::new(vec![example.clone(); 20], noise(shapes.prompt()), 0)?;
        let settings = trainer_settings(&TrainingSettings {
            block_checkpointing,
            ..preset.clone()
        });
        let schedule = pipeline.schedule.clone();
        let meter = Meter::start();
        let mut trainer =
            Trainer::new(&pipeline.unet, schedule, set, shapes, settings, device).await?;
        let metered = meter.stop();
        let mut runs = Runs::default();
        while !runs.are_enough() {
            let start = Instant::now();
            trainer.step().await?;
            runs.note(start);
        }
        Ok(whole(operation, metered, trainer.timing(), runs))
    };
    Ok([
        forward_row,
        step("LoRA step", false).await?,
        step("by blocks", true).await?,
    ])
}
