//! Normalisation.

use burn::backend::tensor::FloatTensor;
use burn::tensor::Shape;
use burn_cubecl::{CubeBackend, kernel::into_contiguous, tensor::CubeTensor};

use super::launch::{Grid, Shader, empty, launch};
use crate::{ops::NormOps, tier::Tier};

/// Values of a group up to which one invocation adds them up: beyond it, its sums would lose digits.
const MOST_ALONE: usize = 4096;

/// Invocations a workgroup, and whether each has a group of its own.
fn workgroup(x: &Shape, groups: usize) -> (u32, bool) {
    let (wide, alone) = Tier::cut().norm;
    (wide, alone && x[1] * x[2] / groups <= MOST_ALONE)
}

fn shader(
    name: &'static str,
    template: &'static str,
    x: &Shape,
    groups: usize,
    silu: bool,
) -> Shader {
    let (wide, alone) = workgroup(x, groups);
    let values = [
        // Else it is not read, and would only make more pipelines.
        ("batch", if alone { x[0] as u64 } else { 0 }),
        ("groups", groups as u64),
        ("places", x[1] as u64),
        ("channels", x[2] as u64),
        ("silu", u64::from(silu)),
        ("workgroup", u64::from(wide)),
        ("alone", u64::from(alone)),
    ];
    Shader::new(name, template, values.into())
}

fn grid(x: &Shape, groups: usize) -> Grid {
    let (wide, alone) = workgroup(x, groups);
    let workgroups = match alone {
        true => [(x[0] * groups) as u32, 1].map(|count| count.div_ceil(wide)),
        false => [groups as u32, x[0] as u32],
    };
    Grid {
        workgroups: [workgroups[0], workgroups[1], 1],
        workgroup: [wide, 1, 1],
    }
}

impl NormOps for CubeBackend {
    fn group_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        groups: usize,
        eps: f64,
        silu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let [x, weight, bias]: [CubeTensor; 3] = [x, weight, bias].map(into_contiguous);
        let shape = x.meta.shape.clone();
        let out = empty(&x, shape.clone());
        let stats = empty(&x, Shape::new([shape[0], groups, 2]));
        let template = include_str!("../../../../../shaders/group_norm_forward.wgsl");
        let shader = shader("group_norm_forward", template, &shape, groups, silu)
            .with("eps_1e12", (eps * 1e12).round() as u64);
        launch(
            shader,
            grid(&shape, groups),
            &[&x, &weight, &bias, &out, &stats],
        );
        (out, stats)
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
        let [x, weight, bias, stats, grad]: [CubeTensor; 5] =
            [x, weight, bias, stats, grad].map(into_contiguous);
        let shape = x.meta.shape.clone();
        let out = empty(&x, shape.clone());
        let template = include_str!("../../../../../shaders/group_norm_backward.wgsl");
        let shader = shader("group_norm_backward", template, &shape, groups, silu);
        let all = [&x, &weight, &stats, &grad, &out, &bias];
        // SiLU's derivative alone reads the bias, and a shader binds no more than it uses.
        let used = if silu { &all[..] } else { &all[..5] };
        launch(shader, grid(&shape, groups), used);
        out
    }
}
