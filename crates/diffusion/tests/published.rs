//! scheduler_config.json in the forms that the models artists have are published with (after diffusers'
//! documentation and conversion code), and what is read from them.

use atelier_diffusion::{NoiseSchedule, PredictionType, Sampler, SchedulerConfig, TimestepSpacing};

fn read(text: &str) -> SchedulerConfig {
    let config = SchedulerConfig::from_json(text).unwrap();
    NoiseSchedule::new(&config).unwrap();
    config
}

/// scheduler/scheduler_config.json of stable-diffusion-v1-5/stable-diffusion-v1-5; BK-SDM's is the
/// same.
const SD_1_5: &str = r#"{"_class_name": "PNDMScheduler", "_diffusers_version": "0.6.0", "beta_end": 0.012,
    "beta_schedule": "scaled_linear", "beta_start": 0.00085, "num_train_timesteps": 1000,
    "set_alpha_to_one": false, "skip_prk_steps": true, "steps_offset": 1, "trained_betas": null,
    "clip_sample": false}"#;
/// stabilityai/stable-diffusion-2-1
const SD_2_1: &str = r#"{"_class_name": "DDIMScheduler", "_diffusers_version": "0.8.0", "beta_end": 0.012,
    "beta_schedule": "scaled_linear", "beta_start": 0.00085, "clip_sample": false,
    "num_train_timesteps": 1000, "prediction_type": "v_prediction", "set_alpha_to_one": false,
    "skip_prk_steps": true, "steps_offset": 1, "trained_betas": null}"#;
/// stabilityai/sd-turbo
const SD_TURBO: &str = r#"{"_class_name": "EulerDiscreteScheduler", "_diffusers_version": "0.24.0.dev0",
    "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085, "clip_sample": false,
    "interpolation_type": "linear", "num_train_timesteps": 1000, "prediction_type": "epsilon",
    "sample_max_value": 1.0, "set_alpha_to_one": false, "sigma_max": null, "sigma_min": null,
    "skip_prk_steps": true, "steps_offset": 1, "timestep_spacing": "trailing",
    "timestep_type": "discrete", "trained_betas": null, "use_karras_sigmas": false}"#;
/// SimianLuo/LCM_Dreamshaper_v7
const LCM: &str = r#"{"_class_name": "LCMScheduler", "_diffusers_version": "0.22.0.dev0", "beta_end": 0.012,
    "beta_schedule": "scaled_linear", "beta_start": 0.00085, "clip_sample": false,
    "clip_sample_range": 1.0, "dynamic_thresholding_ratio": 0.995, "num_train_timesteps": 1000,
    "original_inference_steps": 50, "prediction_type": "epsilon", "rescale_betas_zero_snr": false,
    "sample_max_value": 1.0, "set_alpha_to_one": true, "steps_offset": 1, "thresholding": false,
    "timestep_spacing": "leading", "trained_betas": null}"#;
/// segmind/tiny-sd
const TINY_SD: &str = r#"{"_class_name": "DPMSolverMultistepScheduler", "_diffusers_version": "0.19.0.dev0",
    "algorithm_type": "dpmsolver++", "beta_end": 0.012, "beta_schedule": "scaled_linear",
    "beta_start": 0.00085, "clip_sample": false, "clip_sample_range": 1.0,
    "dynamic_thresholding_ratio": 0.995, "lambda_min_clipped": -Infinity, "lower_order_final": true,
    "num_train_timesteps": 1000, "prediction_type": "epsilon", "sample_max_value": 1.0,
    "set_alpha_to_one": false, "skip_prk_steps": true, "solver_order": 2, "solver_type": "midpoint",
    "steps_offset": 1, "thresholding": false, "timestep_spacing": "leading", "trained_betas": null,
    "use_karras_sigmas": false, "variance_type": null}"#;

#[test]
fn they_all_share_stable_diffusions_betas() {
    for text in [SD_1_5, SD_2_1, SD_TURBO, LCM, TINY_SD] {
        let config = read(text);
        assert_eq!((config.beta_start, config.beta_end), (0.00085, 0.012));
        // of stable-diffusion-v1-5, from diffusers' DDPMScheduler in f64
        let last = NoiseSchedule::new(&config).unwrap().alphas_cumprod()[999];
        assert!((last - 0.004_660_098).abs() < 1e-8, "{last}");
    }
}

#[test]
fn what_their_publishers_chose() {
    let chosen = |text| Sampler::published(&read(text));
    assert_eq!(chosen(SD_1_5), None, "PNDM is not among ours");
    assert_eq!(chosen(SD_2_1), Some(Sampler::Ddim { eta: 0.0 }));
    assert_eq!(chosen(SD_TURBO), Some(Sampler::Euler));
    assert_eq!(chosen(LCM), Some(Sampler::Lcm));
    assert_eq!(chosen(TINY_SD), Some(Sampler::Dpmpp2m));
    assert_eq!(read(SD_2_1).prediction_type, PredictionType::VPrediction);
    let spacing = read(SD_TURBO).timestep_spacing;
    assert_eq!(spacing, Some(TimestepSpacing::Trailing));
}

/// SD-Turbo draws in one to four steps, of which the first must be told 999.
#[test]
fn sd_turbos_timesteps() {
    let schedule = NoiseSchedule::new(&read(SD_TURBO)).unwrap();
    for sampler in [Sampler::Euler, Sampler::EulerAncestral] {
        let visited = |steps| -> Vec<f64> {
            let plan = sampler.plan(&schedule, steps).unwrap();
            plan.steps.iter().map(|step| step.timestep).collect()
        };
        assert_eq!(visited(1), [999.0]);
        assert_eq!(visited(4), [999.0, 749.0, 499.0, 249.0]);
    }
}

/// LCM's four steps, as its paper's authors publish them.
#[test]
fn lcms_timesteps() {
    let schedule = NoiseSchedule::new(&read(LCM)).unwrap();
    let plan = Sampler::Lcm.plan(&schedule, 4).unwrap();
    let visited: Vec<f64> = plan.steps.iter().map(|step| step.timestep).collect();
    assert_eq!(visited, [999.0, 759.0, 499.0, 259.0]);
    assert_eq!(plan.steps[3].noise, 0.0);
    assert!(Sampler::Lcm.plan(&schedule, 51).is_err());
}
