use super::Move;
use crate::Level;

/// Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models" (arXiv
/// 2206.00364), algorithm 2 without churn and second order: Euler's method on dx/dsigma = (x -
/// denoised) / sigma. `levels` have alpha 1.
pub(crate) fn euler(levels: &[Level]) -> Vec<Move> {
    levels
        .array_windows()
        .map(|[now, next]| {
            // x + (sigma_next - sigma) * (x - denoised) / sigma
            let latents = next.sigma / now.sigma;
            Move {
                latents,
                denoised: 1.0 - latents,
                ..Move::from(*now)
            }
        })
        .collect()
}
