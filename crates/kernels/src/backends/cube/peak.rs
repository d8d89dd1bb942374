//! Multiply-adds for their own sake.

use burn::backend::tensor::FloatTensor;
use burn::tensor::Shape;
use burn_cubecl::{CubeBackend, kernel::into_contiguous};

use super::launch::{Grid, Shader, empty, launch};
use crate::ops::{PEAK_CHAINS, PeakOps};

const WORKGROUP: usize = 64;

impl PeakOps for CubeBackend {
    fn fma_peak(seed: FloatTensor<Self>, threads: usize, rounds: usize) -> FloatTensor<Self> {
        let seed = into_contiguous(seed);
        let out = empty(&seed, Shape::new([threads]));
        let values = [
            ("chains", PEAK_CHAINS as u64),
            ("start", threads as u64),
            ("rounds", rounds as u64),
            ("workgroup", WORKGROUP as u64),
        ];
        let template = include_str!("../../../../../shaders/fma.wgsl");
        launch(
            Shader::new("fma", template, values.into()),
            Grid {
                workgroups: [threads.div_ceil(WORKGROUP) as u32, 1, 1],
                workgroup: [WORKGROUP as u32, 1, 1],
            },
            &[&seed, &out],
        );
        out
    }
}
