use super::Move;
use crate::Level;

/// Song et al., "Denoising Diffusion Implicit Models" (arXiv 2010.02502), equations 12 and 16.
/// `eta` 0 adds no noise, 1 as much as DDPM.
pub(crate) fn ddim(levels: &[Level], eta: f64) -> Vec<Move> {
    levels
        .array_windows()
        .map(|[now, next]| {
            let ratio = now.alpha / next.alpha;
            let noise = eta * (next.sigma / now.sigma) * (1.0 - ratio * ratio).max(0.0).sqrt();
            // alpha_next * denoised + direction * epsilon + noise * new noise,
            // where epsilon = (latents - alpha * denoised) / sigma
            let direction = (next.sigma * next.sigma - noise * noise).max(0.0).sqrt();
            let latents = direction / now.sigma;
            Move {
                latents,
                denoised: next.alpha - latents * now.alpha,
                noise,
                ..Move::from(*now)
            }
        })
        .collect()
}
