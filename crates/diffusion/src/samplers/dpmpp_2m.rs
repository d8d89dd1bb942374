use super::{Move, lambda};
use crate::Level;

/// Lu et al., "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models"
/// (arXiv 2211.01095), algorithm 2 (2M): exact in the linear part, the denoised latents
/// extrapolated over lambda = log(alpha / sigma) from this step and the one before. The first step
/// and the last, whose lambda ends at infinity, are of first order.
pub(crate) fn dpmpp_2m(levels: &[Level]) -> Vec<Move> {
    let h = |from: Level, to: Level| lambda(to) - lambda(from);
    let last = levels.len().saturating_sub(2);
    levels
        .array_windows()
        .enumerate()
        .map(|(i, &[now, next])| {
            let latents = next.sigma / now.sigma;
            // alpha_next * (1 - exp(-h)), written so that it holds for a sigma_next of 0
            let weight = next.alpha - now.alpha * latents;
            let h_previous = if i == 0 { 0.0 } else { h(levels[i - 1], now) };
            // Timesteps that rounding made equal leave nothing to extrapolate from.
            if i == last || h_previous == 0.0 {
                return Move {
                    latents,
                    denoised: weight,
                    ..Move::from(now)
                };
            }
            // D = (1 + 1 / 2r) * denoised - 1 / 2r * previous_denoised, r = h_previous / h
            let half = h(now, next) / (2.0 * h_previous);
            Move {
                latents,
                denoised: weight * (1.0 + half),
                previous_denoised: -weight * half,
                ..Move::from(now)
            }
        })
        .collect()
}
