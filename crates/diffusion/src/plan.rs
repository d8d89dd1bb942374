//! A sampler's work as numbers: what a recorded graph reads, step after step.

use crate::DiffusionError;

/// Everything a sampler does for one picture, noisiest step first.
///
/// Start with `init_latents` * image latents + `init_noise_sigma` * noise (`init_latents` is 0
/// without an image), then take the steps in order. The last step's result is the picture's
/// latents. [`Trajectory`](crate::Trajectory) does that on tensors in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What the image's latents are multiplied by at the start; 0 when the picture is made from
    /// nothing.
    pub init_latents: f64,
    /// What noise of variance 1 is multiplied by at the start.
    pub init_noise_sigma: f64,
    /// One network evaluation each. Heun and DPM++ SDE take two to a sampling step (one for the
    /// last).
    pub steps: Vec<Step>,
}

/// One network evaluation and what follows. All tensors have the latents' shape `[batch, channels,
/// height, width]`:
///
/// ```text
/// model_output = network(step.c_in * latents, step.timestep)
/// denoised     = step.c_skip * latents + step.c_out * model_output
/// next         = step.latents * latents + step.denoised * denoised
///              + step.previous_denoised * previous_denoised
///              + step.earlier_denoised * earlier_denoised
///              + step.noise * noise + step.previous_noise * previous_noise
/// ```
///
/// Guidance, if any, is applied to `model_output` by the caller. `previous_denoised` is the last
/// evaluation's `denoised`, `earlier_denoised` the one's before it, `previous_noise` the last
/// evaluation's `noise`; where there was none, the coefficient is 0, so any finite tensor will do.
/// The noise has variance 1 and is new for each evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Step {
    /// What the network is told; may be fractional.
    pub timestep: f64,
    pub c_in: f64,
    pub c_skip: f64,
    pub c_out: f64,
    pub latents: f64,
    pub denoised: f64,
    pub previous_denoised: f64,
    pub earlier_denoised: f64,
    pub noise: f64,
    pub previous_noise: f64,
    /// The level of `latents` as the step begins: `alpha` * picture + `sigma` * noise. Inpainting
    /// puts what is known of the picture in at this level before the step.
    pub alpha: f64,
    pub sigma: f64,
}

/// One element of each tensor a step may look at. See [`Step`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Element {
    pub latents: f64,
    pub denoised: f64,
    pub previous_denoised: f64,
    pub earlier_denoised: f64,
    pub noise: f64,
    pub previous_noise: f64,
}

impl Step {
    /// The step as ten f32, in the order of the fields up to `previous_noise`: one row of the
    /// buffer a recorded graph reads.
    pub fn to_f32(&self) -> [f32; 10] {
        [
            self.timestep,
            self.c_in,
            self.c_skip,
            self.c_out,
            self.latents,
            self.denoised,
            self.previous_denoised,
            self.earlier_denoised,
            self.noise,
            self.previous_noise,
        ]
        .map(|value| value as f32)
    }

    /// `denoised` for one element: the definition, and the oracle for whoever computes it on
    /// tensors.
    pub fn denoise(&self, latents: f64, model_output: f64) -> f64 {
        self.c_skip * latents + self.c_out * model_output
    }

    /// `next` for one element.
    pub fn advance(&self, element: Element) -> f64 {
        self.latents * element.latents
            + self.denoised * element.denoised
            + self.previous_denoised * element.previous_denoised
            + self.earlier_denoised * element.earlier_denoised
            + self.noise * element.noise
            + self.previous_noise * element.previous_noise
    }
}

impl Plan {
    /// Whether any step adds noise; if none does, none need be drawn.
    pub fn adds_noise(&self) -> bool {
        self.steps.iter().any(|step| step.noise != 0.0)
    }

    /// The plan itself, if the GPU's f32 holds every number of it.
    pub(crate) fn checked(self) -> Result<Self, DiffusionError> {
        for step in &self.steps {
            if !step.to_f32().iter().all(|value| value.is_finite()) {
                return Err(DiffusionError::TooLarge {
                    timestep: step.timestep,
                });
            }
        }
        let timestep = self.steps.first().map_or(0.0, |step| step.timestep);
        let start = [self.init_latents as f32, self.init_noise_sigma as f32];
        if start.iter().all(|value| value.is_finite()) {
            Ok(self)
        } else {
            Err(DiffusionError::TooLarge { timestep })
        }
    }
}
