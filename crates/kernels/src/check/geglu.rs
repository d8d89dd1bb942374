//! GEGLU, against its definition with an error function by series in f64.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use burn::tensor::Device;

use super::{Answer, CLOSE, Extent, noise, note, tensor};
use crate::{KernelError, geglu};

/// Kummer's series, which for the arguments here converges to the last digits.
fn erf(x: f64) -> f64 {
    let mut term = x;
    let mut sum = x;
    for n in 1..200 {
        term *= 2.0 * x * x / (2.0 * f64::from(n) + 1.0);
        sum += term;
    }
    2.0 / PI.sqrt() * (-x * x).exp() * sum
}

/// The result, and the gradient of x.
fn definition(x: &[f32], probe: &[f32], n: usize) -> [Vec<f64>; 2] {
    let mut out = vec![0.0; probe.len()];
    let mut grad = vec![0.0; x.len()];
    for (i, &g) in probe.iter().enumerate() {
        let at = i / n * 2 * n + i % n;
        let [hidden, gate, g] = [x[at], x[at + n], g].map(f64::from);
        let phi = 0.5 + 0.5 * erf(gate * FRAC_1_SQRT_2);
        let density = (-0.5 * gate * gate).exp() / (2.0 * PI).sqrt();
        out[i] = hidden * gate * phi;
        grad[at] = g * gate * phi;
        grad[at + n] = g * hidden * (phi + gate * density);
    }
    [out, grad]
}

pub async fn ask(
    device: &Device,
    extent: Extent,
    answers: &mut Vec<Answer>,
) -> Result<(), KernelError> {
    let cases: &[[usize; 2]] = match extent {
        Extent::Quick => &[[6, 16]],
        Extent::Full => &[[6, 16], [1, 1], [3, 5], [300, 7], [40, 640]],
    };
    for &[rows, n] in cases {
        // Gates from -4 to 4.
        let x: Vec<f32> = noise(rows * 2 * n, 1).iter().map(|x| 4.0 * x).collect();
        let probe = noise(rows * n, 2);
        let [out, grad] = definition(&x, &probe, n);
        let leaf = tensor(&x, [rows, 2 * n], device).autodiff().require_grad();
        let y = geglu(leaf.clone());
        let what = |part: &str| format!("{part} of GEGLU, {rows} rows to {n}");
        note(answers, what("result"), y.clone(), &out, CLOSE).await?;
        let probe = tensor(&probe, [rows, n], device).autodiff();
        let gradients = (y * probe).sum().backward();
        let found = leaf.grad(&gradients);
        let found = found.unwrap_or_else(|| tensor(&[], [0, 0], device));
        note(answers, what("gradient"), found, &grad, CLOSE).await?;
    }
    Ok(())
}
