//! `scheduler_config.json`, as diffusers writes it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::DiffusionError;

/// The fields of diffusers' `scheduler_config.json` (DDPM, DDIM, PNDM, Euler, Heun, DPM-Solver,
/// UniPC, LCM) that matter here.
///
/// Others are ignored, `clip_sample` and `thresholding` among them: they bound pixels, and latents
/// have no bound (diffusers' Stable Diffusion pipelines turn `clip_sample` off, whatever the file
/// says). A field left out takes diffusers' default; where that differs from scheduler to
/// scheduler it is `None` here, and the [`Sampler`](crate::Sampler) that reads it decides, as
/// diffusers' `from_config` does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SchedulerConfig {
    /// diffusers' scheduler that the model was published with.
    #[serde(rename = "_class_name")]
    pub class_name: Option<String>,
    /// Whether it was to run at Karras et al.'s noise levels.
    pub use_karras_sigmas: Option<bool>,
    /// Timesteps of training; a timestep is 0 (least noise) to this less one.
    pub num_train_timesteps: usize,
    /// Variance of the noise added at the first timestep.
    pub beta_start: f64,
    /// Variance of the noise added at the last timestep.
    pub beta_end: f64,
    /// How beta goes from the one to the other.
    pub beta_schedule: BetaSchedule,
    /// Every timestep's beta, in place of the three above.
    pub trained_betas: Option<Vec<f64>>,
    /// What the network's output is.
    pub prediction_type: PredictionType,
    /// Zero terminal SNR: the last timestep is noise alone (Lin et al., arXiv 2305.08891, algorithm
    /// 1).
    pub rescale_betas_zero_snr: bool,
    /// Which timesteps a sampler of fewer steps visits; `None`: leading for DDIM, linspace for the
    /// others.
    pub timestep_spacing: Option<TimestepSpacing>,
    /// Added to every timestep of leading spacing.
    pub steps_offset: usize,
    /// Whether DDIM's last step lands on the clean picture (`None`: it does) or on timestep 0.
    pub set_alpha_to_one: Option<bool>,
    /// The steps that a latent consistency model was distilled at, of which it takes a few.
    pub original_inference_steps: usize,
    /// A latent consistency model's timesteps are multiplied by it in its boundary condition.
    pub timestep_scaling: f64,
}

/// How beta_t grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BetaSchedule {
    /// beta_t evenly spaced (Ho et al., arXiv 2006.11239).
    Linear,
    /// sqrt(beta_t) evenly spaced (latent diffusion; Stable Diffusion).
    ScaledLinear,
    /// The cosine schedule, each beta 0.999 at most (Nichol and Dhariwal, arXiv 2102.09672).
    #[serde(rename = "squaredcos_cap_v2")]
    SquaredcosCapV2,
}

/// What the network predicts of `alpha * latents + sigma * noise`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PredictionType {
    /// The noise.
    Epsilon,
    /// v = alpha * noise - sigma * latents (Salimans and Ho, arXiv 2202.00512).
    VPrediction,
    /// The latents.
    Sample,
}

/// Which of the training timesteps a sampler visits (Lin et al., arXiv 2305.08891, table 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimestepSpacing {
    Leading,
    Trailing,
    Linspace,
}

impl Default for SchedulerConfig {
    /// diffusers' defaults.
    fn default() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 0.0001,
            beta_end: 0.02,
            beta_schedule: BetaSchedule::Linear,
            trained_betas: None,
            prediction_type: PredictionType::Epsilon,
            rescale_betas_zero_snr: false,
            timestep_spacing: None,
            steps_offset: 0,
            set_alpha_to_one: None,
            class_name: None,
            use_karras_sigmas: None,
            original_inference_steps: 50,
            timestep_scaling: 10.0,
        }
    }
}

impl SchedulerConfig {
    /// Reads the text of a `scheduler_config.json`.
    ///
    /// # Errors
    /// [`DiffusionError::Config`] for text that is not JSON, a field of the wrong kind, or a
    /// schedule or prediction type that is not known here. Values are judged by
    /// [`NoiseSchedule::new`](crate::NoiseSchedule::new).
    pub fn from_json(text: &str) -> Result<Self, DiffusionError> {
        Ok(serde_json::from_str(&without_python_numbers(text))?)
    }
}

/// Replaces Python's `-Infinity`, `Infinity` and `NaN`, which are not JSON, by `null` outside of
/// strings.
///
/// diffusers writes `"lambda_min_clipped": -Infinity` into every DPM-Solver's file.
fn without_python_numbers(text: &str) -> Cow<'_, str> {
    const NUMBERS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];
    if !NUMBERS.iter().any(|number| text.contains(number)) {
        return Cow::Borrowed(text);
    }
    let mut json = String::with_capacity(text.len());
    let (mut rest, mut in_string) = (text, false);
    while let Some(next) = rest.chars().next() {
        let number = NUMBERS
            .iter()
            .find(|number| !in_string && rest.starts_with(**number));
        let taken = match (number, next) {
            (Some(number), _) => {
                json.push_str("null");
                rest = &rest[number.len()..];
                continue;
            }
            (None, '\\') if in_string => {
                next.len_utf8() + rest[1..].chars().next().map_or(0, char::len_utf8)
            }
            (None, '"') => {
                in_string = !in_string;
                next.len_utf8()
            }
            _ => next.len_utf8(),
        };
        json.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    Cow::Owned(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_diffusers_defaults() {
        assert_eq!(
            SchedulerConfig::from_json("{}").unwrap(),
            SchedulerConfig::default()
        );
    }

    #[test]
    fn pythons_numbers_are_read_outside_of_strings_only() {
        let text = r#"{"lambda_min_clipped": -Infinity, "a": [NaN, Infinity], "b\"": "\\\" -Infinity \u00e9é"}"#;
        let json = without_python_numbers(text);
        assert_eq!(
            json,
            r#"{"lambda_min_clipped": null, "a": [null, null], "b\"": "\\\" -Infinity \u00e9é"}"#
        );
        assert!(SchedulerConfig::from_json(text).is_ok());
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_no_panic() {
        for text in [
            "",
            "[]1",
            "\u{0}",
            "{\"beta_start\": NaN}",
            "{\"beta_start\": 1e999}",
            "{\"num_train_timesteps\": -1}",
            "{\"num_train_timesteps\": 1e30}",
            "{\"beta_schedule\": \"sigmoid\"}",
            "{\"prediction_type\": \"flow_prediction\"}",
            "{\"trained_betas\": 3}",
            "NaN\"\\",
            "\"NaN\\",
            "\"Infinity\\é",
        ] {
            let error = SchedulerConfig::from_json(text).expect_err(text);
            assert!(matches!(error, DiffusionError::Config(_)), "{text}");
        }
    }
}
