//! Convolutions and linear layers.

use burn::backend::tensor::FloatTensor;
use burn::tensor::Shape;
use burn_cubecl::{CubeBackend, kernel::into_contiguous, tensor::CubeTensor};

use super::launch::{Grid, Shader, constant, empty, launch, part};
use crate::{
    ops::{ConvGeometry, ConvOps, conv_shape},
    tier::Tier,
};

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

    /// Pipelines differ in their tile and in what they can leave out; sizes are read from a buffer, for
    /// compiling a pipeline for each layer would take minutes on a software adapter.
    fn shader(&self, name: &'static str, template: &'static str, tiles: &Tiles) -> Shader {
        let [tm, tn] = tiles.tile;
        let values = [
            ("vec", usize::from(self.lane() == 4)),
            ("gathered", usize::from(!self.geometry.is_pointwise())),
            ("tm", tm),
            ("tn", tn),
            ("rest", tm - 1),
            ("workgroup", tiles.grid.workgroup[0] as usize),
            ("scaled", 0),
            ("branch", 0),
        ];
        Shader::new(
            name,
            template,
            values.map(|(name, value)| (name, value as u64)).into(),
        )
    }

    /// The sizes as the shaders read them, with `rows` of the loop at hand and the `rank` of a branch.
    fn dims(&self, like: &CubeTensor, rows: usize, rank: usize, tiles: &Tiles) -> CubeTensor {
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
                rank,
                tiles.columns,
            ]
            .map(|size| size as u32)
            .to_vec(),
        )
    }
}

/// How a launch is cut into tiles.
struct Tiles {
    /// Rows and columns of values of a tile.
    tile: [usize; 2],
    /// Tiles side by side.
    columns: usize,
    grid: Grid,
}

impl Tiles {
    /// For `rows` by `columns` values, `depth` times, in tiles of at most `most`.
    fn new(rows: usize, columns: usize, depth: usize, most: [usize; 2]) -> Self {
        let cut = Tier::cut();
        let count = |[tm, tn]: [usize; 2]| rows.div_ceil(tm) * columns.div_ceil(tn);
        let fit = |values: usize, most: usize| most.min(values.next_power_of_two());
        let mut tile = [fit(rows, most[0]), fit(columns, most[1])];
        // The larger side is halved first: square tiles load least for what they compute.
        while count(tile) * depth < cut.least && tile != [1, 1] {
            let side = usize::from(tile[1] > tile[0]);
            tile[side] /= 2;
        }
        Self {
            tile,
            columns: columns.div_ceil(tile[1]),
            grid: Grid {
                workgroups: [
                    (count(tile) as u32).div_ceil(cut.workgroup),
                    depth as u32,
                    1,
                ],
                workgroup: [cut.workgroup, 1, 1],
            },
        }
    }
}

/// What a forward launch adds to the products of x and w.
enum Addend<'a> {
    Bias(&'a CubeTensor),
    /// The bias, and a branch's middle and factor up.
    Branch(&'a CubeTensor, &'a CubeTensor, &'a CubeTensor),
    /// Nothing, but all of it times this.
    Scale(&'a CubeTensor),
}

fn forward(x: &CubeTensor, w: &CubeTensor, addend: Addend, geometry: ConvGeometry) -> CubeTensor {
    let sizes = Sizes::new(&x.meta.shape, w.meta.shape[0], geometry);
    let out = empty(x, conv_shape(&x.meta.shape, &w.meta.shape, &geometry));
    let rows = sizes.batch * sizes.out_height * sizes.out_width;
    let tiles = Tiles::new(rows, sizes.outputs, 1, Tier::cut().tile);
    let template = include_str!("../../../../../shaders/conv_forward.wgsl");
    let shader = sizes.shader("conv_forward", template, &tiles);
    let grid = tiles.grid;
    let dims = |rank| sizes.dims(x, rows, rank, &tiles);
    match addend {
        Addend::Bias(bias) => launch(shader, grid, &[x, w, &out, &dims(0), bias]),
        Addend::Scale(scale) => {
            let shader = shader.with("scaled", 1);
            launch(shader, grid, &[x, w, &out, &dims(0), scale]);
        }
        Addend::Branch(bias, middle, up) => {
            let dims = dims(up.meta.shape[1]);
            let shader = shader.with("branch", 1);
            launch(shader, grid, &[x, w, &out, &dims, bias, middle, up]);
        }
    }
    out
}

/// What a backward launch does beyond the products of the gradient and w.
enum Extra<'a> {
    None,
    /// Adds those of a branch's middle's gradient and factor down.
    Branch(&'a CubeTensor, &'a CubeTensor),
    Scale(&'a CubeTensor),
}

fn backward_input(
    grad: &CubeTensor,
    w: &CubeTensor,
    extra: Extra,
    geometry: ConvGeometry,
    [height, width]: [usize; 2],
) -> CubeTensor {
    let shape = Shape::new([grad.meta.shape[0], height, width, w.meta.shape[2]]);
    let sizes = Sizes::new(&shape, w.meta.shape[0], geometry);
    let rows = sizes.batch * height * width;
    let lanes = sizes.channels / sizes.lane();
    // The tile is cut by values; a lane of channels has four of them.
    let [most_rows, most_columns] = Tier::cut().tile;
    let tiles = Tiles::new(rows, lanes, 1, [most_rows, most_columns / sizes.lane()]);
    let template = include_str!("../../../../../shaders/conv_backward_input.wgsl");
    let shader = sizes.shader("conv_backward_input", template, &tiles);
    let out = empty(grad, shape);
    let grid = tiles.grid;
    let dims = |rank| sizes.dims(grad, rows, rank, &tiles);
    match extra {
        Extra::None => launch(shader, grid, &[grad, w, &out, &dims(0)]),
        Extra::Scale(scale) => {
            let shader = shader.with("scaled", 1);
            launch(shader, grid, &[grad, w, &out, &dims(0), scale]);
        }
        Extra::Branch(middle_grad, down) => {
            let dims = dims(down.meta.shape[0]);
            let shader = shader.with("branch", 1);
            launch(shader, grid, &[grad, w, &out, &dims, middle_grad, down]);
        }
    }
    out
}

impl ConvOps for CubeBackend {
    fn conv(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        let [x, w, bias] = [x, w, bias].map(into_contiguous);
        forward(&x, &w, Addend::Bias(&bias), geometry)
    }

    fn conv_adapted(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        down: FloatTensor<Self>,
        up: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let [x, w, bias, down, up, scale] = [x, w, bias, down, up, scale].map(into_contiguous);
        let middle = forward(&x, &down, Addend::Scale(&scale), geometry);
        let out = forward(&x, &w, Addend::Branch(&bias, &middle, &up), geometry);
        (out, middle)
    }

    fn conv_backward_input(
        grad: FloatTensor<Self>,
        w: FloatTensor<Self>,
        geometry: ConvGeometry,
        height: usize,
        width: usize,
    ) -> FloatTensor<Self> {
        let [grad, w] = [grad, w].map(into_contiguous);
        backward_input(&grad, &w, Extra::None, geometry, [height, width])
    }

    fn conv_adapted_backward_input(
        grad: FloatTensor<Self>,
        w: FloatTensor<Self>,
        middle_grad: FloatTensor<Self>,
        down: FloatTensor<Self>,
        geometry: ConvGeometry,
        height: usize,
        width: usize,
    ) -> FloatTensor<Self> {
        let [grad, w, middle_grad, down] = [grad, w, middle_grad, down].map(into_contiguous);
        let branch = Extra::Branch(&middle_grad, &down);
        backward_input(&grad, &w, branch, geometry, [height, width])
    }

    fn middle_backward(
        grad: FloatTensor<Self>,
        up: FloatTensor<Self>,
        scale: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let [grad, up, scale] = [grad, up, scale].map(into_contiguous);
        let [outputs, rank] = [up.meta.shape[0], up.meta.shape[1]];
        let size = [grad.meta.shape[1], grad.meta.shape[2]];
        let up = part(&up, 0, Shape::new([outputs, 1, rank]));
        let scale = Extra::Scale(&scale);
        backward_input(&grad, &up, scale, ConvGeometry::POINTWISE, size)
    }

    fn conv_backward_weight(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        let [x, grad] = [x, grad].map(into_contiguous);
        let sizes = Sizes::new(&x.meta.shape, grad.meta.shape[3], geometry);
        let rows = sizes.batch * sizes.out_height * sizes.out_width;
        let taps = geometry.kernel * geometry.kernel;
        let lanes = sizes.channels / sizes.lane();
        let [most_rows, most_columns] = Tier::cut().tile;
        let tiles = Tiles::new(
            sizes.outputs,
            lanes,
            taps,
            [most_rows, most_columns / sizes.lane()],
        );
        let template = include_str!("../../../../../shaders/conv_backward_weight.wgsl");
        let shader = sizes.shader("conv_backward_weight", template, &tiles);
        let out = empty(&x, Shape::new([sizes.outputs, taps, sizes.channels]));
        let dims = sizes.dims(&x, rows, 0, &tiles);
        launch(shader, tiles.grid, &[&x, &grad, &out, &dims]);
        out
    }
}
