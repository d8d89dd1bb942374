use super::Move;
use crate::Level;

/// Luo et al., "Latent Consistency Models" (arXiv 2310.04378), algorithm 3: to the picture in one
/// jump, then noise up to the next level.
///
/// What the consistency function calls the picture is c_skip * latents + c_out * denoised, with
/// c_skip and c_out of sigma_data 0.5 at `scaling` * timestep (appendix B; `scaling` is diffusers'
/// `timestep_scaling`).
pub(crate) fn lcm(levels: &[Level], scaling: f64) -> Vec<Move> {
    const SIGMA_DATA: f64 = 0.5;
    levels
        .array_windows()
        .map(|[now, next]| {
            let time = now.timestep * scaling;
            let norm_squared = time * time + SIGMA_DATA * SIGMA_DATA;
            let c_skip = SIGMA_DATA * SIGMA_DATA / norm_squared;
            let c_out = time / norm_squared.sqrt();
            Move {
                latents: next.alpha * c_skip,
                denoised: next.alpha * c_out,
                noise: next.sigma,
                ..Move::from(*now)
            }
        })
        .collect()
}
