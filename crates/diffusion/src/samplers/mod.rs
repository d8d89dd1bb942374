//! The samplers, a file each. They know noise levels and denoised latents; none knows epsilon or v.
//!
//! Each takes `levels`, the noise levels from the first step's to the last one's result (one more
//! than steps), and gives a [`Move`] a step, from the level `now` to the level `next`.

mod ddim;
mod dpmpp_2m;
mod euler;
mod euler_ancestral;

pub(crate) use ddim::ddim;
pub(crate) use dpmpp_2m::dpmpp_2m;
pub(crate) use euler::euler;
pub(crate) use euler_ancestral::euler_ancestral;

/// The second half of a [`Step`](crate::Step): what `next` is made of.
#[derive(Default)]
pub(crate) struct Move {
    pub latents: f64,
    pub denoised: f64,
    pub previous_denoised: f64,
    pub noise: f64,
}
