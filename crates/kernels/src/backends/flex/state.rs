//! State, as new tensors.

use burn::backend::{Flex, TensorMetadata, ops::FloatTensorOps, tensor::FloatTensor};
use burn::tensor::{Slice, TensorData};

use crate::ops::StateOps;

type B = Flex;

/// The values of a CPU tensor. Reading one never waits.
pub(super) fn values(tensor: FloatTensor<B>) -> Vec<f32> {
    let data: TensorData = burn::tensor::try_read_sync(B::float_into_data(tensor))
        .expect("a tensor on the CPU is read at once")
        .expect("a tensor on the CPU can be read");
    data.iter::<f32>().collect()
}

fn gather<const N: usize>(
    target: FloatTensor<B>,
    pieces: [FloatTensor<B>; N],
    starts: [usize; N],
) -> FloatTensor<B> {
    pieces
        .into_iter()
        .zip(starts)
        .fold(target, |target, (piece, start)| {
            let end = start + piece.shape().num_elements();
            B::float_slice_assign(target, &[Slice::from(start..end)], piece)
        })
}

impl StateOps for Flex {
    fn adamw(
        param: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        hyper: FloatTensor<Self>,
        squared_norm: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let hyper = values(hyper);
        let [
            active,
            lr,
            beta1,
            beta2,
            epsilon,
            decay,
            correction1,
            correction2,
            max_norm,
            first_values,
            first_rate,
        ] = hyper[..]
        else {
            unreachable!("adamw: hyper has eleven values");
        };
        let squared = values(squared_norm)[0];
        if active == 0.0 || !squared.is_finite() {
            return (param, first, second);
        }
        let device = Default::default();
        let clip = (max_norm / (squared.sqrt() + 1e-6)).min(1.0);
        let (mut p, mut m, mut v) = (values(param), values(first), values(second));
        for (i, g) in values(grad).into_iter().enumerate() {
            let g = g * clip;
            let lr = match (i as f32) < first_values {
                true => first_rate,
                false => lr,
            };
            m[i] = beta1 * m[i] + (1.0 - beta1) * g;
            v[i] = beta2 * v[i] + (1.0 - beta2) * g * g;
            p[i] = p[i] * (1.0 - lr * decay)
                - lr * (m[i] / correction1) / ((v[i] / correction2).sqrt() + epsilon);
        }
        let back = |values: Vec<f32>| {
            let length = values.len();
            B::float_from_data(TensorData::new(values, [length]), &device)
        };
        (back(p), back(m), back(v))
    }

    fn squared_norm(x: FloatTensor<Self>) -> FloatTensor<Self> {
        B::float_sum(B::float_mul(x.clone(), x))
    }

    fn write_into(_target: FloatTensor<Self>, source: FloatTensor<Self>) -> FloatTensor<Self> {
        source
    }

    fn write_two(
        target: FloatTensor<Self>,
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        starts: [usize; 2],
    ) -> FloatTensor<Self> {
        gather(target, [a, b], starts)
    }

    fn write_six(
        target: FloatTensor<Self>,
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        e: FloatTensor<Self>,
        f: FloatTensor<Self>,
        starts: [usize; 6],
    ) -> FloatTensor<Self> {
        gather(target, [a, b, c, d, e, f], starts)
    }

    fn view(flat: FloatTensor<Self>, start: usize, length: usize) -> FloatTensor<Self> {
        B::float_slice(flat, &[Slice::from(start..start + length)])
    }
}
