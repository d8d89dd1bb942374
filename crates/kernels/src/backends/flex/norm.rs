//! Normalisation, two passes over each group.

use burn::backend::{Flex, TensorMetadata, ops::FloatTensorOps, tensor::FloatTensor};
use burn::tensor::{Shape, TensorData};

use super::state::values;
use crate::ops::NormOps;

type B = Flex;

fn tensor(values: Vec<f32>, shape: Shape) -> FloatTensor<B> {
    B::float_from_data(TensorData::new(values, shape), &Default::default())
}

/// Places of one group's values in `[batch, places, channels]`, each with its channel.
fn places(
    shape: &Shape,
    groups: usize,
    image: usize,
    group: usize,
) -> impl Iterator<Item = (usize, usize)> + Clone {
    let (places, channels) = (shape[1], shape[2]);
    let wide = channels / groups;
    (0..places).flat_map(move |place| {
        let first = (image * places + place) * channels;
        (group * wide..(group + 1) * wide).map(move |channel| (first + channel, channel))
    })
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

impl NormOps for Flex {
    fn group_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        groups: usize,
        eps: f64,
        silu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let shape = x.shape();
        let (x, weight, bias) = (values(x), values(weight), values(bias));
        let count = (x.len() / shape[0] / groups) as f64;
        let mut out = vec![0.0; x.len()];
        let mut stats = Vec::with_capacity(2 * shape[0] * groups);
        for image in 0..shape[0] {
            for group in 0..groups {
                let places = places(&shape, groups, image, group);
                let mean = places.clone().map(|(i, _)| f64::from(x[i])).sum::<f64>() / count;
                let variance = places
                    .clone()
                    .map(|(i, _)| (f64::from(x[i]) - mean).powi(2))
                    .sum::<f64>()
                    / count;
                let scale = 1.0 / (variance + eps).sqrt();
                for (i, channel) in places {
                    let normalised = ((f64::from(x[i]) - mean) * scale) as f32;
                    let y = normalised * weight[channel] + bias[channel];
                    out[i] = if silu { y * sigmoid(y) } else { y };
                }
                stats.extend([mean as f32, scale as f32]);
            }
        }
        let stats_shape = Shape::new([shape[0], groups, 2]);
        (tensor(out, shape), tensor(stats, stats_shape))
    }

    fn group_norm_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stats: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        groups: usize,
        silu: bool,
    ) -> FloatTensor<Self> {
        let shape = x.shape();
        let (x, weight, bias) = (values(x), values(weight), values(bias));
        let (stats, grad) = (values(stats), values(grad));
        let count = (x.len() / shape[0] / groups) as f32;
        let mut out = vec![0.0; x.len()];
        for image in 0..shape[0] {
            for group in 0..groups {
                let at = 2 * (image * groups + group);
                let (mean, scale) = (stats[at], stats[at + 1]);
                // The normalised value and its gradient.
                let before = |i: usize, channel: usize| {
                    let n = (x[i] - mean) * scale;
                    let mut g = grad[i];
                    if silu {
                        let z = n * weight[channel] + bias[channel];
                        let s = sigmoid(z);
                        g *= s * (1.0 + z * (1.0 - s));
                    }
                    (n, g * weight[channel])
                };
                let places = places(&shape, groups, image, group);
                let (mut sum, mut along) = (0.0, 0.0);
                for (i, channel) in places.clone() {
                    let (n, g) = before(i, channel);
                    sum += g;
                    along += g * n;
                }
                for (i, channel) in places {
                    let (n, g) = before(i, channel);
                    out[i] = scale * (g - sum / count - n * along / count);
                }
            }
        }
        tensor(out, shape)
    }
}
