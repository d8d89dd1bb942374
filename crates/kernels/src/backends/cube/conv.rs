//! Convolutions and linear layers.

use burn::backend::tensor::FloatTensor;
use burn::tensor::Shape;
use burn_cubecl::{CubeBackend, kernel::into_contiguous, tensor::CubeTensor};

use super::launch::{Grid, Shader, constant, empty, launch};
use crate::ops::{ConvGeometry, ConvOps, conv_shape};

/// Invocations along each side of a workgroup, as the shaders have it.
const SIDE: u32 = 8;

/// Sizes of one convolution.
struct Sizes {
    batch: usize,
    height: usize,
    width: usize,
    channels: usize,
    outputs: usize,
    out_height: usize,
    out_width: usize,
    geometry: ConvGeometry,
}

impl Sizes {
    fn new(x: &Shape, outputs: usize, geometry: ConvGeometry) -> Self {
        Self {
            batch: x[0],
            height: x[1],
            width: x[2],
            channels: x[3],
            outputs,
            out_height: geometry.out(x[1]),
            out_width: geometry.out(x[2]),
            geometry,
        }
    }

    /// Channels a lane: 4 where 4 divides them.
    fn lane(&self) -> usize {
        if self.channels.is_multiple_of(4) {
            4
        } else {
            1
        }
    }

    /// Rows of a tile. Where they are gathered each has its own address and mask, and a software
    /// adapter's compiler takes minutes over eight of them.
    fn most_rows(&self) -> usize {
        if self.geometry.is_pointwise() { 8 } else { 4 }
    }

    /// Pipelines differ in their tile and in what they can leave out; sizes are read from a buffer, for
    /// compiling a pipeline for each layer would take minutes on a software adapter.
    fn shader(&self, name: &'static str, template: &'static str, tile: [usize; 2]) -> Shader {
        let values = [
            ("vec", usize::from(self.lane() == 4)),
            ("gathered", usize::from(!self.geometry.is_pointwise())),
            ("tm", tile[0]),
            ("tn", tile[1]),
            ("rest", tile[0] - 1),
            ("bias", 0),
        ];
        Shader::new(
            name,
            template,
            values.map(|(name, value)| (name, value as u64)).into(),
        )
    }

    /// The sizes as the shaders read them, with `rows` of the loop at hand.
    fn dims(&self, like: &CubeTensor, rows: usize) -> CubeTensor {
        constant(
            like,
            [
                rows,
                self.outputs,
                self.channels / self.lane(),
                self.height,
                self.width,
                self.out_height,
                self.out_width,
                self.geometry.kernel,
                self.geometry.stride,
                self.geometry.pad_begin,
            ]
            .map(|size| size as u32)
            .to_vec(),
        )
    }
}

/// Values along one side of a tile: all of `most` where there are so many, else half or a quarter of it.
fn tile(count: usize, most: usize) -> usize {
    [most, most / 2]
        .into_iter()
        .find(|&tile| count >= tile)
        .unwrap_or(most / 4)
        .max(1)
}

/// Workgroups over `columns` by `rows` invocations.
fn grid(columns: usize, rows: usize, depth: usize) -> Grid {
    Grid {
        workgroups: [
            (columns as u32).div_ceil(SIDE),
            (rows as u32).div_ceil(SIDE),
            depth as u32,
        ],
        workgroup: [SIDE, SIDE, 1],
    }
}

fn forward(
    x: CubeTensor,
    w: CubeTensor,
    bias: Option<CubeTensor>,
    geometry: ConvGeometry,
) -> CubeTensor {
    let (x, w) = (into_contiguous(x), into_contiguous(w));
    let sizes = Sizes::new(&x.meta.shape, w.meta.shape[0], geometry);
    let out = empty(&x, conv_shape(&x.meta.shape, &w.meta.shape, &geometry));
    let rows = sizes.batch * sizes.out_height * sizes.out_width;
    let [tm, tn] = [tile(rows, sizes.most_rows()), tile(sizes.outputs, 8)];
    let template = include_str!("../../../../../shaders/conv_forward.wgsl");
    let grid = grid(sizes.outputs.div_ceil(tn), rows.div_ceil(tm), 1);
    let dims = sizes.dims(&x, rows);
    match bias.map(into_contiguous) {
        None => {
            let shader = sizes.shader("conv_forward", template, [tm, tn]);
            launch(shader, grid, &[&x, &w, &out, &dims]);
        }
        Some(bias) => {
            let shader = sizes
                .shader("conv_forward", template, [tm, tn])
                .with("bias", 1);
            launch(shader, grid, &[&x, &w, &out, &dims, &bias]);
        }
    }
    out
}

impl ConvOps for CubeBackend {
    fn conv(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        forward(x, w, None, geometry)
    }

    fn conv_bias(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        forward(x, w, Some(bias), geometry)
    }

    fn conv_backward_input(
        grad: FloatTensor<Self>,
        w: FloatTensor<Self>,
        geometry: ConvGeometry,
        height: usize,
        width: usize,
    ) -> FloatTensor<Self> {
        let (grad, w) = (into_contiguous(grad), into_contiguous(w));
        let shape = Shape::new([grad.meta.shape[0], height, width, w.meta.shape[2]]);
        let sizes = Sizes::new(&shape, w.meta.shape[0], geometry);
        let rows = sizes.batch * height * width;
        let lanes = sizes.channels / sizes.lane();
        let [tm, tn] = [tile(rows, sizes.most_rows()), tile(lanes, 2)];
        let template = include_str!("../../../../../shaders/conv_backward_input.wgsl");
        let shader = sizes.shader("conv_backward_input", template, [tm, tn]);
        let out = empty(&grad, shape);
        let grid = grid(lanes.div_ceil(tn), rows.div_ceil(tm), 1);
        launch(shader, grid, &[&grad, &w, &out, &sizes.dims(&grad, rows)]);
        out
    }

    fn conv_backward_weight(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        let (x, grad) = (into_contiguous(x), into_contiguous(grad));
        let sizes = Sizes::new(&x.meta.shape, grad.meta.shape[3], geometry);
        let rows = sizes.batch * sizes.out_height * sizes.out_width;
        let taps = geometry.kernel * geometry.kernel;
        let lanes = sizes.channels / sizes.lane();
        let [tm, tn] = [tile(sizes.outputs, 8), tile(lanes, 2)];
        let template = include_str!("../../../../../shaders/conv_backward_weight.wgsl");
        let shader = sizes.shader("conv_backward_weight", template, [tm, tn]);
        let out = empty(&x, Shape::new([sizes.outputs, taps, sizes.channels]));
        let grid = grid(lanes.div_ceil(tn), sizes.outputs.div_ceil(tm), taps);
        launch(shader, grid, &[&x, &grad, &out, &sizes.dims(&x, rows)]);
        out
    }
}
