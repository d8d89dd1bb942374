//! How much noise a timestep means, and what training makes of it.

use crate::betas;
use crate::{DiffusionError, Gaussian, PredictionType, SchedulerConfig};

/// More training timesteps than anybody uses (1000 is the custom); a file that asks for more is
/// broken or hostile.
pub const MAX_TRAIN_TIMESTEPS: usize = 100_000;

/// diffusers' stand-in for an alpha_bar of 0, so that sigma is 4096 rather than infinite: f16's
/// smallest number.
const LEAST_ALPHA_BAR: f64 = 1.0 / (1 << 24) as f64;

/// A model's noise schedule: Ho et al., "Denoising Diffusion Probabilistic Models" (arXiv
/// 2006.11239).
#[derive(Debug, Clone)]
pub struct NoiseSchedule {
    config: SchedulerConfig,
    alphas_cumprod: Vec<f64>,
}

/// A noise level: noisy = `alpha` * latents + `sigma` * noise.
///
/// Variance preserving (alpha^2 + sigma^2 = 1) as the network was trained, or variance exploding
/// (alpha = 1) in the samplers after Karras et al.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// The timestep the network is told, in 0 to num_train_timesteps - 1; fractional between two.
    pub timestep: f64,
    pub alpha: f64,
    pub sigma: f64,
}

/// What the network is trained to give: target = `latents` * latents + `noise` * noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    pub latents: f64,
    pub noise: f64,
}

impl NoiseSchedule {
    /// Computes the schedule of `config`.
    ///
    /// # Errors
    /// Betas that are not between 0 and 1, or a number of training timesteps that is 0 (with zero
    /// terminal SNR: 1) or above [`MAX_TRAIN_TIMESTEPS`].
    pub fn new(config: &SchedulerConfig) -> Result<Self, DiffusionError> {
        check(config)?;
        let mut alphas_cumprod = betas::alphas_cumprod(&betas::betas(config));
        if config.rescale_betas_zero_snr {
            betas::rescale_zero_terminal_snr(&mut alphas_cumprod);
        }
        Ok(Self {
            config: config.clone(),
            alphas_cumprod,
        })
    }

    /// What the schedule was made of.
    pub fn config(&self) -> &SchedulerConfig {
        &self.config
    }

    /// How many timesteps there are.
    pub fn num_train_timesteps(&self) -> usize {
        self.alphas_cumprod.len()
    }

    /// alpha_bar of every timestep: the share of the latents in the variance. Falls from about 1.
    pub fn alphas_cumprod(&self) -> &[f64] {
        &self.alphas_cumprod
    }

    /// The level at which training adds noise: alpha = sqrt(alpha_bar), sigma = sqrt(1 -
    /// alpha_bar).
    ///
    /// # Errors
    /// A timestep that is not below [`num_train_timesteps`](Self::num_train_timesteps), here and
    /// below.
    pub fn level(&self, timestep: usize) -> Result<Level, DiffusionError> {
        let alpha_bar = self.alpha_bar(timestep)?;
        Ok(Level {
            timestep: timestep as f64,
            alpha: alpha_bar.sqrt(),
            sigma: (1.0 - alpha_bar).sqrt(),
        })
    }

    /// The coefficients of the training target, by the schedule's prediction type.
    pub fn target(&self, timestep: usize) -> Result<Target, DiffusionError> {
        let Level { alpha, sigma, .. } = self.level(timestep)?;
        Ok(match self.config.prediction_type {
            PredictionType::Epsilon => Target {
                latents: 0.0,
                noise: 1.0,
            },
            PredictionType::VPrediction => Target {
                latents: -sigma,
                noise: alpha,
            },
            PredictionType::Sample => Target {
                latents: 1.0,
                noise: 0.0,
            },
        })
    }

    /// Signal to noise: alpha_bar / (1 - alpha_bar).
    pub fn snr(&self, timestep: usize) -> Result<f64, DiffusionError> {
        let alpha_bar = self.alpha_bar(timestep)?;
        Ok(alpha_bar / (1.0 - alpha_bar))
    }

    /// The weight of a timestep's squared error: Hang et al., "Efficient Diffusion Training via
    /// Min-SNR Weighting Strategy" (arXiv 2303.09556), section 3.4, for the schedule's prediction
    /// type.
    ///
    /// All three amount to min(snr, gamma) on the error of the predicted latents. The paper's gamma
    /// is 5.
    ///
    /// # Errors
    /// A gamma that is not above 0, besides the timestep.
    pub fn min_snr_weight(&self, timestep: usize, gamma: f64) -> Result<f64, DiffusionError> {
        if gamma.is_nan() || gamma <= 0.0 {
            return Err(DiffusionError::Gamma(gamma));
        }
        let snr = self.snr(timestep)?;
        Ok(match self.config.prediction_type {
            // min(snr, gamma) / snr, with its limit 1 at zero SNR
            PredictionType::Epsilon => (gamma / snr).min(1.0),
            PredictionType::VPrediction => snr.min(gamma) / (snr + 1.0),
            PredictionType::Sample => snr.min(gamma),
        })
    }

    /// A timestep for training, each as likely as another.
    pub fn random_timestep(&self, random: &mut Gaussian) -> usize {
        // `new` keeps the length between 1 and MAX_TRAIN_TIMESTEPS.
        random.below(self.alphas_cumprod.len() as u32) as usize
    }

    fn alpha_bar(&self, timestep: usize) -> Result<f64, DiffusionError> {
        let last = self.alphas_cumprod.len() - 1;
        self.alphas_cumprod
            .get(timestep)
            .copied()
            .ok_or(DiffusionError::Timestep {
                got: timestep,
                last,
            })
    }

    /// sigma / alpha of every timestep, rising: the noise beside latents of variance 1.
    pub(crate) fn sigmas(&self) -> Vec<f64> {
        self.alphas_cumprod
            .iter()
            .map(|&alpha_bar| {
                if alpha_bar == 0.0 {
                    LEAST_ALPHA_BAR
                } else {
                    alpha_bar
                }
            })
            .map(|alpha_bar| ((1.0 - alpha_bar) / alpha_bar).sqrt())
            .collect()
    }
}

fn check(config: &SchedulerConfig) -> Result<(), DiffusionError> {
    let train = config.num_train_timesteps;
    // Rescaled, the only timestep would be the first, which stays, and the last, which becomes
    // zero.
    let least = if config.rescale_betas_zero_snr { 2 } else { 1 };
    if train < least || train > MAX_TRAIN_TIMESTEPS {
        return Err(DiffusionError::TrainTimesteps {
            got: train,
            least,
            most: MAX_TRAIN_TIMESTEPS,
        });
    }
    let between = |name, value: f64| {
        if value > 0.0 && value < 1.0 {
            Ok(())
        } else {
            Err(DiffusionError::Beta { name, value })
        }
    };
    match &config.trained_betas {
        Some(betas) if betas.len() != train => Err(DiffusionError::TrainedBetas {
            got: betas.len(),
            expected: train,
        }),
        Some(betas) => betas
            .iter()
            .try_for_each(|&beta| between("one of trained_betas", beta)),
        None => between("beta_start", config.beta_start).and(between("beta_end", config.beta_end)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BetaSchedule;

    fn v_prediction() -> SchedulerConfig {
        SchedulerConfig {
            prediction_type: PredictionType::VPrediction,
            rescale_betas_zero_snr: true,
            ..SchedulerConfig::default()
        }
    }

    #[test]
    fn zero_terminal_snr_is_zero_and_keeps_the_first() {
        for beta_schedule in [
            BetaSchedule::Linear,
            BetaSchedule::ScaledLinear,
            BetaSchedule::SquaredcosCapV2,
        ] {
            let plain = SchedulerConfig {
                beta_schedule,
                ..SchedulerConfig::default()
            };
            let rescaled = SchedulerConfig {
                rescale_betas_zero_snr: true,
                ..plain.clone()
            };
            let (plain, rescaled) = (
                NoiseSchedule::new(&plain).unwrap(),
                NoiseSchedule::new(&rescaled).unwrap(),
            );
            assert_eq!(rescaled.snr(999).unwrap(), 0.0);
            // One multiplication and one square root from equal, so a few units in the last place.
            assert!((rescaled.alphas_cumprod()[0] - plain.alphas_cumprod()[0]).abs() < 1e-15);
            assert!(rescaled.alphas_cumprod().is_sorted_by(|a, b| a > b));
        }
    }

    #[test]
    fn min_snr_weights_are_finite_at_zero_snr_and_agree_between_prediction_types() {
        let v = NoiseSchedule::new(&v_prediction()).unwrap();
        let epsilon = SchedulerConfig {
            prediction_type: PredictionType::Epsilon,
            ..v_prediction()
        };
        let epsilon = NoiseSchedule::new(&epsilon).unwrap();
        assert_eq!(v.min_snr_weight(999, 5.0).unwrap(), 0.0);
        assert_eq!(epsilon.min_snr_weight(999, 5.0).unwrap(), 1.0);
        for t in 0..999 {
            // The squared error of v is (snr + 1) times that of the latents, that of epsilon snr
            // times.
            let snr = v.snr(t).unwrap();
            let in_latents = v.min_snr_weight(t, 5.0).unwrap() * (snr + 1.0);
            let from_epsilon = epsilon.min_snr_weight(t, 5.0).unwrap() * snr;
            assert!((in_latents / from_epsilon - 1.0).abs() < 1e-12, "{t}");
            assert!((in_latents / snr.min(5.0) - 1.0).abs() < 1e-12, "{t}");
        }
    }

    #[test]
    fn v_and_its_latents_are_consistent() {
        let schedule = NoiseSchedule::new(&v_prediction()).unwrap();
        let (latents, noise) = (0.7, -1.3);
        for t in [0, 1, 500, 998, 999] {
            let (level, target) = (schedule.level(t).unwrap(), schedule.target(t).unwrap());
            let noisy = level.alpha * latents + level.sigma * noise;
            let v = target.latents * latents + target.noise * noise;
            // latents = alpha * noisy - sigma * v; all in f64
            assert!((level.alpha * noisy - level.sigma * v - latents).abs() < 1e-12);
        }
    }

    #[test]
    fn random_timesteps_reach_both_ends() {
        let schedule = NoiseSchedule::new(&v_prediction()).unwrap();
        let mut random = Gaussian::new(1, 0);
        let drawn: Vec<_> = (0..20_000)
            .map(|_| schedule.random_timestep(&mut random))
            .collect();
        assert_eq!(
            (drawn.iter().min(), drawn.iter().max()),
            (Some(&0), Some(&999))
        );
    }

    #[test]
    fn broken_schedules_are_refused_with_a_reason() {
        let with = |change: fn(&mut SchedulerConfig)| {
            let mut config = SchedulerConfig::default();
            change(&mut config);
            NoiseSchedule::new(&config)
                .expect_err("must be refused")
                .to_string()
        };
        assert!(with(|c| c.num_train_timesteps = 0).contains("between 1 and 100000"));
        assert!(with(|c| c.num_train_timesteps = usize::MAX).contains("num_train_timesteps"));
        assert!(
            with(|c| (c.num_train_timesteps, c.rescale_betas_zero_snr) = (1, true))
                .contains("between 2 and")
        );
        assert!(with(|c| c.beta_start = f64::NAN).contains("beta_start is NaN"));
        assert!(with(|c| c.beta_end = 1.0).contains("beta_end is 1"));
        assert!(with(|c| c.beta_start = -0.1).contains("beta_start is -0.1"));
        assert!(with(|c| c.beta_end = f64::INFINITY).contains("beta_end is inf"));
        assert!(with(|c| c.trained_betas = Some(vec![0.1; 3])).contains("3 betas for 1000"));
        assert!(
            with(|c| c.trained_betas = Some(vec![f64::NAN; 1000])).contains("trained_betas is NaN")
        );
    }

    #[test]
    fn timesteps_and_gammas_out_of_range_are_refused() {
        let schedule = NoiseSchedule::new(&v_prediction()).unwrap();
        assert!(matches!(
            schedule.level(1000),
            Err(DiffusionError::Timestep {
                got: 1000,
                last: 999
            })
        ));
        assert!(schedule.target(usize::MAX).is_err() && schedule.snr(1000).is_err());
        for gamma in [0.0, -1.0, f64::NAN] {
            assert!(matches!(
                schedule.min_snr_weight(0, gamma),
                Err(DiffusionError::Gamma(_))
            ));
        }
    }

    #[test]
    fn given_betas_take_the_place_of_a_schedule() {
        let config = SchedulerConfig {
            num_train_timesteps: 2,
            trained_betas: Some(vec![0.1, 0.5]),
            ..Default::default()
        };
        assert_eq!(
            NoiseSchedule::new(&config).unwrap().alphas_cumprod(),
            [0.9, 0.45]
        );
    }
}
