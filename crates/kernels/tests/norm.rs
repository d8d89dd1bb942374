//! Group and layer normalisation, forward and backward, against f64 and finite differences of it.

mod common;

use atelier_kernels::{group_norm, layer_norm};
use common::{assert_close, each_place, noise, tensor, values};

/// The definition, in f64.
fn oracle(
    x: &[f64],
    shape: [usize; 3],
    weight: &[f32],
    bias: &[f32],
    groups: usize,
    eps: f64,
    silu: bool,
) -> Vec<f64> {
    let [batch, places, channels] = shape;
    let wide = channels / groups;
    let mut out = vec![0.0; x.len()];
    for b in 0..batch {
        for group in 0..groups {
            let all: Vec<usize> = (0..places)
                .flat_map(|p| {
                    (0..wide).map(move |c| (b * places + p) * channels + group * wide + c)
                })
                .collect();
            let mean = all.iter().map(|&i| x[i]).sum::<f64>() / all.len() as f64;
            let variance =
                all.iter().map(|&i| (x[i] - mean).powi(2)).sum::<f64>() / all.len() as f64;
            for i in all {
                let c = i % channels;
                let y = (x[i] - mean) / (variance + eps).sqrt() * f64::from(weight[c])
                    + f64::from(bias[c]);
                out[i] = if silu { y / (1.0 + (-y).exp()) } else { y };
            }
        }
    }
    out
}

#[test]
fn group_norm_and_its_gradient_follow_the_definition() {
    // Offset 50: a mean far from zero, where sums of squares lose their digits.
    for (shape, groups, silu, offset) in [
        ([2, 64, 96], 32, true, 0.0),
        ([1, 16, 32], 32, false, 0.0),
        ([3, 5, 12], 4, true, 0.0),
        ([2, 1, 20], 1, false, 0.0),
        ([1, 300, 8], 2, true, 50.0),
        ([1, 1, 4], 1, false, 0.0),
    ] {
        let [batch, places, channels] = shape;
        let x: Vec<f32> = noise(batch * places * channels, 1)
            .iter()
            .map(|v| v + offset)
            .collect();
        let (weight, bias) = (noise(channels, 2), noise(channels, 3));
        let probe = noise(x.len(), 4);
        let exact: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
        let run = |x: &[f64]| oracle(x, shape, &weight, &bias, groups, 1e-5, silu);
        let out = run(&exact);
        // Central differences of the oracle at some places; the function is smooth everywhere.
        let chosen: Vec<usize> = (0..x.len()).step_by((x.len() / 40).max(1)).collect();
        let loss = |x: &[f64]| -> f64 {
            run(x)
                .iter()
                .zip(&probe)
                .map(|(y, &p)| y * f64::from(p))
                .sum()
        };
        let slopes: Vec<f64> = chosen
            .iter()
            .map(|&i| {
                let mut moved = exact.clone();
                moved[i] += 1e-5;
                let above = loss(&moved);
                moved[i] -= 2e-5;
                (above - loss(&moved)) / 2e-5
            })
            .collect();
        each_place(|device, place| {
            let what = format!("{shape:?}, {groups} groups, silu {silu}, on {place}");
            let [w, b] = [&weight, &bias].map(|v| tensor(v, [channels], device));
            let inner = tensor(&x, shape, device);
            let found = group_norm(inner.clone(), w.clone(), b.clone(), groups, 1e-5, silu);
            // f32's own inputs of 50 +- 1 have lost some digits of the deviation.
            let found = values(found);
            if offset == 0.0 {
                assert_close(&found, &out, &what);
            } else {
                assert!(common::normalised_mse(&found, &out) < 1e-8, "{what}");
            }
            let leaf = inner.autodiff().require_grad();
            let y = group_norm(leaf.clone(), w.autodiff(), b.autodiff(), groups, 1e-5, silu);
            let gradients = (y * tensor(&probe, shape, device).autodiff())
                .sum()
                .backward();
            let gradient = values(leaf.grad(&gradients).unwrap());
            let found: Vec<f32> = chosen.iter().map(|&i| gradient[i]).collect();
            assert!(
                common::normalised_mse(&found, &slopes) < 1e-7,
                "gradient of {what}"
            );
        });
    }
}

#[test]
fn layer_norm_is_over_the_last_axis() {
    let (weight, bias) = (noise(24, 2), noise(24, 3));
    let x = noise(2 * 3 * 24, 1);
    let exact: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
    let expected = oracle(&exact, [6, 1, 24], &weight, &bias, 1, 1e-12, false);
    each_place(|device, _| {
        let [w, b] = [&weight, &bias].map(|v| tensor(v, [24], device));
        let y = layer_norm(tensor(&x, [2, 3, 24], device), w, b, 1e-12);
        assert_close(&values(y), &expected, "layer_norm");
    });
}
