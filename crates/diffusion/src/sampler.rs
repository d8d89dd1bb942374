//! The samplers to choose from, and their plans.

use serde::{Deserialize, Serialize};

use crate::parameterisation::precondition;
use crate::samplers::{self, Move};
use crate::{
    DiffusionError, Level, NoiseSchedule, Plan, SchedulerConfig, Step, TimestepSpacing, spacing,
};

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
    Heun,
    /// [`Sampler::Heun`] at Karras et al.'s noise levels; so are the others of that ending.
    HeunKarras,
    Dpmpp2m,
    Dpmpp2mKarras,
    DpmppSde,
    DpmppSdeKarras,
    UniPc,
    UniPcKarras,
    /// For latent consistency models and LCM-LoRA: about 4 steps, guidance 1 to 2.
    Lcm,
}

impl Sampler {
    /// All of them, DDIM without noise.
    pub const ALL: [Self; 12] = [
        Self::Dpmpp2mKarras,
        Self::Dpmpp2m,
        Self::DpmppSdeKarras,
        Self::DpmppSde,
        Self::UniPc,
        Self::UniPcKarras,
        Self::Euler,
        Self::EulerAncestral,
        Self::Heun,
        Self::HeunKarras,
        Self::Ddim { eta: 0.0 },
        Self::Lcm,
    ];

    /// The name other tools write into a picture's recipe (A1111's `Sampler:`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Ddim { .. } => "DDIM",
            Self::Euler => "Euler",
            Self::EulerAncestral => "Euler a",
            Self::Heun => "Heun",
            Self::HeunKarras => "Heun Karras",
            Self::Dpmpp2m => "DPM++ 2M",
            Self::Dpmpp2mKarras => "DPM++ 2M Karras",
            Self::DpmppSde => "DPM++ SDE",
            Self::DpmppSdeKarras => "DPM++ SDE Karras",
            Self::UniPc => "UniPC",
            Self::UniPcKarras => "UniPC Karras",
            Self::Lcm => "LCM",
        }
    }

    /// The sampler of that [`name`](Self::name), whatever its case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|sampler| sampler.name().eq_ignore_ascii_case(name.trim()))
    }

    /// The sampler that a model's publisher chose: its scheduler_config.json's class and options.
    /// `None` for one that is not among ours (Stable Diffusion 1.x names PNDM).
    pub fn published(config: &SchedulerConfig) -> Option<Self> {
        let karras = config.use_karras_sigmas.unwrap_or(false);
        Some(match (config.class_name.as_deref()?, karras) {
            ("DDIMScheduler", _) => Self::Ddim { eta: 0.0 },
            ("EulerDiscreteScheduler", false) => Self::Euler,
            ("EulerAncestralDiscreteScheduler", _) => Self::EulerAncestral,
            ("HeunDiscreteScheduler", false) => Self::Heun,
            ("HeunDiscreteScheduler", true) => Self::HeunKarras,
            ("DPMSolverMultistepScheduler", false) => Self::Dpmpp2m,
            ("DPMSolverMultistepScheduler", true) => Self::Dpmpp2mKarras,
            ("DPMSolverSDEScheduler", false) => Self::DpmppSde,
            ("DPMSolverSDEScheduler", true) => Self::DpmppSdeKarras,
            ("UniPCMultistepScheduler", false) => Self::UniPc,
            ("UniPCMultistepScheduler", true) => Self::UniPcKarras,
            ("LCMScheduler", _) => Self::Lcm,
            _ => return None,
        })
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
        let whole = |timestep: f64| schedule.level(timestep.round_ties_even() as usize);
        match self {
            Self::Ddim { .. } => {
                let mut levels = spacing::timesteps(schedule, spacing, steps, 0)?
                    .into_iter()
                    .map(whole)
                    .collect::<Result<Vec<_>, _>>()?;
                let to_clean = schedule.config().set_alpha_to_one.unwrap_or(true);
                levels.push(if to_clean { clean } else { schedule.level(0)? });
                Ok(levels)
            }
            Self::Lcm => spacing::lcm(schedule, steps)?
                .into_iter()
                .map(whole)
                .chain([Ok(clean)])
                .collect(),
            Self::Euler | Self::EulerAncestral | Self::Heun | Self::DpmppSde => {
                let sigmas = schedule.sigmas();
                let timesteps = spacing::timesteps(schedule, spacing, steps, 0)?;
                let level = |timestep| exploding(timestep, spacing::sigma_at(&sigmas, timestep));
                Ok(timesteps.into_iter().map(level).chain([clean]).collect())
            }
            Self::HeunKarras | Self::DpmppSdeKarras => {
                let sigmas = schedule.sigmas();
                // diffusers lets the spacing choose between which levels
                let timesteps = spacing::timesteps(schedule, spacing, steps, 0)?;
                let at = |timestep: Option<&f64>| {
                    spacing::sigma_at(&sigmas, timestep.copied().unwrap_or(0.0))
                };
                let (sigma_max, sigma_min) = (at(timesteps.first()), at(timesteps.last()));
                let level = |sigma| exploding(spacing::timestep_at(&sigmas, sigma), sigma);
                Ok(spacing::karras(sigma_min, sigma_max, steps)
                    .map(level)
                    .chain([clean])
                    .collect())
            }
            Self::Dpmpp2m | Self::UniPc => {
                let sigmas = schedule.sigmas();
                let timesteps = spacing::timesteps(schedule, spacing, steps, 1)?;
                let level = |timestep: f64| {
                    let timestep = timestep.round_ties_even();
                    preserving(timestep, spacing::sigma_at(&sigmas, timestep))
                };
                Ok(timesteps.into_iter().map(level).chain([clean]).collect())
            }
            Self::Dpmpp2mKarras | Self::UniPcKarras => {
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
                Ok(spacing::karras(sigmas[0], sigmas[most - 1], steps)
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
            (
                Self::Ddim { .. }
                | Self::Lcm
                | Self::Dpmpp2m
                | Self::Dpmpp2mKarras
                | Self::UniPc
                | Self::UniPcKarras,
                _,
            ) => 1.0,
            (_, TimestepSpacing::Leading) => libm::hypot(first.sigma, first.alpha),
            _ => first.sigma,
        }
    }

    fn moves(
        self,
        schedule: &NoiseSchedule,
        levels: &[Level],
    ) -> Result<Vec<Move>, DiffusionError> {
        Ok(match self {
            Self::Ddim { eta } if (0.0..=1.0).contains(&eta) => samplers::ddim(levels, eta),
            Self::Ddim { eta } => return Err(DiffusionError::Eta(eta)),
            Self::Euler => samplers::euler(levels),
            Self::EulerAncestral => samplers::euler_ancestral(levels),
            Self::Heun | Self::HeunKarras => samplers::heun(levels),
            Self::Dpmpp2m | Self::Dpmpp2mKarras => samplers::dpmpp_2m(levels),
            Self::DpmppSde | Self::DpmppSdeKarras => {
                let sigmas = schedule.sigmas();
                let middles = levels.array_windows().map(|[now, next]| {
                    let sigma = (now.sigma * next.sigma).sqrt();
                    exploding(spacing::timestep_at(&sigmas, sigma), sigma)
                });
                samplers::dpmpp_sde(levels, &middles.collect::<Vec<_>>())
            }
            Self::UniPc | Self::UniPcKarras => samplers::uni_pc(levels),
            Self::Lcm => samplers::lcm(levels, schedule.config().timestep_scaling),
        })
    }

    fn plan_of(
        self,
        schedule: &NoiseSchedule,
        levels: &[Level],
        init_latents: f64,
        init_noise_sigma: f64,
    ) -> Result<Plan, DiffusionError> {
        let steps = self.moves(schedule, levels)?.into_iter().map(|step| {
            let scales = precondition(schedule.config().prediction_type, step.level)?;
            Ok(Step {
                timestep: step.level.timestep,
                c_in: scales.c_in,
                c_skip: scales.c_skip,
                c_out: scales.c_out,
                latents: step.latents,
                denoised: step.denoised,
                previous_denoised: step.previous_denoised,
                earlier_denoised: step.earlier_denoised,
                noise: step.noise,
                previous_noise: step.previous_noise,
                alpha: step.level.alpha,
                sigma: step.level.sigma,
            })
        });
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
