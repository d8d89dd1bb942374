//! Attention, against softmax written out.

use burn::tensor::Device;

use super::{Answer, CLOSE, Extent, noise, note, tensor};
use crate::{KernelError, attention};

#[derive(Clone, Copy, Debug)]
struct Case {
    batch: usize,
    queries: usize,
    keys: usize,
    heads: usize,
    head_dim: usize,
    /// How large the inputs are: scores go with its square.
    size: f32,
    /// Every third key is not to be looked at.
    masked: bool,
}

/// The head widths of the models (32 of Sketch; 40, 64, 80, 160 of SD), ragged lengths, widths that 4
/// does not divide, one key, and scores so large that the softmax is a choice.
fn cases(extent: Extent) -> Vec<Case> {
    let case = |[batch, queries, keys, heads, head_dim]: [usize; 5], size| Case {
        batch,
        queries,
        keys,
        heads,
        head_dim,
        size,
        masked: false,
    };
    let masked = |case| Case {
        masked: true,
        ..case
    };
    let mut cases = vec![
        case([1, 16, 16, 2, 32], 1.0),
        masked(case([2, 5, 8, 2, 16], 1.0)),
    ];
    if extent == Extent::Full {
        cases.extend([
            case([2, 16, 16, 5, 32], 1.0),
            case([1, 64, 16, 3, 32], 1.0),
            case([1, 7, 77, 2, 40], 1.0),
            case([2, 5, 3, 1, 64], 1.0),
            case([1, 9, 11, 2, 80], 1.0),
            case([1, 3, 5, 1, 160], 1.0),
            case([1, 6, 1, 2, 8], 1.0),
            case([1, 13, 10, 3, 6], 1.0),
            case([1, 8, 12, 2, 16], 30.0),
            masked(case([3, 7, 77, 2, 40], 1.0)),
            masked(case([1, 4, 3, 3, 6], 30.0)),
        ]);
    }
    cases
}

/// The result, and the gradients of q, k and v.
fn definition(case: &Case, [q, k, v, probe, mask]: [&[f32]; 5]) -> [Vec<f64>; 4] {
    let Case {
        queries,
        keys,
        heads,
        head_dim,
        ..
    } = *case;
    let width = heads * head_dim;
    let scale = 1.0 / (head_dim as f64).sqrt();
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(&a, &b)| f64::from(a) * f64::from(b))
            .sum()
    };
    let [mut out, mut grad_q, mut grad_k, mut grad_v] =
        [q, q, k, v].map(|like| vec![0.0; like.len()]);
    for i in 0..case.batch * heads * queries {
        let (b, head, query) = (i / (heads * queries), i / queries % heads, i % queries);
        let q_at = (b * queries + query) * width + head * head_dim;
        let kv_at = |key: usize| (b * keys + key) * width + head * head_dim;
        let wide = |at: usize| at..at + head_dim;
        let scores: Vec<f64> = (0..keys)
            .map(|key| {
                dot(&q[wide(q_at)], &k[wide(kv_at(key))]) * scale + f64::from(mask[b * keys + key])
            })
            .collect();
        let largest = scores.iter().copied().fold(f64::MIN, f64::max);
        let total: f64 = scores.iter().map(|s| (s - largest).exp()).sum();
        let p: Vec<f64> = scores.iter().map(|s| (s - largest).exp() / total).collect();
        let dp: Vec<f64> = (0..keys)
            .map(|key| dot(&probe[wide(q_at)], &v[wide(kv_at(key))]))
            .collect();
        let mean = p.iter().zip(&dp).map(|(p, dp)| p * dp).sum::<f64>();
        for key in 0..keys {
            let kv_at = kv_at(key);
            let ds = p[key] * (dp[key] - mean) * scale;
            for d in 0..head_dim {
                out[q_at + d] += p[key] * f64::from(v[kv_at + d]);
                grad_q[q_at + d] += ds * f64::from(k[kv_at + d]);
                grad_k[kv_at + d] += ds * f64::from(q[q_at + d]);
                grad_v[kv_at + d] += p[key] * f64::from(probe[q_at + d]);
            }
        }
    }
    [out, grad_q, grad_k, grad_v]
}

pub async fn ask(
    device: &Device,
    extent: Extent,
    answers: &mut Vec<Answer>,
) -> Result<(), KernelError> {
    for case in cases(extent) {
        let width = case.heads * case.head_dim;
        let [of_q, of_kv] = [case.queries, case.keys].map(|tokens| [case.batch, tokens, width]);
        let length = |shape: [usize; 3]| shape.iter().product();
        let scaled = |shape, seed| -> Vec<f32> {
            noise(length(shape), seed)
                .iter()
                .map(|v| v * case.size)
                .collect()
        };
        let (q, k) = (scaled(of_q, 1), scaled(of_kv, 2));
        let (v, probe) = (noise(length(of_kv), 3), noise(length(of_q), 4));
        let hidden = |key: usize| case.masked && key.is_multiple_of(3);
        let mask: Vec<f32> = (0..case.batch * case.keys)
            .map(|i| if hidden(i % case.keys) { -1e4 } else { 0.0 })
            .collect();
        let [out, grad_q, grad_k, grad_v] = definition(&case, [&q, &k, &v, &probe, &mask]);

        let leaf = |values: &[f32], shape| tensor(values, shape, device).autodiff().require_grad();
        let leaves = [leaf(&q, of_q), leaf(&k, of_kv), leaf(&v, of_kv)];
        let [q, k, v] = leaves.clone();
        let mask = tensor(&mask, [case.batch, case.keys], device).autodiff();
        let y = attention(q, k, v, case.masked.then_some(mask), case.heads);
        note(
            answers,
            format!("result of {case:?}"),
            y.clone(),
            &out,
            CLOSE,
        )
        .await?;
        let probe = tensor(&probe, of_q, device).autodiff();
        let gradients = (y * probe).sum().backward();
        // Where the softmax has chosen, gradients vanish, and what remains is rounding of scores of 1,000.
        let bound = if case.size > 1.0 { 1e-6 } else { CLOSE };
        for ((leaf, expected), name) in leaves
            .iter()
            .zip([grad_q, grad_k, grad_v])
            .zip(["q", "k", "v"])
        {
            let found = leaf
                .grad(&gradients)
                .map(|gradient| gradient.flatten::<1>(0, 2));
            let found = found.unwrap_or_else(|| tensor(&[], [0], device));
            note(
                answers,
                format!("gradient of {name} of {case:?}"),
                found,
                &expected,
                bound,
            )
            .await?;
        }
    }
    Ok(())
}
