//! Normalisations. Gradients against central differences of the definition.

use burn::tensor::Device;

use super::{Answer, CLOSE, Extent, NEAR, noise, note, tensor, values};
use crate::{KernelError, group_norm};

const EPS: f64 = 1e-5;

#[derive(Clone, Copy, Debug)]
struct Case {
    /// Batch, places, channels.
    shape: [usize; 3],
    groups: usize,
    silu: bool,
    /// A mean far from zero, where sums of squares lose their digits.
    offset: f32,
}

fn cases(extent: Extent) -> Vec<Case> {
    let case = |shape, groups, silu, offset| Case {
        shape,
        groups,
        silu,
        offset,
    };
    let mut cases = vec![
        case([2, 16, 32], 8, true, 0.0),
        case([4, 1, 40], 1, false, 0.0),
    ];
    if extent == Extent::Full {
        cases.extend([
            case([2, 64, 96], 32, true, 0.0),
            case([1, 16, 32], 32, false, 0.0),
            case([3, 5, 12], 4, true, 0.0),
            case([2, 1, 20], 1, false, 0.0),
            case([1, 300, 8], 2, true, 50.0),
            case([1, 1, 4], 1, false, 0.0),
            // More values a group than one invocation adds up.
            case([1, 1100, 8], 2, true, 0.0),
        ]);
    }
    cases
}

fn definition(x: &[f64], case: &Case, weight: &[f32], bias: &[f32]) -> Vec<f64> {
    let [batch, places, channels] = case.shape;
    let wide = channels / case.groups;
    let mut out = vec![0.0; x.len()];
    for set in 0..batch * case.groups {
        let (b, group) = (set / case.groups, set % case.groups);
        let all: Vec<usize> = (0..places * wide)
            .map(|i| (b * places + i / wide) * channels + group * wide + i % wide)
            .collect();
        let count = all.len() as f64;
        let mean = all.iter().map(|&i| x[i]).sum::<f64>() / count;
        let variance = all.iter().map(|&i| (x[i] - mean).powi(2)).sum::<f64>() / count;
        for i in all {
            let c = i % channels;
            let y =
                (x[i] - mean) / (variance + EPS).sqrt() * f64::from(weight[c]) + f64::from(bias[c]);
            out[i] = if case.silu { y / (1.0 + (-y).exp()) } else { y };
        }
    }
    out
}

pub async fn ask(
    device: &Device,
    extent: Extent,
    answers: &mut Vec<Answer>,
) -> Result<(), KernelError> {
    for case in cases(extent) {
        let channels = case.shape[2];
        let length = case.shape.iter().product();
        let x: Vec<f32> = noise(length, 1).iter().map(|v| v + case.offset).collect();
        let (weight, bias) = (noise(channels, 2), noise(channels, 3));
        let probe = noise(length, 4);
        let exact: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
        let run = |x: &[f64]| definition(x, &case, &weight, &bias);
        let loss = |x: &[f64]| -> f64 {
            let weighted = run(x).into_iter().zip(&probe);
            weighted.map(|(y, &p)| y * f64::from(p)).sum()
        };
        // At some places; the function is smooth everywhere.
        let chosen: Vec<usize> = (0..length).step_by((length / 20).max(1)).collect();
        let mut moved = exact.clone();
        let slopes: Vec<f64> = chosen
            .iter()
            .map(|&i| {
                let mut at = |step: f64| {
                    moved[i] = exact[i] + step;
                    let value = loss(&moved);
                    moved[i] = exact[i];
                    value
                };
                (at(1e-5) - at(-1e-5)) / 2e-5
            })
            .collect();

        let [weight, bias] =
            [&weight, &bias].map(|values| tensor(values, [channels], device).autodiff());
        let leaf = tensor(&x, case.shape, device).autodiff().require_grad();
        let y = group_norm(leaf.clone(), weight, bias, case.groups, EPS, case.silu);
        // f32's own inputs of 50 +- 1 have lost some digits of the deviation.
        let bound = if case.offset == 0.0 { CLOSE } else { NEAR };
        note(
            answers,
            format!("result of {case:?}"),
            y.clone(),
            &run(&exact),
            bound,
        )
        .await?;
        let probe = tensor(&probe, case.shape, device).autodiff();
        let gradients = (y * probe).sum().backward();
        let gradient = match leaf.grad(&gradients) {
            Some(gradient) => values(gradient).await?,
            None => vec![f32::NAN; length],
        };
        let found: Vec<f32> = chosen.iter().map(|&i| gradient[i]).collect();
        let found = tensor(&found, [found.len()], device);
        // As exact as the differences are.
        note(
            answers,
            format!("gradient of {case:?}"),
            found,
            &slopes,
            1e-7,
        )
        .await?;
    }
    Ok(())
}
