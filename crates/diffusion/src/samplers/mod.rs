//! The samplers, a file each. They know noise levels and denoised latents; none knows epsilon or v.
//!
//! Each takes `levels`, the noise levels from the first step's to the last one's result (one more
//! than steps), and gives the [`Move`]s from each level `now` to the level `next`, one for each time
//! it asks the network.

mod ddim;
mod dpmpp_2m;
mod dpmpp_sde;
mod euler;
mod euler_ancestral;
mod heun;
mod lcm;
mod uni_pc;

pub(crate) use ddim::ddim;
pub(crate) use dpmpp_2m::dpmpp_2m;
pub(crate) use dpmpp_sde::dpmpp_sde;
pub(crate) use euler::euler;
pub(crate) use euler_ancestral::euler_ancestral;
pub(crate) use heun::heun;
pub(crate) use lcm::lcm;
pub(crate) use uni_pc::uni_pc;

use crate::Level;

/// The second half of a [`Step`](crate::Step): where the network is asked, and what `next` is made
/// of.
#[derive(Clone, Copy)]
pub(crate) struct Move {
    pub level: Level,
    pub latents: f64,
    pub denoised: f64,
    pub previous_denoised: f64,
    pub earlier_denoised: f64,
    pub noise: f64,
    pub previous_noise: f64,
}

impl Move {
    /// Nothing of anything, from `level`.
    fn from(level: Level) -> Self {
        Self {
            level,
            latents: 0.0,
            denoised: 0.0,
            previous_denoised: 0.0,
            earlier_denoised: 0.0,
            noise: 0.0,
            previous_noise: 0.0,
        }
    }
}

/// log(alpha / sigma), the time of the exponential integrators.
fn lambda(level: Level) -> f64 {
    libm::log(level.alpha / level.sigma)
}
