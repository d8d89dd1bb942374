//! What holds of every plan, whatever the sampler, and what is refused.

use atelier_diffusion::{
    DiffusionError, Element, NoiseSchedule, PredictionType, Sampler, SchedulerConfig, Step,
    TimestepSpacing, Trajectory,
};

const SPACINGS: [TimestepSpacing; 3] = [
    TimestepSpacing::Leading,
    TimestepSpacing::Trailing,
    TimestepSpacing::Linspace,
];
const SAMPLERS: [Sampler; 13] = [
    Sampler::Ddim { eta: 0.0 },
    Sampler::Ddim { eta: 1.0 },
    Sampler::Euler,
    Sampler::EulerAncestral,
    Sampler::Heun,
    Sampler::HeunKarras,
    Sampler::Dpmpp2m,
    Sampler::Dpmpp2mKarras,
    Sampler::DpmppSde,
    Sampler::DpmppSdeKarras,
    Sampler::UniPc,
    Sampler::UniPcKarras,
    Sampler::Lcm,
];

/// How often the network is asked.
fn evaluations(sampler: Sampler, steps: usize) -> usize {
    match sampler {
        Sampler::Heun | Sampler::HeunKarras | Sampler::DpmppSde | Sampler::DpmppSdeKarras => {
            2 * steps - 1
        }
        _ => steps,
    }
}

/// The latents after a step, the tensors looked back at being what is left of the last steps.
fn advance(step: &Step, latents: f64, output: f64, noise: f64, past: &mut Element) -> f64 {
    *past = Element {
        latents,
        denoised: step.denoise(latents, output),
        noise,
        previous_denoised: past.denoised,
        earlier_denoised: past.previous_denoised,
        previous_noise: past.noise,
    };
    step.advance(*past)
}

fn schedule(
    spacing: TimestepSpacing,
    prediction_type: PredictionType,
    zero_snr: bool,
) -> NoiseSchedule {
    let config = SchedulerConfig {
        beta_start: 0.00085,
        beta_end: 0.012,
        prediction_type,
        rescale_betas_zero_snr: zero_snr,
        timestep_spacing: Some(spacing),
        ..SchedulerConfig::default()
    };
    NoiseSchedule::new(&config).unwrap()
}

/// A network that knows the picture draws it, whatever it predicts and however few the steps.
#[test]
fn a_perfect_network_gives_the_picture() {
    let picture = 0.8;
    for spacing in SPACINGS {
        for prediction in [
            PredictionType::Epsilon,
            PredictionType::VPrediction,
            PredictionType::Sample,
        ] {
            for sampler in SAMPLERS {
                for steps in [1, 2, 3, 7, 20, 100, 900] {
                    let schedule = schedule(spacing, prediction, false);
                    let Ok(plan) = sampler.plan(&schedule, steps) else {
                        let too_many = match sampler {
                            Sampler::Lcm => steps > 50,
                            _ => (spacing, steps) == (TimestepSpacing::Leading, 900),
                        };
                        assert!(too_many, "{sampler:?} {spacing:?} {steps}");
                        continue;
                    };
                    let mut latents = plan.init_noise_sigma * 0.3;
                    let mut past = Element::default();
                    for (at, step) in plan.steps.iter().enumerate() {
                        // The network knows alpha and sigma of its input, and picture and noise
                        // from them.
                        let input = step.c_in * latents;
                        let output = (picture - step.c_skip * latents) / step.c_out;
                        assert!(input.is_finite() && output.is_finite());
                        if at == 0 {
                            assert_eq!((step.previous_denoised, step.previous_noise), (0.0, 0.0));
                        }
                        if at <= 1 {
                            assert_eq!(step.earlier_denoised, 0.0);
                        }
                        latents = advance(step, latents, output, 0.0, &mut past);
                    }
                    // f64 throughout; a hundred steps and a c_out of 0.01 cost some digits. LCM
                    // leaves c_skip of the latents, 0.25 / (10 * 19)^2, and one step in a thousand
                    // of 1 - c_out.
                    let tolerance = if sampler == Sampler::Lcm { 1e-4 } else { 1e-9 };
                    assert!(
                        (latents - picture).abs() < tolerance,
                        "{sampler:?} {spacing:?} {steps}: {latents}"
                    );
                }
            }
        }
    }
}

/// DDIM is Euler's method in other variables (Song et al., section 4.3), so where both visit whole
/// timesteps the pictures agree. This is what checks DDIM's linspace, where diffusers steps
/// elsewhere than it goes.
#[test]
fn ddim_is_euler() {
    for spacing in SPACINGS {
        for prediction in [PredictionType::Epsilon, PredictionType::VPrediction] {
            let schedule = schedule(spacing, prediction, false);
            // 1 + 27 k divides 999 evenly
            let (ddim, euler) = (
                Sampler::Ddim { eta: 0.0 }.plan(&schedule, 28),
                Sampler::Euler.plan(&schedule, 28),
            );
            let (ddim, euler) = (ddim.unwrap(), euler.unwrap());
            let mut x = 0.4;
            // The same start in Euler's scale: x / alpha, and c_in is alpha.
            let mut y = x / euler.steps[0].c_in;
            for (at, (a, b)) in ddim.steps.iter().zip(&euler.steps).enumerate() {
                assert!((a.timestep - b.timestep).abs() < 1e-9);
                assert!((x * a.c_in - y * b.c_in).abs() < 1e-9, "{spacing:?} {at}");
                let output = (at as f64).sin();
                x = advance(a, x, output, 0.0, &mut Element::default());
                y = advance(b, y, output, 0.0, &mut Element::default());
            }
            assert!((x - y).abs() < 1e-9);
        }
    }
}

/// Whatever a step adds and takes, latents of the right noise level come to the next one's.
#[test]
fn noise_levels_are_kept() {
    for spacing in SPACINGS {
        for sampler in [
            Sampler::Ddim { eta: 0.0 },
            Sampler::Ddim { eta: 0.5 },
            Sampler::EulerAncestral,
        ] {
            let schedule = schedule(spacing, PredictionType::Epsilon, false);
            let plan = sampler.plan(&schedule, 15).unwrap();
            for pair in plan.steps.windows(2) {
                let (now, next) = (pair[0], pair[1]);
                // epsilon: denoised = latents / alpha - sigma / alpha * output, so sigma = -c_out /
                // c_skip
                let sigma = |step: Step| -step.c_out / step.c_skip;
                assert!((sigma(now) - now.sigma).abs() < 1e-9 * now.sigma);
                // latents = alpha * denoised + sigma * e: what of e remains, and the new noise
                let variance = (now.latents * sigma(now)).powi(2) + now.noise.powi(2);
                assert!(
                    (variance.sqrt() - sigma(next)).abs() < 1e-9,
                    "{sampler:?} {spacing:?}"
                );
            }
            assert!(
                plan.steps.last().unwrap().noise.abs() < 1e-12,
                "the last step adds no noise"
            );
        }
    }
}

#[test]
fn an_image_to_image_plan_is_the_end_of_a_plan() {
    for sampler in [
        Sampler::Ddim { eta: 0.5 },
        Sampler::Euler,
        Sampler::EulerAncestral,
    ] {
        let schedule = schedule(TimestepSpacing::Trailing, PredictionType::VPrediction, true);
        let whole = sampler.plan(&schedule, 20).unwrap();
        for (strength, taken) in [(1.0, 20), (0.5, 10), (0.31, 6), (0.01, 1), (1e-300, 1)] {
            let part = sampler
                .plan_image_to_image(&schedule, 20, strength)
                .unwrap();
            assert_eq!(part.steps, whole.steps[20 - taken..]);
            assert!(
                part.init_noise_sigma > 0.0
                    && (part.init_latents > 0.0) == (strength < 1.0 || part.steps[0].c_in != 1.0)
            );
        }
    }
    // DPM++ starts anew: its first step has no previous one, wherever it starts.
    let schedule = schedule(TimestepSpacing::Trailing, PredictionType::VPrediction, true);
    let part = Sampler::Dpmpp2m
        .plan_image_to_image(&schedule, 20, 0.5)
        .unwrap();
    assert_eq!(
        (part.steps.len(), part.steps[0].previous_denoised),
        (10, 0.0)
    );
}

#[test]
fn absurd_requests_are_refused_and_never_panic() {
    for spacing in SPACINGS {
        let schedule = schedule(spacing, PredictionType::VPrediction, true);
        for sampler in SAMPLERS {
            for steps in [0, 1001, 1 << 40, usize::MAX] {
                let error = sampler.plan(&schedule, steps).expect_err("must be refused");
                assert!(matches!(error, DiffusionError::Steps { .. }));
                assert!(
                    error.to_string().contains("Choose between 1 and"),
                    "{error}"
                );
                assert!(sampler.plan_image_to_image(&schedule, steps, 0.5).is_err());
            }
            for strength in [0.0, -1.0, 1.1, f64::NAN, f64::INFINITY] {
                let refused = sampler.plan_image_to_image(&schedule, 10, strength);
                assert!(matches!(refused, Err(DiffusionError::Strength(_))));
            }
        }
        for eta in [-0.1, 1.1, f64::NAN] {
            assert!(matches!(
                Sampler::Ddim { eta }.plan(&schedule, 10),
                Err(DiffusionError::Eta(_))
            ));
        }
    }
}

/// Every number of steps that is not refused gives a plan of that length, of finite numbers,
/// noisiest first.
#[test]
fn every_possible_number_of_steps_works() {
    for train in [1, 2, 3, 10, 37] {
        for offset in [0, 1, 5, usize::MAX] {
            for spacing in SPACINGS {
                let config = SchedulerConfig {
                    num_train_timesteps: train,
                    timestep_spacing: Some(spacing),
                    steps_offset: offset,
                    ..SchedulerConfig::default()
                };
                let schedule = NoiseSchedule::new(&config).unwrap();
                for sampler in SAMPLERS {
                    for steps in 1..=train {
                        match sampler.plan(&schedule, steps) {
                            Ok(plan) => {
                                assert_eq!(plan.steps.len(), evaluations(sampler, steps));
                                assert!(plan.steps.is_sorted_by(|a, b| a.timestep >= b.timestep));
                                assert!(
                                    plan.steps
                                        .iter()
                                        .all(|s| s.timestep >= 0.0 && s.timestep < train as f64)
                                );
                            }
                            Err(DiffusionError::Steps { got, most }) => {
                                assert!(got > most && most >= 1)
                            }
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn schedules_that_f32_cannot_hold_are_refused() {
    let config = SchedulerConfig {
        beta_start: 0.9,
        beta_end: 0.9,
        ..SchedulerConfig::default()
    };
    let schedule = NoiseSchedule::new(&config).unwrap();
    for sampler in SAMPLERS {
        if let Err(error) = sampler.plan(&schedule, 10) {
            assert!(
                matches!(
                    error,
                    DiffusionError::TooLarge { .. } | DiffusionError::NoiseAtZeroSnr
                ),
                "{error}"
            );
        }
    }
}

/// DPM++ SDE's second half gets the latents of the first back, noise and all, so both noises end up
/// in the result as one Brownian motion puts them there.
#[test]
fn both_noises_of_dpmpp_sde_keep_the_level() {
    for sampler in [Sampler::DpmppSde, Sampler::DpmppSdeKarras] {
        let schedule = schedule(TimestepSpacing::Leading, PredictionType::Epsilon, false);
        let plan = sampler.plan(&schedule, 12).unwrap();
        for at in (0..plan.steps.len() - 2).step_by(2) {
            // A perfect network of the picture 0: what is left of x, the first noise, the second.
            let follow = |x: f64, noises: [f64; 2]| {
                let mut past = Element::default();
                let mut latents = x;
                for (step, noise) in plan.steps[at..at + 2].iter().zip(noises) {
                    let output = -step.c_skip * latents / step.c_out;
                    latents = advance(step, latents, output, noise, &mut past);
                }
                latents
            };
            let sigma = plan.steps[at].sigma;
            let variance = follow(sigma, [0.0, 0.0]).powi(2)
                + follow(0.0, [1.0, 0.0]).powi(2)
                + follow(0.0, [0.0, 1.0]).powi(2);
            let next = plan.steps[at + 2].sigma;
            assert!(
                (variance.sqrt() / next - 1.0).abs() < 1e-9,
                "{sampler:?} {at}"
            );
        }
    }
}

/// What is known of a picture stays, what is not goes its way.
#[test]
fn inpainting_keeps_what_is_known() {
    let schedule = schedule(TimestepSpacing::Leading, PredictionType::Epsilon, false);
    for sampler in SAMPLERS {
        let plan = sampler.plan(&schedule, 8).unwrap();
        let mut trajectory = Trajectory::begin(&plan, &[0.3, 0.3], None).unwrap();
        let mut free = Trajectory::begin(&plan, &[0.3, 0.3], None).unwrap();
        for step in &plan.steps {
            trajectory
                .keep(step, &[0.8, 0.8], &[0.3, 0.3], &[0.0, 1.0])
                .unwrap();
            let kept = step.alpha * 0.8 + step.sigma * 0.3;
            assert!((f64::from(trajectory.latents()[0]) - kept).abs() < 1e-5 * kept.abs());
            trajectory.advance(step, &[0.1, 0.1], &[0.2, 0.2]).unwrap();
            free.advance(step, &[0.1, 0.1], &[0.2, 0.2]).unwrap();
        }
        assert_eq!(trajectory.latents()[1], free.latents()[1], "{sampler:?}");
    }
}

#[test]
fn tensors_of_other_lengths_are_refused() {
    let schedule = schedule(TimestepSpacing::Leading, PredictionType::Epsilon, false);
    let plan = Sampler::EulerAncestral.plan(&schedule, 3).unwrap();
    assert!(Trajectory::begin(&plan, &[0.0; 4], Some(&[0.0; 3])).is_err());
    let mut trajectory = Trajectory::begin(&plan, &[0.0; 4], None).unwrap();
    let step = &plan.steps[0];
    assert!(trajectory.advance(step, &[0.0; 3], &[0.0; 4]).is_err());
    assert!(trajectory.advance(step, &[0.0; 4], &[0.0; 5]).is_err());
    assert!(
        trajectory.advance(step, &[0.0; 4], &[]).is_err(),
        "it needs noise"
    );
    assert!(
        trajectory
            .keep(step, &[0.0; 4], &[0.0; 4], &[0.0; 1])
            .is_err()
    );
    assert!(trajectory.advance(step, &[0.0; 4], &[0.0; 4]).is_ok());
}

#[test]
fn names_lead_back_to_their_samplers() {
    for sampler in Sampler::ALL {
        assert_eq!(Sampler::from_name(sampler.name()), Some(sampler));
    }
    assert_eq!(
        Sampler::from_name(" dpm++ 2m karras "),
        Some(Sampler::Dpmpp2mKarras)
    );
    assert_eq!(Sampler::from_name("unipc"), Some(Sampler::UniPc));
    assert_eq!(Sampler::from_name("PLMS"), None);
}
