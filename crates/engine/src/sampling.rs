//! A picture from noise: the loop over a sampler's plan.

use atelier_diffusion::{Gaussian, NoiseSchedule, Plan, Sampler, Step, TorchGenerator, Trajectory};
use atelier_protocol::{NoiseGenerator, SampleSettings, SamplerKind};

use crate::{denoiser::Denoiser, error::EngineError};

/// A picture as it came out.
#[derive(Clone, Debug)]
pub struct Sampled {
    pub side: u32,
    /// Rows from the top, three bytes a pixel.
    pub rgb: Vec<u8>,
    /// What it was decoded from, scaled as the UNet gives them.
    pub latents: Vec<f32>,
    /// Whether the end of the prompt was left out.
    pub truncated: bool,
}

fn sampler(kind: SamplerKind) -> Sampler {
    match kind {
        SamplerKind::Ddim => Sampler::Ddim { eta: 0.0 },
        SamplerKind::Euler => Sampler::Euler,
        SamplerKind::EulerAncestral => Sampler::EulerAncestral,
        SamplerKind::Heun => Sampler::Heun,
        SamplerKind::HeunKarras => Sampler::HeunKarras,
        SamplerKind::DpmPlusPlus2M => Sampler::Dpmpp2m,
        SamplerKind::DpmPlusPlus2MKarras => Sampler::Dpmpp2mKarras,
        SamplerKind::DpmPlusPlusSde => Sampler::DpmppSde,
        SamplerKind::DpmPlusPlusSdeKarras => Sampler::DpmppSdeKarras,
        SamplerKind::UniPc => Sampler::UniPc,
        SamplerKind::UniPcKarras => Sampler::UniPcKarras,
        SamplerKind::Lcm => Sampler::Lcm,
    }
}

/// What the sampler starts from.
pub(crate) struct Start {
    /// Of variance 1.
    pub noise: Vec<f32>,
    /// Latents of the picture to start from, where there is one.
    pub image: Option<Vec<f32>>,
    /// Which of them are made anew (1) and which stay (0), where not all are.
    pub mask: Option<Vec<f32>>,
}

/// The level of a picture that is done: no noise.
fn done() -> Step {
    Step {
        alpha: 1.0,
        ..Step::default()
    }
}

/// The plan of `settings`, from a picture or from noise alone.
pub(crate) fn plan(
    settings: &SampleSettings,
    schedule: &NoiseSchedule,
    from_image: bool,
) -> Result<Plan, EngineError> {
    check(settings)?;
    let (sampler, steps) = (sampler(settings.sampler), settings.steps as usize);
    Ok(match from_image {
        true => sampler.plan_image_to_image(schedule, steps, f64::from(settings.image_strength))?,
        false => sampler.plan(schedule, steps)?,
    })
}

/// A picture's noise, in the order in which it is drawn.
pub(crate) enum Noise {
    /// Each step has a stream of its own.
    Own { seed: u64 },
    /// As diffusers' pipelines draw from a generator on the CPU, from its present place on.
    Torch(TorchGenerator),
}

impl Noise {
    pub fn new(settings: &SampleSettings, size: usize, from_image: bool) -> Self {
        match settings.generator {
            NoiseGenerator::Own => Self::Own {
                seed: settings.seed,
            },
            NoiseGenerator::Torch => {
                let mut generator = TorchGenerator::new(settings.seed);
                if from_image {
                    // There the autoencoder draws first, for a deviation that is too small to see.
                    generator.normals(size);
                }
                Self::Torch(generator)
            }
        }
    }

    /// What the picture begins as: the noise of the seed, turned towards that of the variation's.
    pub fn first(&mut self, settings: &SampleSettings, size: usize) -> Vec<f32> {
        let noise = self.at(0, size);
        if settings.variation_strength == 0.0 {
            return noise;
        }
        let other = match self {
            Self::Own { .. } => Gaussian::new(settings.variation_seed, 0).normals(size),
            Self::Torch(_) => TorchGenerator::new(settings.variation_seed).normals(size),
        };
        slerp(&noise, &other, f64::from(settings.variation_strength))
    }

    /// That of step `number`, counted from 1.
    fn at(&mut self, number: u32, size: usize) -> Vec<f32> {
        match self {
            Self::Own { seed } => Gaussian::new(*seed, u64::from(number)).normals(size),
            Self::Torch(generator) => generator.normals(size),
        }
    }
}

/// From `a` to `b` along the great circle (Shoemake 1985), so that the variance stays.
fn slerp(a: &[f32], b: &[f32], t: f64) -> Vec<f32> {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(&a, &b)| f64::from(a) * f64::from(b))
            .sum()
    };
    let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    let angle = cosine.clamp(-1.0, 1.0).acos();
    // Where the two are one, or opposite, there is no way to turn.
    let [from, to] = match angle.sin() {
        sine if sine > 1e-6 => [((1.0 - t) * angle).sin() / sine, (t * angle).sin() / sine],
        _ => [1.0 - t, t],
    };
    a.iter()
        .zip(b)
        .map(|(&a, &b)| (from * f64::from(a) + to * f64::from(b)) as f32)
        .collect()
}

/// Refuses settings no picture can be made with.
fn check(settings: &SampleSettings) -> Result<(), EngineError> {
    let wrong = |name, expected, found: String| {
        Err(EngineError::Setting {
            name,
            expected,
            found,
        })
    };
    if !(1..=200).contains(&settings.steps) {
        return wrong(
            "number of steps",
            "between 1 and 200",
            settings.steps.to_string(),
        );
    }
    if !(0.0..=30.0).contains(&settings.guidance_scale) {
        return wrong(
            "guidance",
            "between 0 and 30",
            settings.guidance_scale.to_string(),
        );
    }
    if !(-4.0..=4.0).contains(&settings.strength) {
        return wrong(
            "strength",
            "between -4 and 4",
            settings.strength.to_string(),
        );
    }
    if settings.clip_skip > 11 {
        return wrong(
            "clip skip",
            "between 0 and 11",
            settings.clip_skip.to_string(),
        );
    }
    if !(0.0..=1.0).contains(&settings.variation_strength) {
        return wrong(
            "amount of variation",
            "between 0 and 1",
            settings.variation_strength.to_string(),
        );
    }
    Ok(())
}

/// Runs `plan` from `start` and gives the latents. `noise` is added on the way. `on_step` hears of every step and says
/// whether to go on.
pub(crate) async fn denoise(
    denoiser: &mut Denoiser,
    plan: &Plan,
    start: &Start,
    noise: &mut Noise,
    mut on_step: impl FnMut(u32, u32) -> bool,
) -> Result<Vec<f32>, EngineError> {
    let size = start.noise.len();
    let mut trajectory = Trajectory::begin(plan, &start.noise, start.image.as_deref())?;
    let known = start.image.as_deref().zip(start.mask.as_deref());
    let keep = |trajectory: &mut Trajectory, level: &Step| match known {
        Some((image, mask)) => trajectory.keep(level, image, &start.noise, mask),
        None => Ok(()),
    };
    let mut added = Vec::new();
    for (i, step) in plan.steps.iter().enumerate() {
        let number = i as u32 + 1;
        keep(&mut trajectory, step)?;
        let output = denoiser
            .predict(&trajectory.input(step), step.timestep as f32)
            .await?;
        if step.noise != 0.0 {
            added = noise.at(number, size);
        }
        trajectory.advance(step, &output, &added)?;
        if trajectory.latents().iter().any(|value| !value.is_finite()) {
            return Err(EngineError::NotFinite { step: number });
        }
        if !on_step(number, plan.steps.len() as u32) {
            return Err(EngineError::Stopped);
        }
    }
    keep(&mut trajectory, &done())?;
    Ok(trajectory.latents().to_vec())
}

/// `[3, side, side]` in -1 to 1 to bytes.
pub(crate) fn to_rgb(image: &[f32]) -> Vec<u8> {
    let pixels = image.len() / 3;
    (0..pixels)
        .flat_map(|pixel| {
            (0..3).map(move |channel| {
                let value = image[channel * pixels + pixel];
                ((value * 0.5 + 0.5).clamp(0.0, 1.0) * 255.0).round() as u8
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variations_keep_the_variance_and_end_at_the_other_noise() {
        let settings = |variation_strength| SampleSettings {
            seed: 1,
            variation_seed: 2,
            variation_strength,
            ..SampleSettings::default()
        };
        let noise = |settings: &SampleSettings, size| {
            Noise::new(settings, size, false).first(settings, size)
        };
        let own = Gaussian::new(1, 0).normals(4096);
        assert_eq!(noise(&settings(0.0), 4096), own);
        let variance = |values: &[f32]| values.iter().map(|v| v * v).sum::<f32>() / 4096.0;
        for strength in [0.1, 0.5, 0.9] {
            let mixed = noise(&settings(strength), 4096);
            assert!((variance(&mixed) - 1.0).abs() < 0.05);
        }
        let end = noise(&settings(1.0), 4096);
        let other = Gaussian::new(2, 0).normals(4096);
        assert!(end.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-5));
    }
}
