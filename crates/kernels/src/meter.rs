//! What our kernels are given to do, and the GPU's memory while they are: for the bench, and for
//! recordings, which must know when no more is needed.

use std::{
    cell::RefCell,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use burn::tensor::{Device, Tensor};
use burn_cubecl::tensor::CubeTensor;
use cubecl::MemoryScope;

use crate::functions::geglu;

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

/// Bytes of the device's memory that tensors have; 0 on the CPU. No [`Meter`] may be running.
pub fn bytes_in_use(device: &Device) -> u64 {
    let meter = Meter::start();
    // Any kernel of ours will do; where the device fails, whoever uses it next is told.
    let launched = geglu(Tensor::<2>::zeros([1, 2], device));
    device.flush().ok();
    drop(launched);
    meter.stop().peak_bytes
}

thread_local! {
    /// Asks the device for what its allocator holds; none where nobody wants to know or nothing was launched yet.
    static ASK: RefCell<Option<Ask>> = const { RefCell::new(None) };
}

enum Ask {
    Whoever,
    Device(Box<dyn Fn() -> u64>),
}

/// The GPU memory that the allocator holds for kernels launched on this thread, while it is watched.
pub(crate) struct Watch(());

impl Watch {
    pub fn start() -> Self {
        ASK.set(Some(Ask::Whoever));
        Self(())
    }

    /// Bytes, in use and in reserve; 0 where no kernel was launched, as on the CPU.
    pub fn held(&self) -> u64 {
        ASK.with_borrow(|ask| match ask {
            Some(Ask::Device(held)) => held(),
            _ => 0,
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        ASK.set(None);
    }
}

/// A kernel is launched over `tensor`.
pub(crate) fn launched(tensor: &CubeTensor) {
    ASK.with_borrow_mut(|ask| {
        if matches!(ask, Some(Ask::Whoever)) {
            let client = tensor.client.clone();
            let held = move || {
                client
                    .memory_report(MemoryScope::Device)
                    .usage()
                    .bytes_reserved
            };
            *ask = Some(Ask::Device(Box::new(held)));
        }
    });
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
