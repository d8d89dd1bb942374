use super::{Move, euler};
use crate::Level;

/// Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models" (arXiv
/// 2206.00364), algorithm 2 without churn: an Euler step, then the mean of the slopes at both ends.
/// The step to the clean picture stays Euler's. `levels` have alpha 1.
///
/// With y = x + h * (x - D) / sigma the Euler step's result and D' what the network makes of it, the
/// mean of slopes comes to y + (sigma / sigma_next - 1) / 2 * (D' - D): x need not be kept.
pub(crate) fn heun(levels: &[Level]) -> Vec<Move> {
    levels
        .array_windows()
        .zip(euler(levels))
        .flat_map(|(&[now, next], first)| {
            let half = (now.sigma / next.sigma - 1.0) / 2.0;
            let second = Move {
                latents: 1.0,
                denoised: half,
                previous_denoised: -half,
                ..Move::from(next)
            };
            [Some(first), (next.sigma > 0.0).then_some(second)]
        })
        .flatten()
        .collect()
}
