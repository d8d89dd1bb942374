//! What whole models take: the UNet forward, and a training step of it, at the sizes of training.

use atelier_kernels::{Meter, Metered, Recorded, Timing, bytes_in_use};
use atelier_protocol::{Preset, TrainingSettings};
use atelier_training::{Example, Trainer, TrainingSet, memory};
use burn::tensor::{Device, Tensor};
use web_time::Instant;

use crate::{
    error::EngineError,
    pipeline::Pipeline,
    session::{shapes, trained, trainer_settings},
};

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
    /// What was foretold of that for a training step.
    pub foretold_bytes: Option<u64>,
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
    let shapes = shapes(pipeline, &preset);
    let (channels, height, width) = (shapes.channels, shapes.height, shapes.width);

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
        foretold_bytes: None,
    };
    let forward_row = whole("UNet forward", metered, forward.timing(), runs);
    drop(forward);

    let step = async |operation, block_checkpointing| -> Result<Whole, EngineError> {
        let settings = TrainingSettings {
            block_checkpointing,
            ..preset.clone()
        };
        let Opened {
            mut trainer,
            metered,
            foretold,
        } = open(pipeline, device, &settings).await?;
        let timing = trainer.timing().expect("examples of one size are recorded");
        let mut runs = Runs::default();
        while !runs.are_enough() {
            let start = Instant::now();
            trainer.step().await?;
            runs.note(start);
        }
        Ok(Whole {
            foretold_bytes: Some(foretold),
            ..whole(operation, metered, timing, runs)
        })
    };
    Ok([
        forward_row,
        step("LoRA step", false).await?,
        step("by blocks", true).await?,
    ])
}

fn noise(length: usize) -> Vec<f32> {
    (0..length).map(|i| (i as f32).sin()).collect()
}

/// A trainer, what its recording took, and what was foretold of that.
struct Opened {
    trainer: Trainer,
    metered: Metered,
    /// Bytes.
    foretold: u64,
}

async fn open(
    pipeline: &Pipeline,
    device: &Device,
    settings: &TrainingSettings,
) -> Result<Opened, EngineError> {
    let shapes = shapes(pipeline, settings);
    let parts = trained(pipeline, settings);
    let example = Example {
        size: [shapes.height, shapes.width],
        latents: noise(shapes.latents()),
        flipped: None,
        // Fit for an embedding, and as a text encoder's token.
        prompt: noise(shapes.prompt()).into_iter().map(f32::abs).collect(),
    };
    let empty = example.prompt.clone();
    let set = TrainingSet::new(vec![example; 20], empty, 0)?;
    let settings = trainer_settings(settings);
    let foretold = bytes_in_use(device) + memory(parts, &shapes, &settings);
    let meter = Meter::start();
    let schedule = pipeline.schedule.clone();
    let trainer = Trainer::new(parts, schedule, set, shapes, settings, device).await?;
    Ok(Opened {
        trainer,
        metered: meter.stop(),
        foretold,
    })
}

#[cfg(test)]
mod tests {
    use std::{error::Error, path::PathBuf};

    use super::*;
    use crate::source::Folder;
    use atelier_training::work;
    use pollster::block_on;

    /// On a processor that plays a GPU.
    #[test]
    fn memory_and_work_are_foretold_within_15_percent() -> Result<(), Box<dyn Error>> {
        let device = Device::wgpu(Default::default());
        let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        // Small models of large pictures, where what is kept of the forward pass counts for most.
        for (model, size) in [
            ("www/models/sketch", None),
            ("tests/golden/pipelines/sd15", Some(256)),
            ("tests/golden/pipelines/bk_small", Some(256)),
        ] {
            let source = Folder(root.join(model));
            let mut pipeline = block_on(Pipeline::load(&source, &device, |_, _| {}))?;
            if let Some(size) = size {
                pipeline.set_resolution(size)?;
            }
            for (block_checkpointing, text) in [(false, false), (true, false), (true, true)] {
                if text && size.is_none() {
                    continue;
                }
                let settings = TrainingSettings {
                    block_checkpointing,
                    text_encoder_learning_rate: if text { 1e-4 } else { 0.0 },
                    ..Preset::Quick.settings_for(pipeline.kind())
                };
                let opened = block_on(open(&pipeline, &device, &settings))?;
                let work = work(
                    trained(&pipeline, &settings),
                    &shapes(&pipeline, &settings),
                    &trainer_settings(&settings),
                );
                let runs = f64::from(opened.trainer.timing().ok_or("recorded")?.runs);
                let computed = opened.metered.operations as f64 / runs;
                for (what, unit, found, foretold) in [
                    (
                        "memory",
                        1e6,
                        opened.metered.peak_bytes as f64,
                        opened.foretold as f64,
                    ),
                    ("work", 1e9, computed, work.step),
                ] {
                    let [found, foretold] = [found, foretold].map(|value| value / unit);
                    let what = format!(
                        "{what} of {model}, by blocks {block_checkpointing}, text {text}: \
                         {found:.2}, {foretold:.2} foretold"
                    );
                    println!("{what}");
                    assert!((0.85..1.15).contains(&(foretold / found)), "{what}");
                }
            }
        }
        Ok(())
    }
}
