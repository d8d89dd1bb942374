//! The mathematics of diffusion on the CPU in f64: noise schedules, samplers, seeded noise. No
//! tensor is known here.
//!
//! A sampler's every step is linear in tensors that the caller has, so a sampler is a table of
//! coefficients: a [`Plan`] of [`Step`]s. A [`Trajectory`] carries it out on latents in memory; a
//! recorded graph can read one step's ten numbers from a small buffer.
//!
//! Start at [`SchedulerConfig::from_json`], make a [`NoiseSchedule`] of it, ask a [`Sampler`] for a
//! [`Plan`]; to train, take [`NoiseSchedule::level`], [`NoiseSchedule::target`] and
//! [`NoiseSchedule::min_snr_weight`]. Numbers that look random come from [`Gaussian`], or where
//! they should be those of other tools from [`TorchGenerator`]; both are the same natively and in
//! wasm.
//!
//! Layering as in k-diffusion: `samplers/` know neither epsilon nor v, `parameterisation` alone
//! does.

mod betas;
mod config;
mod error;
mod noise;
mod parameterisation;
mod plan;
mod sampler;
mod samplers;
mod schedule;
mod spacing;
mod torch_generator;
mod trajectory;

pub use config::{BetaSchedule, PredictionType, SchedulerConfig, TimestepSpacing};
pub use error::DiffusionError;
pub use noise::Gaussian;
pub use plan::{Element, Plan, Step};
pub use sampler::Sampler;
pub use schedule::{Level, MAX_TRAIN_TIMESTEPS, NoiseSchedule, Target};
pub use torch_generator::TorchGenerator;
pub use trajectory::Trajectory;
