//! What the tests of the operations share.

// Each test program uses some of it.
#![allow(dead_code)]

use std::sync::{Mutex, PoisonError};

use atelier_kernels::Tier;
use burn::tensor::{Device, Tensor, TensorData};

/// The CPU, and the GPU (lavapipe where there is no other).
pub fn devices() -> [Device; 2] {
    [Device::flex(), Device::wgpu(Default::default())]
}

/// Runs `check` on the CPU and on the GPU, there in every tier, and says where it is. The tier is the
/// whole process's, so checks take turns.
pub fn each_place(mut check: impl FnMut(&Device, &str)) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let [cpu, gpu] = devices();
    check(&cpu, "the CPU");
    let adapter = wgpu::Instance::default().request_adapter(&Default::default());
    let features = pollster::block_on(adapter).unwrap().features();
    let f16 = features.contains(wgpu::Features::SHADER_F16);
    let there = |tier: &Tier| f16 || *tier != Tier::GpuF16;
    for tier in Tier::ALL.into_iter().filter(there) {
        tier.choose();
        check(&gpu, &format!("the GPU as {tier:?}"));
    }
}

/// Numbers that repeat nowhere soon, between -1 and 1.
pub fn noise(length: usize, seed: u32) -> Vec<f32> {
    (0..length)
        .map(|i| ((i as f32 + 1.0) * 12.9898 + seed as f32 * 78.233).sin())
        .collect()
}

pub fn tensor<const D: usize>(values: &[f32], shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// Mean squared error over mean square, against an oracle in f64.
pub fn normalised_mse(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let error: f64 = found
        .iter()
        .zip(expected)
        .map(|(&f, e)| (f64::from(f) - e).powi(2))
        .sum();
    let size: f64 = expected.iter().map(|e| e * e).sum();
    error / size.max(1e-30)
}

/// The project's bound for kernels in f32 is 1e-6; what these computations reach is far below, so a
/// wrong term in one of many places is seen too.
pub fn assert_close(found: &[f32], expected: &[f64], what: &str) {
    let error = normalised_mse(found, expected);
    assert!(error < 1e-10, "{what}: normalised MSE {error:e}");
}
