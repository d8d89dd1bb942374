//! Every sampler against diffusers' schedulers, step by step (tests/golden/schedulers.json;
//! README.md there).

use std::collections::BTreeMap;

use atelier_diffusion::{
    DiffusionError, Element, NoiseSchedule, Plan, PredictionType, Sampler, SchedulerConfig,
    Trajectory,
};
use serde::Deserialize;

/// Both sides compute in f64 (README.md says how diffusers is made to), and the file holds twelve
/// digits. What is left is rounding: at zero SNR a thousandfold cancellation of 1e-16 in
/// sqrt(alpha_bar), then up to 20 steps.
const TOLERANCE: f64 = 1e-10;

/// What diffusers itself, in f32, may stray from that; it is the cancellation above, of 6e-8.
const DIFFUSERS_TOLERANCE: f64 = 1e-3;

#[derive(Deserialize)]
struct Golden {
    configs: Vec<String>,
    start: Vec<f64>,
    image: Vec<f64>,
    model_outputs: Vec<Vec<f64>>,
    noises: Vec<Vec<f64>>,
    tables: Vec<Table>,
    timesteps: Vec<Timesteps>,
    traces: Vec<Trace>,
}

#[derive(Deserialize)]
struct Table {
    config: usize,
    timesteps: Vec<usize>,
    alphas_cumprod: Vec<f64>,
    noisy_from_latents: Vec<f64>,
    noisy_from_noise: Vec<f64>,
    velocity_from_latents: Vec<f64>,
    velocity_from_noise: Vec<f64>,
    snr: Vec<f64>,
}

#[derive(Deserialize)]
struct Timesteps {
    sampler: String,
    steps: usize,
    config: usize,
    timesteps: Vec<f64>,
}

#[derive(Deserialize)]
struct Trace {
    sampler: String,
    steps: usize,
    strength: Option<f64>,
    config: usize,
    f32_deviation: f64,
    timesteps: Vec<f64>,
    model_inputs: Vec<Vec<f64>>,
    latents: Vec<Vec<f64>>,
}

impl Golden {
    fn read() -> Self {
        serde_json::from_str(include_str!("../../../tests/golden/schedulers.json")).unwrap()
    }

    fn schedule(&self, config: usize) -> NoiseSchedule {
        NoiseSchedule::new(&SchedulerConfig::from_json(&self.configs[config]).unwrap()).unwrap()
    }
}

fn sampler(name: &str) -> Sampler {
    match name {
        "ddim" => Sampler::Ddim { eta: 0.0 },
        "ddim_eta" => Sampler::Ddim { eta: 0.6 },
        "euler" => Sampler::Euler,
        "euler_ancestral" => Sampler::EulerAncestral,
        "dpmpp_2m" => Sampler::Dpmpp2m,
        "dpmpp_2m_karras" => Sampler::Dpmpp2mKarras,
        "heun" => Sampler::Heun,
        "heun_karras" => Sampler::HeunKarras,
        "dpmpp_sde" => Sampler::DpmppSde,
        "dpmpp_sde_karras" => Sampler::DpmppSdeKarras,
        "uni_pc" => Sampler::UniPc,
        "uni_pc_karras" => Sampler::UniPcKarras,
        "lcm" => Sampler::Lcm,
        _ => panic!("no sampler is called {name}"),
    }
}

/// The largest difference, against the largest number expected.
fn deviation(got: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len());
    let largest = expected
        .iter()
        .fold(0.0_f64, |most, value| most.max(value.abs()));
    let difference = got
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0_f64, f64::max);
    if difference == 0.0 {
        0.0
    } else {
        difference / largest
    }
}

#[test]
fn every_trace_agrees_step_by_step() {
    let golden = Golden::read();
    let mut worst = BTreeMap::<&str, f64>::new();
    for trace in &golden.traces {
        let schedule = golden.schedule(trace.config);
        let made = sampler(&trace.sampler);
        let plan = match trace.strength {
            None => made.plan(&schedule, trace.steps),
            Some(strength) => made.plan_image_to_image(&schedule, trace.steps, strength),
        }
        .unwrap();
        let title = format!(
            "{} {} {:?} {}",
            trace.sampler, trace.steps, trace.strength, golden.configs[trace.config]
        );
        let found = follow(&golden, trace, &plan, &title);
        let most = worst.entry(&trace.sampler).or_default();
        *most = most.max(found);
        assert!(found < TOLERANCE, "{found:.2e}: {title}");
        assert!(trace.f32_deviation < DIFFUSERS_TOLERANCE, "{title}");
    }
    for (name, deviation) in worst {
        println!("{name}: at most {deviation:.1e} from diffusers");
    }
}

fn follow(golden: &Golden, trace: &Trace, plan: &Plan, title: &str) -> f64 {
    assert_eq!(plan.steps.len(), trace.timesteps.len(), "{title}");
    let start =
        |i: usize| plan.init_latents * golden.image[i] + plan.init_noise_sigma * golden.start[i];
    let mut latents: Vec<f64> = (0..golden.start.len()).map(start).collect();
    let mut past = vec![Element::default(); latents.len()];
    let mut worst = deviation(&latents, &trace.latents[0]);
    for (at, step) in plan.steps.iter().enumerate() {
        // Euler's linspace timesteps are f32 in diffusers: 6e-8 of 999.
        assert!(
            (step.timestep - trace.timesteps[at]).abs() < 1e-4,
            "timestep {}: {title}",
            step.timestep
        );
        let input: Vec<f64> = latents.iter().map(|value| value * step.c_in).collect();
        worst = worst.max(deviation(&input, &trace.model_inputs[at]));
        for (i, value) in latents.iter_mut().enumerate() {
            let now = Element {
                latents: *value,
                denoised: step.denoise(*value, golden.model_outputs[at][i]),
                noise: golden.noises[at][i],
                previous_denoised: past[i].denoised,
                earlier_denoised: past[i].previous_denoised,
                previous_noise: past[i].noise,
            };
            *value = step.advance(now);
            past[i] = now;
        }
        worst = worst.max(deviation(&latents, &trace.latents[at + 1]));
    }
    worst
}

#[test]
fn the_same_timesteps_are_visited() {
    let golden = Golden::read();
    for expected in &golden.timesteps {
        let config = &golden.configs[expected.config];
        let plan = sampler(&expected.sampler)
            .plan(&golden.schedule(expected.config), expected.steps)
            .unwrap();
        let got: Vec<f64> = plan.steps.iter().map(|step| step.timestep).collect();
        if expected.steps == 1 {
            // Ours starts from noise at the noisiest timestep, diffusers' leading and linspace do
            // not.
            assert_eq!(got, [999.0]);
            continue;
        }
        assert_eq!(got.len(), expected.timesteps.len());
        let close = got
            .iter()
            .zip(&expected.timesteps)
            .all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(
            close,
            "{} {got:?} {:?} {config}",
            expected.sampler, expected.timesteps
        );
    }
}

#[test]
fn noising_targets_and_snr_agree() {
    let golden = Golden::read();
    for table in &golden.tables {
        let schedule = golden.schedule(table.config);
        for (i, &t) in table.timesteps.iter().enumerate() {
            let near = |name: &str, got: f64, expected: f64, tolerance: f64| {
                let close = (got - expected).abs() <= tolerance * expected.abs().max(1.0);
                assert!(
                    close,
                    "{name} {got} {expected}, timestep {t}: {}",
                    golden.configs[table.config]
                );
            };
            let level = schedule.level(t).unwrap();
            near(
                "alpha_bar",
                schedule.alphas_cumprod()[t],
                table.alphas_cumprod[i],
                TOLERANCE,
            );
            near("alpha", level.alpha, table.noisy_from_latents[i], TOLERANCE);
            near("sigma", level.sigma, table.noisy_from_noise[i], TOLERANCE);
            if schedule.config().prediction_type == PredictionType::VPrediction {
                let target = schedule.target(t).unwrap();
                near(
                    "v from latents",
                    target.latents,
                    table.velocity_from_latents[i],
                    TOLERANCE,
                );
                near(
                    "v from noise",
                    target.noise,
                    table.velocity_from_noise[i],
                    TOLERANCE,
                );
            }
            // compute_snr rounds alpha and sigma to f32 and squares them: 4 times 6e-8
            near("snr", schedule.snr(t).unwrap(), table.snr[i], 2.4e-7);
        }
    }
}

/// The engine keeps latents as f32.
#[test]
fn f32_is_enough() {
    let golden = Golden::read();
    let f32s = |values: &[f64]| -> Vec<f32> { values.iter().map(|&value| value as f32).collect() };
    let (start, image) = (f32s(&golden.start), f32s(&golden.image));
    let mut worst = 0.0_f64;
    for trace in &golden.traces {
        let (made, schedule) = (sampler(&trace.sampler), golden.schedule(trace.config));
        let (plan, image) = match trace.strength {
            None => (made.plan(&schedule, trace.steps), None),
            Some(strength) => (
                made.plan_image_to_image(&schedule, trace.steps, strength),
                Some(&image[..]),
            ),
        };
        let plan = plan.unwrap();
        let mut trajectory = Trajectory::begin(&plan, &start, image).unwrap();
        for (at, step) in plan.steps.iter().enumerate() {
            let (output, noise) = (f32s(&golden.model_outputs[at]), f32s(&golden.noises[at]));
            trajectory.advance(step, &output, &noise).unwrap();
            let got: Vec<f64> = trajectory.latents().iter().map(|&x| f64::from(x)).collect();
            worst = worst.max(deviation(&got, &trace.latents[at + 1]));
        }
    }
    println!("in f32: at most {worst:.1e}");
    // 6e-8 a rounding, one a tensor and step, 20 steps; diffusers' own f32 strays by 2e-4.
    assert!(worst < 5e-6, "{worst:.1e}");
}

/// Where diffusers divides by zero, there is an error that says what to do.
#[test]
fn noise_prediction_at_zero_snr_is_refused() {
    let config = r#"{"rescale_betas_zero_snr": true, "timestep_spacing": "trailing"}"#;
    let schedule = NoiseSchedule::new(&SchedulerConfig::from_json(config).unwrap()).unwrap();
    let refused = Sampler::Ddim { eta: 0.0 }.plan(&schedule, 10);
    assert!(matches!(refused, Err(DiffusionError::NoiseAtZeroSnr)));
    assert!(Sampler::Euler.plan(&schedule, 10).is_ok());
}
