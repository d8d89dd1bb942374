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
    /// A GPU whose shaders have f16 (WebGPU's `shader-f16`).
    GpuF16,
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
    /// Values that one invocation adds up.
    pub span: usize,
    /// Frozen weights in f16 are read as such, and not as words to be taken apart.
    pub f16: bool,
}

const TIERS: [Cut; 3] = [
    Cut {
        tile: [8, 16],
        least: 32,
        workgroup: 4,
        norm: (32, true),
        span: 8192,
        f16: false,
    },
    GPU,
    Cut { f16: true, ..GPU },
];

const GPU: Cut = Cut {
    tile: [8, 8],
    least: 4096,
    workgroup: 64,
    norm: (64, false),
    span: 256,
    f16: false,
};

static CHOSEN: AtomicUsize = AtomicUsize::new(Tier::Gpu as usize);

impl Tier {
    pub const ALL: [Self; 3] = [Self::Software, Self::Gpu, Self::GpuF16];

    /// The tier of an adapter and the features its device was made with. Browsers do not tell an
    /// adapter's class, but name theirs so.
    pub fn of(adapter: &wgpu::AdapterInfo, features: wgpu::Features) -> Self {
        let name = format!("{} {}", adapter.name, adapter.driver).to_lowercase();
        let software = adapter.device_type == wgpu::DeviceType::Cpu
            || ["swiftshader", "llvmpipe", "software", "basic render"]
                .iter()
                .any(|software| name.contains(software));
        match (software, features.contains(wgpu::Features::SHADER_F16)) {
            (true, _) => Self::Software,
            (false, false) => Self::Gpu,
            (false, true) => Self::GpuF16,
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
