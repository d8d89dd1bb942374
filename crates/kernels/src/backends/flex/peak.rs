//! Multiply-adds for their own sake.

use burn::backend::{Flex, ops::FloatTensorOps, tensor::FloatTensor};
use burn::tensor::TensorData;

use super::state::values;
use crate::ops::{PEAK_CHAINS, PeakOps};

impl PeakOps for Flex {
    fn fma_peak(seed: FloatTensor<Self>, threads: usize, rounds: usize) -> FloatTensor<Self> {
        let seed = values(seed);
        let chain = |start: f32| (0..rounds).fold(start, |x, _| x * seed[0] + seed[1]);
        let sums: Vec<f32> = (0..threads)
            .map(|thread| {
                let starts = (0..PEAK_CHAINS).map(|i| (thread + threads * i) as f32);
                starts.map(|start| 4.0 * chain(start)).sum()
            })
            .collect();
        let data = TensorData::new(sums, [threads]);
        Flex::float_from_data(data, &Default::default())
    }
}
