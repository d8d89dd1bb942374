//! What whole models take: the UNet forward, and a training step of it, at the sizes of training.

use atelier_kernels::{Meter, Metered, RECORDING_RUNS, Recorded};
use atelier_protocol::Preset;
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

/// Times the median of these.
const REPEATS: usize = 9;

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// Measures the UNet of `pipeline` with the quick preset's batch and adapter.
///
/// # Errors
/// When the device fails.
pub async fn bench(pipeline: &Pipeline, device: &Device) -> Result<[Whole; 2], EngineError> {
    let preset = Preset::Quick.settings();
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
    let mut seconds = Vec::new();
    for _ in 0..REPEATS {
        let start = Instant::now();
        forward.run_and_read(&example).await?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    let timing = forward.timing();
    let whole = |operation, metered: Metered, eager: f64, seconds: Option<f64>| Whole {
        operation,
        gflop: metered.operations as f64 / RECORDING_RUNS as f64 / 1e9,
        eager_seconds: eager,
        seconds,
        launches: metered.launches / RECORDING_RUNS as u64,
        peak_bytes: metered.peak_bytes,
    };
    let forward_row = whole(
        "UNet forward",
        metered,
        timing.eager.as_secs_f64(),
        timing.replay.map(|_| median(seconds)),
    );
    drop(forward);

    let example = Example {
        latents: noise(shapes.latents()),
        flipped: None,
        embedding: noise(shapes.prompt()),
    };
    let set = TrainingSet::new(vec![example; 20], noise(shapes.prompt()), 0)?;
    let meter = Meter::start();
    let schedule = pipeline.schedule.clone();
    let settings = trainer_settings(&preset);
    let mut trainer = Trainer::new(&pipeline.unet, schedule, set, shapes, settings, device).await?;
    let metered = meter.stop();
    let mut seconds = Vec::new();
    for _ in 0..REPEATS {
        let start = Instant::now();
        trainer.step().await?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    let timing = trainer.timing();
    let step_row = whole(
        "LoRA step",
        metered,
        timing.eager.as_secs_f64(),
        timing.replay.map(|_| median(seconds)),
    );
    Ok([forward_row, step_row])
}
