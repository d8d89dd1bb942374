use std::f64::consts::{FRAC_1_PI, TAU};

use burn::tensor::{Device, Tensor, activation};

use crate::ModelError;
use crate::adapt::Visitor;
use crate::layers::Linear;
use crate::tensors::Scope;

/// The longest period of the sinusoids, in timesteps (Vaswani et al., <https://arxiv.org/abs/1706.03762>).
const MAX_PERIOD: f32 = 10_000.0;

/// 2π in two parts. The first has so few bits that its products with whole numbers below 2^16 are exact in f32.
const TAU_HIGH: f64 = 6.281_25;
const TAU_LOW: f64 = TAU - TAU_HIGH;

/// Timesteps as sines and cosines of a range of frequencies.
#[derive(Debug, Clone)]
pub(crate) struct Timesteps {
    /// [1, width / 2], radians a timestep
    frequencies: Tensor<2>,
    flip_sin_to_cos: bool,
}

impl Timesteps {
    /// `width` must be even. `freq_shift` is what the exponents' denominator is reduced by.
    pub fn new(width: usize, flip_sin_to_cos: bool, freq_shift: f64, device: &Device) -> Self {
        let half = width / 2;
        // The reference's roundings, step by step: one unit in the last place here is 1e-4 in the phase of t = 999.
        let frequencies: Vec<f32> = (0..half)
            .map(|i| -MAX_PERIOD.ln() * i as f32 / (half as f64 - freq_shift) as f32)
            .map(|exponent| f64::from(exponent).exp() as f32)
            .collect();
        Self {
            frequencies: Tensor::<1>::from_floats(frequencies.as_slice(), device)
                .reshape([1, half]),
            flip_sin_to_cos,
        }
    }

    /// [batch], whole or fractional -> [batch, width]
    pub fn forward(&self, timesteps: Tensor<1>) -> Tensor<2> {
        let [batch] = timesteps.dims();
        let phase = within_half_turn(timesteps.reshape([batch, 1]) * self.frequencies.clone());
        let (sin, cos) = (phase.clone().sin(), phase.cos());
        match self.flip_sin_to_cos {
            true => Tensor::cat(vec![cos, sin], 1),
            false => Tensor::cat(vec![sin, cos], 1),
        }
    }
}

/// The same angle within [-π, π]: outside of that, WGSL promises nothing of sin and cos.
fn within_half_turn(radians: Tensor<2>) -> Tensor<2> {
    let turns = (radians.clone() * (FRAC_1_PI / 2.0)).round();
    radians - turns.clone() * TAU_HIGH - turns * TAU_LOW
}

/// The two layers that follow the sinusoids.
#[derive(Debug, Clone)]
pub(crate) struct TimestepEmbedding {
    /// Of models that are told the scale of guidance too.
    cond_proj: Option<Linear>,
    linear_1: Linear,
    linear_2: Linear,
}

impl TimestepEmbedding {
    /// `condition` is the width of the embedding of the scale of guidance, of models that are told it.
    pub fn load(
        scope: &mut Scope,
        inputs: usize,
        width: usize,
        condition: Option<usize>,
    ) -> Result<Self, ModelError> {
        Ok(Self {
            cond_proj: condition
                .map(|condition| {
                    Linear::load_without_bias(&mut scope.child("cond_proj"), condition, inputs)
                })
                .transpose()?,
            linear_1: Linear::load(&mut scope.child("linear_1"), inputs, width)?,
            linear_2: Linear::load(&mut scope.child("linear_2"), width, width)?,
        })
    }

    /// x [batch, inputs], condition [batch, condition] -> [batch, width]
    pub fn forward(&self, x: Tensor<2>, condition: Option<Tensor<2>>) -> Tensor<2> {
        let x = match (&self.cond_proj, condition) {
            (Some(cond_proj), Some(condition)) => x + cond_proj.forward(condition),
            _ => x,
        };
        let x = activation::silu(self.linear_1.forward(x));
        self.linear_2.forward(x)
    }

    pub fn projections(&mut self, visitor: &mut Visitor) {
        if let Some(cond_proj) = &mut self.cond_proj {
            visitor.linear("cond_proj", cond_proj);
        }
        visitor.linear("linear_1", &mut self.linear_1);
        visitor.linear("linear_2", &mut self.linear_2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1e-4: t = 999.25 is known to 3e-5 in f32, and so is its sine.
    #[test]
    fn agrees_with_sines_in_f64() {
        for (device, name) in [
            (Device::flex(), "cpu"),
            (Device::wgpu(Default::default()), "gpu"),
        ] {
            let timesteps = [0.0_f32, 1.0, 17.5, 500.0, 999.25];
            let embedding = Timesteps::new(8, true, 0.0, &device)
                .forward(Tensor::from_floats(timesteps, &device))
                .into_data();
            let found: Vec<f32> = embedding.iter().collect();
            for (row, timestep) in timesteps.iter().enumerate() {
                for i in 0..4 {
                    let phase = f64::from(*timestep) * 10_000_f64.powf(-(i as f64) / 4.0);
                    let expected = [phase.cos(), phase.sin()];
                    let found = [found[row * 8 + i], found[row * 8 + 4 + i]];
                    for (found, expected) in found.into_iter().zip(expected) {
                        let off = (f64::from(found) - expected).abs();
                        assert!(
                            off < 1e-4,
                            "{name}: {found} for {expected} at t = {timestep}"
                        );
                    }
                }
            }
        }
    }
}
