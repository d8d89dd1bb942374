//! Attention, forward and backward, against softmax written out in f64.

mod common;

use atelier_kernels::attention;
use common::{assert_close, each_place, noise, tensor, values};

struct Case {
    batch: usize,
    queries: usize,
    keys: usize,
    heads: usize,
    head_dim: usize,
    /// How large the inputs are: scores go with its square.
    size: f32,
}

/// The head widths of the models (32 of Sketch; 40, 64, 80, 160 of SD), ragged lengths, widths that 4
/// does not divide, one key, and scores so large that the softmax is a choice.
fn cases() -> Vec<Case> {
    let case = |batch, queries, keys, heads, head_dim, size| Case {
        batch,
        queries,
        keys,
        heads,
        head_dim,
        size,
    };
    vec![
        case(2, 16, 16, 5, 32, 1.0),
        case(1, 64, 16, 3, 32, 1.0),
        case(1, 7, 77, 2, 40, 1.0),
        case(2, 5, 3, 1, 64, 1.0),
        case(1, 9, 11, 2, 80, 1.0),
        case(1, 3, 5, 1, 160, 1.0),
        case(1, 6, 1, 2, 8, 1.0),
        case(1, 13, 10, 3, 6, 1.0),
        case(1, 8, 12, 2, 16, 30.0),
    ]
}

#[test]
fn attention_and_its_gradients_follow_the_softmax() {
    for (i, case) in cases().into_iter().enumerate() {
        let Case {
            batch,
            queries,
            keys,
            heads,
            head_dim,
            size,
        } = case;
        let width = heads * head_dim;
        let scaled =
            |length, seed| -> Vec<f32> { noise(length, seed).iter().map(|v| v * size).collect() };
        let q = scaled(batch * queries * width, 1);
        let k = scaled(batch * keys * width, 2);
        let v = noise(batch * keys * width, 3);
        let probe = noise(batch * queries * width, 4);
        let mut out = vec![0.0; q.len()];
        let mut grads = [vec![0.0; q.len()], vec![0.0; k.len()], vec![0.0; v.len()]];
        let scale = 1.0 / (head_dim as f64).sqrt();
        for b in 0..batch {
            for head in 0..heads {
                let at = |tokens: usize, token: usize, d: usize| {
                    (b * tokens + token) * width + head * head_dim + d
                };
                let dot = |a: &[f32], a_at: usize, c: &[f32], c_at: usize| -> f64 {
                    (0..head_dim)
                        .map(|d| f64::from(a[a_at + d]) * f64::from(c[c_at + d]))
                        .sum()
                };
                for query in 0..queries {
                    let q_at = at(queries, query, 0);
                    let scores: Vec<f64> = (0..keys)
                        .map(|key| dot(&q, q_at, &k, at(keys, key, 0)) * scale)
                        .collect();
                    let largest = scores.iter().copied().fold(f64::MIN, f64::max);
                    let total: f64 = scores.iter().map(|s| (s - largest).exp()).sum();
                    let p: Vec<f64> = scores.iter().map(|s| (s - largest).exp() / total).collect();
                    let dp: Vec<f64> = (0..keys)
                        .map(|key| dot(&probe, q_at, &v, at(keys, key, 0)))
                        .collect();
                    let mean: f64 = p.iter().zip(&dp).map(|(p, dp)| p * dp).sum();
                    for key in 0..keys {
                        let kv_at = at(keys, key, 0);
                        let ds = p[key] * (dp[key] - mean) * scale;
                        for d in 0..head_dim {
                            out[q_at + d] += p[key] * f64::from(v[kv_at + d]);
                            grads[0][q_at + d] += ds * f64::from(k[kv_at + d]);
                            grads[1][kv_at + d] += ds * f64::from(q[q_at + d]);
                            grads[2][kv_at + d] += p[key] * f64::from(probe[q_at + d]);
                        }
                    }
                }
            }
        }
        each_place(|device, place| {
            let what = |part: &str| format!("case {i}, {part} on {place}");
            let q = tensor(&q, [batch, queries, width], device);
            let k = tensor(&k, [batch, keys, width], device);
            let v = tensor(&v, [batch, keys, width], device);
            let found = attention(q.clone(), k.clone(), v.clone(), heads);
            assert_close(&values(found), &out, &what("forward"));
            let [q, k, v] = [q, k, v].map(|x| x.autodiff().require_grad());
            let y = attention(q.clone(), k.clone(), v.clone(), heads);
            let probe = tensor(&probe, [batch, queries, width], device).autodiff();
            let gradients = (y * probe).sum().backward();
            for ((leaf, expected), name) in [q, k, v].iter().zip(&grads).zip(["q", "k", "v"]) {
                let found = values(leaf.grad(&gradients).unwrap());
                // With one key the gradients of q and k are zero, and rounding is all there is.
                if expected.iter().all(|g| g.abs() < 1e-12) {
                    assert!(found.iter().all(|g| g.abs() < 1e-5), "{}", what(name));
                } else {
                    assert_close(&found, expected, &what(name));
                }
            }
        });
    }
}
