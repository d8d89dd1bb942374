//! The samplers to choose from, and their plans.

use serde::{Deserialize, Serialize};

use crate::parameterisation::precondition;
use crate::samplers::{self, Move};
use crate::{DiffusionError, Level, NoiseSchedule, Plan, Step, TimestepSpacing, spacing};

/// A way from noise to a picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampler {
    /// `eta` 0 adds no noise on the way, 1 as much as DDPM.
    Ddim {
        eta: f64,
    },
    Euler,
    EulerAncestral,
    Dpmpp2m,
    /// [`Sampler::Dpmpp2m`] at Karras et al.'s noise levels.
    Dpmpp2mKarras,
}

impl Sampler {
    /// All of them, DDIM without noise.
    pub const ALL: [Self; 5] = [
        Self::Dpmpp2mKarras,
        Self::Dpmpp2m,
        Self::Euler,
        Self::EulerAncestral,
        Self::Ddim { eta: 0.0 },
    ];

    /// The name other tools write into a picture's recipe (A1111's `Sampler:`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Ddim { .. } => "DDIM",
            Self::Euler => "Euler",
            Self::EulerAncestral => "Euler a",
            Self::Dpmpp2m => "DPM++ 2M",
            Self::Dpmpp2mKarras => "DPM++ 2M Karras",
        }
    }

    /// The sampler of that [`name`](Self::name), whatever its case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|sampler| sampler.name().eq_ignore_ascii_case(name.trim()))
    }

    /// The plan of a picture made from noise alone, in `steps` steps.
    ///
    /// # Errors
    /// A number of steps that is 0 or more than the schedule's timesteps allow, an eta outside 0 to
    /// 1, noise prediction at zero SNR, or a schedule whose coefficients f32 cannot hold.
    pub fn plan(self, schedule: &NoiseSchedule, steps: usize) -> Result<Plan, DiffusionError> {
        let levels = self.levels(schedule, steps)?;
        let init_noise_sigma = self.init_noise_sigma(schedule, levels[0]);
        self.plan_of(schedule, &levels, 0.0, init_noise_sigma)
    }

    /// The plan of a picture made from another: the last `strength` * `steps` steps (rounded down,
    /// at least one), which start from the image's latents with that level's noise.
    ///
    /// # Errors
    /// Those of [`plan`](Self::plan), and a strength that is not above 0 and at most 1.
    pub fn plan_image_to_image(
        self,
        schedule: &NoiseSchedule,
        steps: usize,
        strength: f64,
    ) -> Result<Plan, DiffusionError> {
        if !(strength > 0.0 && strength <= 1.0) {
            return Err(DiffusionError::Strength(strength));
        }
        let levels = self.levels(schedule, steps)?;
        let taken = ((steps as f64 * strength) as usize).clamp(1, steps);
        let levels = &levels[steps - taken..];
        self.plan_of(schedule, levels, levels[0].alpha, levels[0].sigma)
    }

    /// The noise levels from the first step's to the last one's result: `steps` + 1, at least two.
    fn levels(self, schedule: &NoiseSchedule, steps: usize) -> Result<Vec<Level>, DiffusionError> {
        let clean = Level {
            timestep: 0.0,
            alpha: 1.0,
            sigma: 0.0,
        };
        let spacing = self.spacing(schedule);
        match self {
            Self::Ddim { .. } => {
                let mut levels = spacing::timesteps(schedule, spacing, steps, 0)?
                    .into_iter()
                    .map(|timestep| schedule.level(timestep.round_ties_even() as usize))
                    .collect::<Result<Vec<_>, _>>()?;
                let to_clean = schedule.config().set_alpha_to_one.unwrap_or(true);
                levels.push(if to_clean { clean } else { schedule.level(0)? });
                Ok(levels)
            }
            Self::Euler | Self::EulerAncestral => {
                let sigmas = schedule.sigmas();
                let timesteps = spacing::timesteps(schedule, spacing, steps, 0)?;
                let level = |timestep| exploding(timestep, spacing::sigma_at(&sigmas, timestep));
                Ok(timesteps.into_iter().map(level).chain([clean]).collect())
            }
            Self::Dpmpp2m => {
                let sigmas = schedule.sigmas();
                let timesteps = spacing::timesteps(schedule, spacing, steps, 1)?;
                let level = |timestep: f64| {
                    let timestep = timestep.round_ties_even();
                    preserving(timestep, spacing::sigma_at(&sigmas, timestep))
                };
                Ok(timesteps.into_iter().map(level).chain([clean]).collect())
            }
            Self::Dpmpp2mKarras => {
                let most = schedule.num_train_timesteps();
                if steps == 0 || steps > most {
                    return Err(DiffusionError::Steps { got: steps, most });
                }
                let sigmas = schedule.sigmas();
                // diffusers tells the network whole timesteps
                let level = |sigma| {
                    preserving(
                        spacing::timestep_at(&sigmas, sigma).round_ties_even(),
                        sigma,
                    )
                };
                Ok(spacing::karras(&sigmas, steps)
                    .into_iter()
                    .map(level)
                    .chain([clean])
                    .collect())
            }
        }
    }

    /// The schedule's spacing, or the default of diffusers' scheduler for this sampler.
    fn spacing(self, schedule: &NoiseSchedule) -> TimestepSpacing {
        schedule.config().timestep_spacing.unwrap_or(match self {
            Self::Ddim { .. } => TimestepSpacing::Leading,
            _ => TimestepSpacing::Linspace,
        })
    }

    /// The deviation of the latents a picture starts from: 1 where levels preserve variance. Where
    /// they do not, leading spacing starts below the noisiest level and takes the latents' own
    /// variance in, as diffusers does.
    fn init_noise_sigma(self, schedule: &NoiseSchedule, first: Level) -> f64 {
        match (self, self.spacing(schedule)) {
            (Self::Euler | Self::EulerAncestral, TimestepSpacing::Leading) => {
                libm::hypot(first.sigma, first.alpha)
            }
            (Self::Euler | Self::EulerAncestral, _) => first.sigma,
            _ => 1.0,
        }
    }

    fn moves(self, levels: &[Level]) -> Result<Vec<Move>, DiffusionError> {
        Ok(match self {
            Self::Ddim { eta } if (0.0..=1.0).contains(&eta) => samplers::ddim(levels, eta),
            Self::Ddim { eta } => return Err(DiffusionError::Eta(eta)),
            Self::Euler => samplers::euler(levels),
            Self::EulerAncestral => samplers::euler_ancestral(levels),
            Self::Dpmpp2m | Self::Dpmpp2mKarras => samplers::dpmpp_2m(levels),
        })
    }

    fn plan_of(
        self,
        schedule: &NoiseSchedule,
        levels: &[Level],
        init_latents: f64,
        init_noise_sigma: f64,
    ) -> Result<Plan, DiffusionError> {
        let moves = self.moves(levels)?;
        let steps = levels.iter().zip(moves).map(
            |(
                &level,
                Move {
                    latents,
                    denoised,
                    previous_denoised,
                    noise,
                },
            )| {
                let scales = precondition(schedule.config().prediction_type, level)?;
                Ok(Step {
                    timestep: level.timestep,
                    c_in: scales.c_in,
                    c_skip: scales.c_skip,
                    c_out: scales.c_out,
                    latents,
                    denoised,
                    previous_denoised,
                    noise,
                })
            },
        );
        let steps = steps.collect::<Result<_, DiffusionError>>()?;
        Plan {
            init_latents,
            init_noise_sigma,
            steps,
        }
        .checked()
    }
}

/// The level of `sigma` beside latents of full size.
fn exploding(timestep: f64, sigma: f64) -> Level {
    Level {
        timestep,
        alpha: 1.0,
        sigma,
    }
}

/// The same level scaled to variance 1.
fn preserving(timestep: f64, sigma: f64) -> Level {
    let alpha = 1.0 / (sigma * sigma + 1.0).sqrt();
    Level {
        timestep,
        alpha,
        sigma: sigma * alpha,
    }
}
