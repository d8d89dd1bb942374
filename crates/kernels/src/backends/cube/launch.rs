//! From a shader and its values to a launch.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
};

use burn::{backend::DType, tensor::Shape};
use burn_cubecl::{
    template::{KernelSource, SourceKernel, SourceTemplate},
    tensor::CubeTensor,
};
use cubecl::prelude::{CubeCount, CubeDim, KernelId};
use cubecl::server::KernelArguments;

use crate::{
    meter,
    wgsl::{self, Values},
};

/// A shader of `shaders/` with the values of one variant. All of them are in the kernel's id.
pub struct Shader {
    name: &'static str,
    template: &'static str,
    values: Values,
}

impl Shader {
    pub fn new(name: &'static str, template: &'static str, values: Values) -> Self {
        Self {
            name,
            template,
            values,
        }
    }

    /// With one value set otherwise.
    pub fn with(mut self, name: &'static str, value: u64) -> Self {
        self.values.insert(name, value);
        self
    }
}

impl KernelSource for Shader {
    fn source(&self) -> SourceTemplate {
        SourceTemplate::new(wgsl::render(self.template, &self.values))
    }

    fn id(&self) -> KernelId {
        let values: Vec<(&'static str, u64)> = self
            .values
            .iter()
            .map(|(name, value)| (*name, *value))
            .collect();
        KernelId::new::<Self>().info((self.name, values))
    }

    fn lang(&self) -> &'static str {
        "wgsl"
    }
}

/// How many workgroups of how many invocations.
#[derive(Clone, Copy)]
pub struct Grid {
    pub workgroups: [u32; 3],
    pub workgroup: [u32; 3],
}

/// Invocations a workgroup of kernels that have an invocation for each value. WebGPU allows 256.
const EACH_WORKGROUP: u32 = 256;
/// Workgroups a row of their grid: WebGPU allows 65,535 in a dimension.
const EACH_ROW: u32 = 32_768;

/// For a kernel with an invocation for each of `length` values: its grid, and the values `width` and
/// `workgroup` by which it finds its place.
pub fn each(length: usize) -> (Grid, Values) {
    let workgroups = (length as u32).div_ceil(EACH_WORKGROUP);
    let grid = Grid {
        workgroups: [workgroups.min(EACH_ROW), workgroups.div_ceil(EACH_ROW), 1],
        workgroup: [EACH_WORKGROUP, 1, 1],
    };
    let values = [
        ("width", u64::from(EACH_ROW * EACH_WORKGROUP)),
        ("workgroup", u64::from(EACH_WORKGROUP)),
    ];
    (grid, values.into())
}

/// Launches `shader` over `tensors`, bound in this order. They must be contiguous.
pub fn launch(shader: Shader, grid: Grid, tensors: &[&CubeTensor]) {
    meter::launched(tensors[0]);
    let [x, y, z] = grid.workgroups;
    let [dx, dy, dz] = grid.workgroup;
    let buffers = tensors
        .iter()
        .map(|tensor| tensor.handle.clone().binding())
        .collect();
    tensors[0].client.launch(
        Box::new(SourceKernel::new(shader, CubeDim::new_3d(dx, dy, dz))),
        CubeCount::Static(x, y, z),
        KernelArguments::new().with_buffers(buffers),
    );
}

/// A tensor for a kernel to write, on the device of `like`, f32. What it holds before is undefined.
pub fn empty(like: &CubeTensor, shape: Shape) -> CubeTensor {
    empty_of(like, shape, DType::F32)
}

/// As [`empty`], of another type of four bytes.
pub fn empty_of(like: &CubeTensor, shape: Shape, dtype: DType) -> CubeTensor {
    let bytes = shape.num_elements() * dtype.size();
    CubeTensor::new_contiguous(
        like.client.clone(),
        like.device.clone(),
        shape,
        like.client.empty(bytes),
        dtype,
    )
}

/// A part of `tensor`'s buffer from `start` on, as a tensor of its own.
pub fn part(tensor: &CubeTensor, start: usize, shape: Shape) -> CubeTensor {
    let size = tensor.dtype.size();
    let end = tensor.meta.num_elements() - start - shape.num_elements();
    let handle = tensor
        .handle
        .clone()
        .offset_start((start * size) as u64)
        .offset_end((end * size) as u64);
    CubeTensor::new_contiguous(
        tensor.client.clone(),
        tensor.device.clone(),
        shape,
        handle,
        tensor.dtype,
    )
}

/// The same bits as another type of the same size.
pub fn as_type(tensor: &CubeTensor, shape: Shape, dtype: DType) -> CubeTensor {
    CubeTensor::new_contiguous(
        tensor.client.clone(),
        tensor.device.clone(),
        shape,
        tensor.handle.clone(),
        dtype,
    )
}

/// Buffers of numbers, by the device's name and what they hold.
type Constants = HashMap<(String, Vec<u32>), CubeTensor>;

/// Made once and kept: a recorded graph may neither allocate nor write.
static CONSTANTS: LazyLock<Mutex<Constants>> = LazyLock::new(Mutex::default);

/// A buffer on the device of `like` that holds `values` for good.
pub fn constant(like: &CubeTensor, values: Vec<u32>) -> CubeTensor {
    // A poisoned lock still guards a map that is whole: entries are put in at once.
    let mut constants = CONSTANTS.lock().unwrap_or_else(PoisonError::into_inner);
    constants
        .entry((format!("{:?}", like.device), values))
        .or_insert_with_key(|(_, values)| {
            let handle = like.client.create_from_slice(bytemuck::cast_slice(values));
            CubeTensor::new_contiguous(
                like.client.clone(),
                like.device.clone(),
                Shape::new([values.len()]),
                handle,
                DType::U32,
            )
        })
        .clone()
}
