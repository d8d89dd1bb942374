//! A picture from noise: the loop over a sampler's plan.

use atelier_diffusion::{Gaussian, Plan, Sampler, Trajectory};
use atelier_protocol::{SampleSettings, SamplerKind};

use crate::{denoiser::Denoiser, error::EngineError};

/// A picture as it came out.
#[derive(Clone, Debug)]
pub struct Sampled {
    pub side: u32,
    /// Rows from the top, three bytes a pixel.
    pub rgb: Vec<u8>,
    /// Whether the end of the prompt was left out.
    pub truncated: bool,
}

pub(crate) fn sampler(kind: SamplerKind) -> Sampler {
    match kind {
        SamplerKind::Ddim => Sampler::Ddim { eta: 0.0 },
        SamplerKind::Euler => Sampler::Euler,
        SamplerKind::EulerAncestral => Sampler::EulerAncestral,
        SamplerKind::DpmPlusPlus2M => Sampler::Dpmpp2m,
        SamplerKind::DpmPlusPlus2MKarras => Sampler::Dpmpp2mKarras,
    }
}

/// Refuses settings no picture can be made with.
pub(crate) fn check(settings: &SampleSettings) -> Result<(), EngineError> {
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
    Ok(())
}

/// Runs `plan` from the noise of `seed` and gives the latents. `on_step` hears of every step and
/// says whether to go on.
pub(crate) async fn denoise(
    denoiser: &mut Denoiser,
    plan: &Plan,
    size: usize,
    seed: u64,
    mut on_step: impl FnMut(u32) -> bool,
) -> Result<Vec<f32>, EngineError> {
    let mut trajectory = Trajectory::begin(plan, &Gaussian::new(seed, 0).normals(size), None)?;
    let mut noise = Vec::new();
    for (i, step) in plan.steps.iter().enumerate() {
        let number = i as u32 + 1;
        let output = denoiser
            .predict(&trajectory.input(step), step.timestep as f32)
            .await?;
        if step.noise != 0.0 {
            noise = Gaussian::new(seed, u64::from(number)).normals(size);
        }
        trajectory.advance(step, &output, &noise)?;
        if trajectory.latents().iter().any(|value| !value.is_finite()) {
            return Err(EngineError::NotFinite { step: number });
        }
        if !on_step(number) {
            return Err(EngineError::Stopped);
        }
    }
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
