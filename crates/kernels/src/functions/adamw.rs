use burn::{backend::Dispatch, tensor::Tensor};

use crate::ops::StateOps;

/// Values of AdamW (Loshchilov and Hutter 2019) that hold for a whole run. Named as PyTorch names
/// them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    pub beta1: f32,
    pub beta2: f32,
    pub epsilon: f32,
    pub weight_decay: f32,
    /// Gradients are scaled down so that their global norm is at most this.
    pub max_norm: f32,
}

impl Default for AdamW {
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 1e-2,
            max_norm: 1.0,
        }
    }
}

/// The learning rates of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    pub rate: f32,
    /// So many parameters, from the first on, have a rate of their own.
    pub first: usize,
    /// That rate.
    pub of_first: f32,
}

impl From<f32> for Rates {
    /// One rate for all.
    fn from(rate: f32) -> Self {
        Self {
            rate,
            first: 0,
            of_first: 0.0,
        }
    }
}

impl AdamW {
    /// How many values [`Self::hyper`] gives.
    pub const HYPER: usize = 11;

    /// What [`adamw`] reads for the step numbered `step`, counted from 1. `active` false makes the
    /// step leave everything as it is: recorded steps are warmed up so.
    ///
    /// `Rates::first` is a multiple of [`VIEW_ALIGNMENT`](crate::VIEW_ALIGNMENT), which f32 holds up to 2^30.
    pub fn hyper(&self, active: bool, rates: impl Into<Rates>, step: u32) -> [f32; Self::HYPER] {
        let rates = rates.into();
        // In f64 since 1 - beta2^step loses its digits in f32 at the first steps.
        let correction = |beta: f32| (1.0 - f64::from(beta).powi(step.max(1) as i32)) as f32;
        [
            if active { 1.0 } else { 0.0 },
            rates.rate,
            self.beta1,
            self.beta2,
            self.epsilon,
            self.weight_decay,
            correction(self.beta1),
            correction(self.beta2),
            self.max_norm,
            rates.first as f32,
            rates.of_first,
        ]
    }
}

/// Parameters and their first and second moments, flat, f32, of one length.
#[derive(Clone, Debug)]
pub struct AdamWState {
    pub param: Tensor<1>,
    pub first: Tensor<1>,
    pub second: Tensor<1>,
}

impl AdamWState {
    /// Moments of zero for `param`.
    pub fn new(param: Tensor<1>) -> Self {
        Self {
            first: param.zeros_like(),
            second: param.zeros_like(),
            param,
        }
    }
}

/// One step of AdamW with clipping by the global norm, as `torch.nn.utils.clip_grad_norm_` and
/// `torch.optim.AdamW` do it. Returns the new state and the squared norm of `grad` before clipping,
/// `[1]`. When that norm is not finite the state stays as it was.
///
/// `grad` has the length of the parameters; `hyper` is [`AdamW::hyper`] on the device.
/// On a GPU the state is updated in its own buffers.
pub fn adamw(state: AdamWState, grad: Tensor<1>, hyper: Tensor<1>) -> (AdamWState, Tensor<1>) {
    let grad = grad.into_dispatch();
    let squared_norm = <Dispatch as StateOps>::squared_norm(grad.clone());
    let (param, first, second) = <Dispatch as StateOps>::adamw(
        state.param.into_dispatch(),
        state.first.into_dispatch(),
        state.second.into_dispatch(),
        grad,
        hyper.into_dispatch(),
        squared_norm.clone(),
    );
    let state = AdamWState {
        param: Tensor::from_dispatch(param),
        first: Tensor::from_dispatch(first),
        second: Tensor::from_dispatch(second),
    };
    (state, Tensor::from_dispatch(squared_norm))
}
