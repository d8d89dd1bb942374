//! GEGLU.

use burn::backend::tensor::FloatTensor;
use burn::tensor::Shape;
use burn_cubecl::{CubeBackend, kernel::into_contiguous, tensor::CubeTensor};

use super::launch::{Shader, constant, each, empty, launch};
use crate::ops::GegluOps;

/// One invocation for each of `out_length` values, in rows of `n`.
fn run(x: &CubeTensor, out: &CubeTensor, grad: Option<&CubeTensor>, rows: usize, n: usize) {
    let template = include_str!("../../../../../shaders/geglu.wgsl");
    let (grid, values) = each(rows * n);
    let shader = Shader::new("geglu", template, values).with("backward", u64::from(grad.is_some()));
    let dims = constant(x, vec![(rows * n) as u32, n as u32]);
    let tensors: Vec<&CubeTensor> = [x, out, &dims].into_iter().chain(grad).collect();
    launch(shader, grid, &tensors);
}

impl GegluOps for CubeBackend {
    fn geglu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let x = into_contiguous(x);
        let (rows, n) = (x.meta.shape[0], x.meta.shape[1] / 2);
        let out = empty(&x, Shape::new([rows, n]));
        run(&x, &out, None, rows, n);
        out
    }

    fn geglu_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>) -> FloatTensor<Self> {
        let [x, grad] = [x, grad].map(into_contiguous);
        let (rows, n) = (x.meta.shape[0], x.meta.shape[1] / 2);
        let out = empty(&x, x.meta.shape.clone());
        run(&x, &out, Some(&grad), rows, n);
        out
    }
}
