use super::Move;
use crate::Level;

/// k-diffusion's `sample_dpmpp_sde` with its defaults: Lu et al., "DPM-Solver++" (arXiv 2211.01095),
/// algorithm 1 (2S) with r = 1/2, each of its two evaluations an ancestral step. The step to the
/// clean picture is Euler's. `levels` have alpha 1; `middles` are the levels halfway in log sigma,
/// one between each two of `levels` but the last two.
///
/// Both evaluations step from x, and their noises are increments of one Brownian motion over sigma,
/// from the level `now` to the middle and to `next`, as k-diffusion's `BrownianTreeNoiseSampler`
/// draws them. So the second noise is share * the first + the rest new, and x is got back from what
/// the first evaluation made of it.
pub(crate) fn dpmpp_sde(levels: &[Level], middles: &[Level]) -> Vec<Move> {
    let mut moves = Vec::with_capacity(2 * levels.len());
    for (i, &[now, next]) in levels.array_windows().enumerate() {
        let Some(&middle) = middles.get(i).filter(|_| next.sigma > 0.0) else {
            let latents = next.sigma / now.sigma;
            moves.push(Move {
                latents,
                denoised: 1.0 - latents,
                ..Move::from(now)
            });
            continue;
        };
        let (first, second) = (ancestral(now, middle), ancestral(now, next));
        moves.push(Move {
            latents: first.latents,
            denoised: 1.0 - first.latents,
            noise: first.noise,
            ..Move::from(now)
        });
        // x = (y - (1 - first.latents) * D - first.noise * noise) / first.latents
        let latents = second.latents / first.latents;
        let share_squared = (now.sigma - middle.sigma) / (now.sigma - next.sigma);
        moves.push(Move {
            latents,
            denoised: 1.0 - second.latents,
            previous_denoised: -latents * (1.0 - first.latents),
            noise: second.noise * (1.0 - share_squared).max(0.0).sqrt(),
            previous_noise: second.noise * share_squared.sqrt() - latents * first.noise,
            ..Move::from(middle)
        });
    }
    moves
}

struct Ancestral {
    latents: f64,
    noise: f64,
}

/// Down to sigma_down and up again by sigma_up, as DDPM's ancestral sampling.
fn ancestral(from: Level, to: Level) -> Ancestral {
    let ratio = to.sigma / from.sigma;
    Ancestral {
        latents: ratio * ratio, // sigma_down / sigma, sigma_down = sigma_to^2 / sigma
        noise: to.sigma * (1.0 - ratio * ratio).max(0.0).sqrt(),
    }
}
