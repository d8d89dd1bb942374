//! A plan carried out on latents in memory.

use crate::plan::Element;
use crate::{DiffusionError, Plan, Step};

/// Latents on their way through a [`Plan`], with what the steps look back at.
///
/// Kept in f32, computed in f64: a few thousand numbers a step, nothing beside the network.
///
/// ```
/// # use atelier_diffusion::{DiffusionError, Gaussian, NoiseSchedule, Sampler, SchedulerConfig, Trajectory};
/// # fn network(latents: &[f32], _timestep: f64) -> Vec<f32> { latents.to_vec() }
/// let plan = Sampler::Heun.plan(&NoiseSchedule::new(&SchedulerConfig::default())?, 4)?;
/// let mut random = Gaussian::new(42, 0);
/// let mut trajectory = Trajectory::begin(&plan, &random.normals(64), None)?;
/// for step in &plan.steps {
///     let output = network(&trajectory.input(step), step.timestep);
///     let noise = if step.noise == 0.0 { vec![] } else { random.normals(64) };
///     trajectory.advance(step, &output, &noise)?;
/// }
/// assert_eq!(trajectory.latents().len(), 64);
/// # Ok::<(), DiffusionError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Trajectory {
    latents: Vec<f32>,
    previous_denoised: Vec<f32>,
    earlier_denoised: Vec<f32>,
    previous_noise: Vec<f32>,
}

impl Trajectory {
    /// At the start of `plan`: from `noise` of variance 1, and the latents of an image of the same
    /// length if the plan is one of image-to-image.
    ///
    /// # Errors
    /// [`DiffusionError::Length`] when the two differ in length.
    pub fn begin(
        plan: &Plan,
        noise: &[f32],
        image: Option<&[f32]>,
    ) -> Result<Self, DiffusionError> {
        let image = image.unwrap_or(&[]);
        same_length(image, noise.len())?;
        let latents = noise.iter().enumerate().map(|(i, &noise)| {
            let image = image.get(i).copied().map_or(0.0, f64::from);
            (plan.init_latents * image + plan.init_noise_sigma * f64::from(noise)) as f32
        });
        let zeros = vec![0.0; noise.len()];
        Ok(Self {
            latents: latents.collect(),
            previous_denoised: zeros.clone(),
            earlier_denoised: zeros.clone(),
            previous_noise: zeros,
        })
    }

    /// The latents as they are.
    pub fn latents(&self) -> &[f32] {
        &self.latents
    }

    /// What the network is given in `step`.
    pub fn input(&self, step: &Step) -> Vec<f32> {
        let scaled = |&value| (f64::from(value) * step.c_in) as f32;
        self.latents.iter().map(scaled).collect()
    }

    /// The picture as the last step foresaw it: for a preview. Zeros before the first.
    pub fn denoised(&self) -> &[f32] {
        &self.previous_denoised
    }

    /// Puts known latents back before `step`, at its level: where `mask` is 0 `known` stays, where
    /// it is 1 the trajectory goes on. After the last step the level is `alpha` 1 and `sigma` 0.
    ///
    /// # Errors
    /// [`DiffusionError::Length`].
    pub fn keep(
        &mut self,
        step: &Step,
        known: &[f32],
        noise: &[f32],
        mask: &[f32],
    ) -> Result<(), DiffusionError> {
        for given in [known, noise, mask] {
            if given.len() != self.latents.len() {
                return Err(self.wrong_length(given));
            }
        }
        for (i, latents) in self.latents.iter_mut().enumerate() {
            let at_level = step.alpha * f64::from(known[i]) + step.sigma * f64::from(noise[i]);
            let free = f64::from(mask[i]);
            *latents = (free * f64::from(*latents) + (1.0 - free) * at_level) as f32;
        }
        Ok(())
    }

    /// Takes `step`, given the network's output (guided, if it is). `noise` may be empty where
    /// `step.noise` is 0.
    ///
    /// # Errors
    /// [`DiffusionError::Length`].
    pub fn advance(
        &mut self,
        step: &Step,
        model_output: &[f32],
        noise: &[f32],
    ) -> Result<(), DiffusionError> {
        if model_output.len() != self.latents.len() {
            return Err(self.wrong_length(model_output));
        }
        if step.noise != 0.0 && noise.is_empty() {
            return Err(self.wrong_length(noise));
        }
        same_length(noise, self.latents.len())?;
        for (i, latents) in self.latents.iter_mut().enumerate() {
            let value = f64::from(*latents);
            let denoised = step.denoise(value, f64::from(model_output[i]));
            let noise = noise.get(i).copied().unwrap_or(0.0);
            *latents = step.advance(Element {
                latents: value,
                denoised,
                previous_denoised: f64::from(self.previous_denoised[i]),
                earlier_denoised: f64::from(self.earlier_denoised[i]),
                noise: f64::from(noise),
                previous_noise: f64::from(self.previous_noise[i]),
            }) as f32;
            self.earlier_denoised[i] = self.previous_denoised[i];
            self.previous_denoised[i] = denoised as f32;
            self.previous_noise[i] = noise;
        }
        Ok(())
    }

    fn wrong_length(&self, given: &[f32]) -> DiffusionError {
        DiffusionError::Length {
            got: given.len(),
            expected: self.latents.len(),
        }
    }
}

/// Empty is none at all.
fn same_length(given: &[f32], expected: usize) -> Result<(), DiffusionError> {
    if given.is_empty() || given.len() == expected {
        Ok(())
    } else {
        Err(DiffusionError::Length {
            got: given.len(),
            expected,
        })
    }
}
