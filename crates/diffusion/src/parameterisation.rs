//! From the network's output to denoised latents: the only place that knows epsilon from v.
//!
//! k-diffusion's `external.py` split, in the symbols of Karras et al., "Elucidating the Design
//! Space of Diffusion-Based Generative Models" (arXiv 2206.00364), equation 7.

use crate::{DiffusionError, Level, PredictionType};

/// network input = `c_in` * latents; denoised = `c_skip` * latents + `c_out` * network output
pub(crate) struct Preconditioning {
    pub c_in: f64,
    pub c_skip: f64,
    pub c_out: f64,
}

/// The preconditioning at a level of any scale: with n = sqrt(alpha^2 + sigma^2), the network is
/// given latents / n, which it knows as alpha/n * denoised + sigma/n * noise.
///
/// # Errors
/// [`DiffusionError::NoiseAtZeroSnr`] where alpha is 0 and the network predicts the noise.
pub(crate) fn precondition(
    prediction: PredictionType,
    level: Level,
) -> Result<Preconditioning, DiffusionError> {
    let Level { alpha, sigma, .. } = level;
    let norm_squared = alpha * alpha + sigma * sigma;
    let norm = norm_squared.sqrt();
    let c_in = 1.0 / norm;
    let (c_skip, c_out) = match prediction {
        PredictionType::Epsilon if alpha == 0.0 => return Err(DiffusionError::NoiseAtZeroSnr),
        // latents = alpha * denoised + sigma * epsilon
        PredictionType::Epsilon => (1.0 / alpha, -sigma / alpha),
        // v = alpha/n * epsilon - sigma/n * denoised
        PredictionType::VPrediction => (alpha / norm_squared, -sigma / norm),
        PredictionType::Sample => (0.0, 1.0),
    };
    Ok(Preconditioning {
        c_in,
        c_skip,
        c_out,
    })
}
