//! From betas to alphas_cumprod, in f64.
//!
//! Powers and logarithms come from `libm`, not from the platform, so that the page and the command
//! line agree to the last bit.

use crate::config::{BetaSchedule, SchedulerConfig};

/// beta_t for every training timestep.
pub(crate) fn betas(config: &SchedulerConfig) -> Vec<f64> {
    let train = config.num_train_timesteps;
    if let Some(betas) = &config.trained_betas {
        return betas.clone();
    }
    match config.beta_schedule {
        BetaSchedule::Linear => linspace(config.beta_start, config.beta_end, train).collect(),
        BetaSchedule::ScaledLinear => {
            linspace(config.beta_start.sqrt(), config.beta_end.sqrt(), train)
                .map(|root| root * root)
                .collect()
        }
        BetaSchedule::SquaredcosCapV2 => squaredcos_cap_v2(train),
    }
}

/// The cosine schedule of Nichol and Dhariwal, "Improved Denoising Diffusion Probabilistic Models"
/// (arXiv 2102.09672), equation 17: alpha_bar(t) = cos^2((t + s) / (1 + s) * pi / 2), s = 0.008,
/// each beta 0.999 at most.
fn squaredcos_cap_v2(train: usize) -> Vec<f64> {
    let alpha_bar = |t: f64| {
        let cos = libm::cos((t + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2);
        cos * cos
    };
    let at = |i: usize| alpha_bar(i as f64 / train as f64);
    (0..train)
        .map(|i| (1.0 - at(i + 1) / at(i)).min(0.999))
        .collect()
}

/// The running product of 1 - beta_t.
pub(crate) fn alphas_cumprod(betas: &[f64]) -> Vec<f64> {
    betas
        .iter()
        .scan(1.0, |product, beta| {
            *product *= 1.0 - beta;
            Some(*product)
        })
        .collect()
}

/// Zero terminal SNR: Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed"
/// (arXiv 2305.08891), algorithm 1. sqrt(alpha_bar) is shifted so that its last is 0, and scaled so
/// that its first stays.
pub(crate) fn rescale_zero_terminal_snr(alphas_cumprod: &mut [f64]) {
    let (Some(first), Some(last)) = (alphas_cumprod.first(), alphas_cumprod.last()) else {
        return;
    };
    let (alpha_0, alpha_t) = (first.sqrt(), last.sqrt());
    for alpha_bar in alphas_cumprod {
        let root = (alpha_bar.sqrt() - alpha_t) * (alpha_0 / (alpha_0 - alpha_t));
        *alpha_bar = root * root;
    }
}

/// `count` numbers evenly spaced from `start` to `end`, both included; numpy.linspace to the bit.
pub(crate) fn linspace(start: f64, end: f64, count: usize) -> impl DoubleEndedIterator<Item = f64> {
    let last = count.saturating_sub(1).max(1);
    let gap = (end - start) / last as f64;
    (0..count).map(move |i| {
        if i == last {
            end
        } else {
            start + i as f64 * gap
        }
    })
}
