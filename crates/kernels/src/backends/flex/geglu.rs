//! GEGLU, composed.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use burn::backend::{Flex, TensorMetadata, ops::FloatTensorOps, tensor::FloatTensor};
use burn::tensor::Slice;

use crate::ops::GegluOps;

type B = Flex;
type Floats = FloatTensor<Flex>;

/// The halves of each row.
fn halves(x: Floats) -> [Floats; 2] {
    let shape = x.shape();
    let n = shape[1] / 2;
    [0, n].map(|start| {
        let places = [Slice::from(0..shape[0]), Slice::from(start..start + n)];
        B::float_slice(x.clone(), &places)
    })
}

/// The normal distribution up to each value.
fn phi(x: Floats) -> Floats {
    let erf = B::float_erf(B::float_mul_scalar(x, FRAC_1_SQRT_2.into()));
    B::float_mul_scalar(B::float_add_scalar(erf, 1.0.into()), 0.5.into())
}

impl GegluOps for Flex {
    fn geglu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let [hidden, gate] = halves(x);
        B::float_mul(hidden, B::float_mul(gate.clone(), phi(gate)))
    }

    fn geglu_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>) -> FloatTensor<Self> {
        let [hidden, gate] = halves(x);
        let phi = phi(gate.clone());
        let square = B::float_mul(gate.clone(), gate.clone());
        let density = B::float_mul_scalar(
            B::float_exp(B::float_mul_scalar(square, (-0.5).into())),
            (1.0 / (2.0 * PI).sqrt()).into(),
        );
        let slope = B::float_add(phi.clone(), B::float_mul(gate.clone(), density));
        let to_hidden = B::float_mul(grad.clone(), B::float_mul(gate, phi));
        let to_gate = B::float_mul(grad, B::float_mul(hidden, slope));
        B::float_cat(vec![to_hidden, to_gate], 1)
    }
}
