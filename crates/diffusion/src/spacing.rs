//! Which timesteps and noise levels a sampler visits.

use crate::betas::linspace;
use crate::{DiffusionError, NoiseSchedule, TimestepSpacing};

/// The timesteps of `steps` steps, noisiest first: Lin et al. (arXiv 2305.08891), table 2, as
/// diffusers has it.
///
/// Leading and linspace spread `steps` + `dropped` points over the training timesteps and leave out
/// the cleanest `dropped`: 0 for most samplers, 1 for DPM++ 2M and UniPC. Linspace's are fractional.
///
/// One step starts at the noisiest timestep whatever the spacing: from noise, no other can be right
/// (diffusers' leading and linspace then start at the cleanest).
///
/// # Errors
/// [`DiffusionError::Steps`] for 0 steps, or more than fit.
pub(crate) fn timesteps(
    schedule: &NoiseSchedule,
    spacing: TimestepSpacing,
    steps: usize,
    dropped: usize,
) -> Result<Vec<f64>, DiffusionError> {
    let train = schedule.num_train_timesteps();
    let offset = schedule.config().steps_offset;
    let most = match spacing {
        TimestepSpacing::Leading => {
            1 + (2..=train)
                .take_while(|n| leading_fits(train, n + dropped, offset))
                .count()
        }
        TimestepSpacing::Trailing | TimestepSpacing::Linspace => train,
    };
    if steps == 0 || steps > most {
        return Err(DiffusionError::Steps { got: steps, most });
    }
    if steps == 1 {
        return Ok(vec![(train - 1) as f64]);
    }
    let points = steps + dropped;
    Ok(match spacing {
        TimestepSpacing::Leading => (0..points)
            .rev()
            .take(steps)
            .map(|i| (i * (train / points) + offset) as f64)
            .collect(),
        TimestepSpacing::Linspace => linspace(0.0, (train - 1) as f64, points)
            .rev()
            .take(steps)
            .collect(),
        TimestepSpacing::Trailing => {
            // numpy.arange(train, 0, -train / steps) to the bit, so that halves round as in
            // diffusers
            let train = train as f64;
            let gap = (train - train / steps as f64) - train;
            (0..steps)
                .map(|i| (train + i as f64 * gap).round_ties_even() - 1.0)
                .collect()
        }
    })
}

/// Whether leading spacing's points lie apart and its noisiest is a training timestep.
fn leading_fits(train: usize, points: usize, offset: usize) -> bool {
    let gap = train / points;
    gap > 0 && ((points - 1) * gap).saturating_add(offset) < train
}

/// sigma at a possibly fractional timestep: straight lines between `sigmas`, as numpy.interp.
pub(crate) fn sigma_at(sigmas: &[f64], timestep: f64) -> f64 {
    let low = (timestep.max(0.0) as usize).min(sigmas.len() - 1);
    let high = (low + 1).min(sigmas.len() - 1);
    sigmas[low] + (sigmas[high] - sigmas[low]) * (timestep - low as f64)
}

/// `steps` sigmas from `sigma_max` to `sigma_min`: Karras et al., "Elucidating the Design Space of
/// Diffusion-Based Generative Models" (arXiv 2206.00364), equation 5, rho = 7.
pub(crate) fn karras(sigma_min: f64, sigma_max: f64, steps: usize) -> impl Iterator<Item = f64> {
    const RHO: f64 = 7.0;
    linspace(
        libm::pow(sigma_max, 1.0 / RHO),
        libm::pow(sigma_min, 1.0 / RHO),
        steps,
    )
    .map(|root| libm::pow(root, RHO))
}

/// The timesteps of a latent consistency model, noisiest first: `steps` of the
/// `original_inference_steps` that it was distilled at (diffusers' `LCMScheduler`).
///
/// # Errors
/// [`DiffusionError::Steps`] for 0 steps, or more than it was distilled at.
pub(crate) fn lcm(schedule: &NoiseSchedule, steps: usize) -> Result<Vec<f64>, DiffusionError> {
    let train = schedule.num_train_timesteps();
    let original = schedule.config().original_inference_steps.clamp(1, train);
    if steps == 0 || steps > original {
        return Err(DiffusionError::Steps {
            got: steps,
            most: original,
        });
    }
    let gap = original as f64 / steps as f64;
    Ok((0..steps)
        .map(|i| original - (i as f64 * gap) as usize)
        .map(|number| (number * (train / original) - 1) as f64)
        .collect())
}

/// The timestep at which the rising `sigmas` reach `sigma`: straight lines between their
/// logarithms.
pub(crate) fn timestep_at(sigmas: &[f64], sigma: f64) -> f64 {
    let low = sigmas
        .partition_point(|&other| other <= sigma)
        .saturating_sub(1)
        .min(sigmas.len().saturating_sub(2));
    let Some(&above) = sigmas.get(low + 1) else {
        return 0.0;
    };
    let (start, end) = (libm::log(sigmas[low]), libm::log(above));
    low as f64 + ((libm::log(sigma) - start) / (end - start)).clamp(0.0, 1.0)
}
