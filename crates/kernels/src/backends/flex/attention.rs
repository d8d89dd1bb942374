//! Attention with its scores written out.

use burn::backend::{Flex, TensorMetadata, ops::FloatTensorOps, tensor::FloatTensor};
use burn::tensor::Shape;

use crate::ops::AttentionOps;

type B = Flex;
type Floats = FloatTensor<Flex>;

/// `[batch, tokens, heads * head_dim]` to `[batch, heads, tokens, head_dim]`.
fn split(x: Floats, heads: usize) -> Floats {
    let shape = x.shape();
    let x = B::float_reshape(x, Shape::new([shape[0], shape[1], heads, shape[2] / heads]));
    B::float_swap_dims(x, 1, 2)
}

fn merge(x: Floats) -> Floats {
    let shape = x.shape();
    let x = B::float_swap_dims(x, 1, 2);
    B::float_reshape(x, Shape::new([shape[0], shape[2], shape[1] * shape[3]]))
}

fn turned(x: Floats) -> Floats {
    B::float_swap_dims(x, 2, 3)
}

fn scale(q: &Floats, heads: usize) -> f64 {
    1.0 / ((q.shape()[2] / heads) as f64).sqrt()
}

/// Scores of `q` and `k`, both split: `[batch, heads, queries, keys]`.
fn scores(q: Floats, k: Floats, mask: Option<Floats>, scale: f64) -> Floats {
    let scores = B::float_matmul(B::float_mul_scalar(q, scale.into()), turned(k));
    let Some(mask) = mask else {
        return scores;
    };
    let shape = mask.shape();
    let mask = B::float_reshape(mask, Shape::new([shape[0], 1, 1, shape[1]]));
    B::float_add(scores, mask)
}

impl AttentionOps for Flex {
    fn flash_attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        heads: usize,
        masked: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let scale = scale(&q, heads);
        let [q, k, v] = [q, k, v].map(|x| split(x, heads));
        let shape = q.shape();
        let scores = scores(q, k, masked.then_some(mask), scale);
        let largest = B::float_max_dim(scores.clone(), 3);
        let exponentials = B::float_exp(B::float_sub(scores, largest.clone()));
        let denominator = B::float_sum_dim(exponentials.clone(), 3);
        let p = B::float_div(exponentials, denominator.clone());
        let lse = B::float_add(largest, B::float_log(denominator));
        let lse = B::float_reshape(lse, Shape::new([shape[0], heads, shape[2]]));
        (merge(B::float_matmul(p, v)), lse)
    }

    fn flash_attention_backward(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        out: FloatTensor<Self>,
        lse: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        heads: usize,
        masked: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let scale = scale(&q, heads);
        let [q, k, v, out, grad] = [q, k, v, out, grad].map(|x| split(x, heads));
        let shape = q.shape();
        let lse = B::float_reshape(lse, Shape::new([shape[0], heads, shape[2], 1]));
        let scores = scores(q.clone(), k.clone(), masked.then_some(mask), scale);
        let p = B::float_exp(B::float_sub(scores, lse));
        let delta = B::float_sum_dim(B::float_mul(out, grad.clone()), 3);
        let grad_v = B::float_matmul(turned(p.clone()), grad.clone());
        let dp = B::float_sub(B::float_matmul(grad, turned(v)), delta);
        let ds = B::float_mul_scalar(B::float_mul(p, dp), scale.into());
        let grad_q = B::float_matmul(ds.clone(), k);
        let grad_k = B::float_matmul(turned(ds), q);
        (merge(grad_q), merge(grad_k), merge(grad_v))
    }
}
