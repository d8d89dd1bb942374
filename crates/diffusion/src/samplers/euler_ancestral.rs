use super::Move;
use crate::Level;

/// k-diffusion's `sample_euler_ancestral`: an Euler step down to sigma_down, then noise up to the
/// next level, as much as DDPM's ancestral sampling adds (Ho et al., arXiv 2006.11239). `levels`
/// have alpha 1.
pub(crate) fn euler_ancestral(levels: &[Level]) -> Vec<Move> {
    levels
        .array_windows()
        .map(|[now, next]| {
            let ratio = next.sigma / now.sigma;
            let sigma_up = next.sigma * (1.0 - ratio * ratio).max(0.0).sqrt();
            let sigma_down = next.sigma * ratio; // sqrt(sigma_next^2 - sigma_up^2)
            let latents = sigma_down / now.sigma;
            Move {
                latents,
                denoised: 1.0 - latents,
                noise: sigma_up,
                ..Move::from(*now)
            }
        })
        .collect()
}
