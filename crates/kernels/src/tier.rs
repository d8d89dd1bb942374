//! What a kernel's tiles and forms depend on: the class of the adapter.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Classes of adapters. Engines [`choose`](Tier::choose) one when they open the device; until then it is
/// [`Tier::Gpu`], which is right everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Tier {
    /// A processor that plays a GPU (SwiftShader, lavapipe): many values an invocation, no sharing
    /// between invocations, for barriers cost it more than they save.
    Software,
    /// Any GPU.
    Gpu,
}

/// How kernels are cut for a tier. A new tier is one entry in [`TIERS`].
pub(crate) struct Cut {
    /// Rows and outputs of a convolution's register tile, at most.
    pub tile: [usize; 2],
    /// Invocations below which a convolution takes smaller tiles, so that all of the adapter works.
    pub least: usize,
    /// Invocations a workgroup of a convolution.
    pub workgroup: u32,
    /// Invocations a workgroup of a normalisation: each its own group of values where `true`, all of
    /// them one group of values together where `false`.
    pub norm: (u32, bool),
}

const TIERS: [Cut; 2] = [
    Cut {
        tile: [8, 8],
        least: 32,
        workgroup: 16,
        norm: (32, true),
    },
    Cut {
        tile: [8, 8],
        least: 4096,
        workgroup: 64,
        norm: (64, false),
    },
];

static CHOSEN: AtomicUsize = AtomicUsize::new(Tier::Gpu as usize);

impl Tier {
    pub const ALL: [Self; 2] = [Self::Software, Self::Gpu];

    /// The tier of an adapter. Browsers do not tell its class, but name theirs so.
    pub fn of(adapter: &wgpu::AdapterInfo) -> Self {
        let name = format!("{} {}", adapter.name, adapter.driver).to_lowercase();
        let software = adapter.device_type == wgpu::DeviceType::Cpu
            || ["swiftshader", "llvmpipe", "software", "basic render"]
                .iter()
                .any(|software| name.contains(software));
        match software {
            true => Self::Software,
            false => Self::Gpu,
        }
    }

    /// Cuts every kernel launched from here on for this tier. Results differ in their last digits from
    /// tier to tier, so a process keeps to one.
    pub fn choose(self) {
        CHOSEN.store(self as usize, Ordering::Relaxed);
    }

    pub(crate) fn cut() -> &'static Cut {
        &TIERS[CHOSEN.load(Ordering::Relaxed)]
    }
}
