//! One step's inputs, drawn on the host from the run's seed and the step's number alone, so that a
//! run can be taken up anywhere.

use atelier_diffusion::{DiffusionError, Gaussian, NoiseSchedule};

use crate::{
    dataset::{Example, TrainingSet},
    step::{Part, Shapes, input_length},
    trainer::Settings,
};

/// Inputs of a recorded step, filled sample by sample.
pub(crate) struct Batch<'a> {
    shapes: &'a Shapes,
    schedule: &'a NoiseSchedule,
    pub(crate) inputs: Vec<f32>,
}

impl<'a> Batch<'a> {
    fn new(shapes: &'a Shapes, schedule: &'a NoiseSchedule, hyper: &[f32]) -> Self {
        let mut inputs = vec![0.0; input_length(shapes)];
        inputs[Part::Hyper.range(shapes)].copy_from_slice(hyper);
        Self {
            shapes,
            schedule,
            inputs,
        }
    }

    fn part(&mut self, part: Part, sample: usize, length: usize) -> &mut [f32] {
        let start = part.range(self.shapes).start + sample * length;
        &mut self.inputs[start..start + length]
    }

    #[allow(clippy::too_many_arguments)]
    fn set(
        &mut self,
        sample: usize,
        latents: &[f32],
        prompt: &[f32],
        timestep: usize,
        weight: f32,
        random: &mut Gaussian,
    ) -> Result<(), DiffusionError> {
        let level = self.schedule.level(timestep)?;
        let target = self.schedule.target(timestep)?;
        let size = self.shapes.latents();
        self.part(Part::Latents, sample, size)
            .copy_from_slice(latents);
        self.part(Part::Noise, sample, size)
            .copy_from_slice(&random.normals(size));
        let prompt_size = self.shapes.prompt();
        self.part(Part::Prompts, sample, prompt_size)
            .copy_from_slice(prompt);
        for (part, value) in [
            (Part::Timesteps, timestep as f64),
            (Part::SignalRate, level.alpha),
            (Part::NoiseRate, level.sigma),
            (Part::TargetLatents, target.latents),
            (Part::TargetNoise, target.noise),
            (Part::Weights, f64::from(weight)),
        ] {
            self.part(part, sample, 1)[0] = value as f32;
        }
        Ok(())
    }
}

/// A step's inputs, for the recording of this size of latents.
pub(crate) struct Inputs {
    pub size: [usize; 2],
    pub inputs: Vec<f32>,
}

/// The batch of training step `step`: works of one size.
pub(crate) fn training_batch(
    set: &TrainingSet,
    schedule: &NoiseSchedule,
    shapes: &Shapes,
    settings: &Settings,
    step: u32,
    hyper: &[f32],
) -> Result<Inputs, DiffusionError> {
    let mut random = Gaussian::new(settings.seed, u64::from(step));
    let mut works: Vec<&Example> = set.drawn_from(step).iter().collect();
    let any =
        |works: &[&'_ Example], random: &mut Gaussian| random.below(works.len() as u32) as usize;
    let first = works[any(&works, &mut random)];
    let size = first.size;
    works.retain(|work| work.size == size);
    let shapes = shapes.of_size(size);
    let mut batch = Batch::new(&shapes, schedule, hyper);
    for sample in 0..shapes.batch {
        let example = match sample {
            0 => first,
            _ => works[any(&works, &mut random)],
        };
        // Drawn whether or not they are used, so that one setting does not change another's draws.
        let flip = random.uniform() < 0.5;
        let drop = random.uniform() < f64::from(settings.caption_dropout);
        let timestep = schedule.random_timestep(&mut random);
        let latents = match &example.flipped {
            Some(flipped) if flip => flipped,
            _ => &example.latents,
        };
        let prompt = match drop {
            true => &set.empty_prompt,
            false => &example.prompt,
        };
        let weight = match settings.min_snr_gamma {
            Some(gamma) => schedule.min_snr_weight(timestep, f64::from(gamma))? as f32,
            None => 1.0,
        };
        batch.set(sample, latents, prompt, timestep, weight, &mut random)?;
    }
    Ok(Inputs {
        size,
        inputs: batch.inputs,
    })
}

/// Fixed (work, timestep, noise) triples: unweighted loss over them, spread over the schedule, as many of each size of
/// works as there are of it.
pub(crate) fn validation_batches(
    set: &TrainingSet,
    schedule: &NoiseSchedule,
    shapes: &Shapes,
    hyper: &[f32],
) -> Result<Vec<Inputs>, DiffusionError> {
    let all = set.validation();
    let mut batches = Vec::new();
    for size in set.sizes() {
        let works: Vec<&Example> = all.iter().filter(|work| work.size == size).collect();
        let shapes = shapes.of_size(size);
        let share = (VALIDATION_SAMPLES * works.len()).div_ceil(all.len());
        let count = share.next_multiple_of(shapes.batch);
        for first in (0..count).step_by(shapes.batch) {
            let mut batch = Batch::new(&shapes, schedule, hyper);
            for sample in 0..shapes.batch {
                let i = first + sample;
                let example = works[i % works.len()];
                // The middle of each of `count` equal parts of the schedule.
                let timestep = (2 * i + 1) * schedule.num_train_timesteps() / (2 * count);
                let mut random = Gaussian::new(VALIDATION_SEED, i as u64);
                let (latents, prompt) = (&example.latents, &example.prompt);
                batch.set(sample, latents, prompt, timestep, 1.0, &mut random)?;
            }
            let inputs = batch.inputs;
            batches.push(Inputs { size, inputs });
        }
    }
    Ok(batches)
}

/// Steps that a look at works of one size takes.
pub(crate) fn validation_steps(batch: usize) -> u32 {
    VALIDATION_SAMPLES.div_ceil(batch.max(1)) as u32
}

/// How many (work, timestep, noise) triples are looked at: enough that the loss moves with the
/// adapter and not with the draw, few enough to cost two or three steps.
const VALIDATION_SAMPLES: usize = 8;
const VALIDATION_SEED: u64 = 0x5eed;
