//! What our kernels are given to do, and the GPU's memory while they are: for the bench.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use burn_cubecl::tensor::CubeTensor;
use cubecl::MemoryScope;

static ON: AtomicBool = AtomicBool::new(false);
static LAUNCHES: AtomicU64 = AtomicU64::new(0);
static OPERATIONS: AtomicU64 = AtomicU64::new(0);
static PEAK: AtomicU64 = AtomicU64::new(0);

/// Counts from [`start`](Meter::start) to [`stop`](Meter::stop). One at a time; replays are not seen.
#[derive(Debug)]
pub struct Meter(());

/// What a [`Meter`] has seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Metered {
    /// Kernels of ours that were launched.
    pub launches: u64,
    /// Multiplications and additions of their matrix products.
    pub operations: u64,
    /// The most bytes of GPU memory in use at once: tensors alive, not what is held in reserve. It is
    /// looked at whenever one of our kernels is launched.
    pub peak_bytes: u64,
}

impl Meter {
    pub fn start() -> Self {
        for counter in [&LAUNCHES, &OPERATIONS, &PEAK] {
            counter.store(0, Ordering::Relaxed);
        }
        ON.store(true, Ordering::Relaxed);
        Self(())
    }

    pub fn stop(self) -> Metered {
        ON.store(false, Ordering::Relaxed);
        let [launches, operations, peak_bytes] =
            [&LAUNCHES, &OPERATIONS, &PEAK].map(|counter| counter.load(Ordering::Relaxed));
        Metered {
            launches,
            operations,
            peak_bytes,
        }
    }
}

/// A kernel is launched over `tensor`.
pub(crate) fn launched(tensor: &CubeTensor) {
    if ON.load(Ordering::Relaxed) {
        LAUNCHES.fetch_add(1, Ordering::Relaxed);
        let report = tensor.client.memory_report(MemoryScope::Device);
        PEAK.fetch_max(report.usage().bytes_in_use, Ordering::Relaxed);
    }
}

/// A matrix product of so many multiply-adds is launched.
pub(crate) fn multiply_adds(count: usize) {
    if ON.load(Ordering::Relaxed) {
        OPERATIONS.fetch_add(2 * count as u64, Ordering::Relaxed);
    }
}
