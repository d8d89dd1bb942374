//! State kept in place.

use burn::backend::tensor::FloatTensor;
use burn::tensor::Shape;
use burn_cubecl::{CubeBackend, kernel::into_contiguous, tensor::CubeTensor};

use super::launch::{Grid, Shader, launch, part};
use crate::ops::StateOps;

/// Invocations a workgroup of the one-value-an-invocation kernels. WebGPU allows 256.
const WORKGROUP: u32 = 256;
/// Workgroups a row of the grid: WebGPU allows 65,535 in a dimension.
const ROW: u32 = 32_768;

/// A kernel over `length` values, one an invocation.
fn elementwise(name: &'static str, template: &'static str, length: usize, tensors: &[&CubeTensor]) {
    let values = [
        ("length", length as u64),
        ("width", u64::from(ROW * WORKGROUP)),
        ("workgroup", u64::from(WORKGROUP)),
    ];
    let workgroups = (length as u32).div_ceil(WORKGROUP);
    launch(
        Shader::new(name, template, values.into()),
        Grid {
            workgroups: [workgroups.min(ROW), workgroups.div_ceil(ROW), 1],
            workgroup: [WORKGROUP, 1, 1],
        },
        tensors,
    );
}

impl StateOps for CubeBackend {
    fn adamw(
        param: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        hyper: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let grad = into_contiguous(grad);
        let hyper = into_contiguous(hyper);
        elementwise(
            "adamw",
            include_str!("../../../../../shaders/adamw.wgsl"),
            param.meta.num_elements(),
            &[&param, &first, &second, &grad, &hyper],
        );
        (param, first, second)
    }

    fn write_into(target: FloatTensor<Self>, source: FloatTensor<Self>) -> FloatTensor<Self> {
        let source = into_contiguous(source);
        elementwise(
            "copy",
            include_str!("../../../../../shaders/copy.wgsl"),
            target.meta.num_elements(),
            &[&source, &target],
        );
        target
    }

    fn view(flat: FloatTensor<Self>, start: usize, length: usize) -> FloatTensor<Self> {
        part(&flat, start, Shape::new([length]))
    }
}
