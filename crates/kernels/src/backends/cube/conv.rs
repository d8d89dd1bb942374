//! Convolutions and linear layers.

use burn::backend::{
    DType,
    tensor::{FloatTensor, IntTensor},
};
use burn::tensor::Shape;
use burn_cubecl::{CubeBackend, kernel::into_contiguous, tensor::CubeTensor};

use super::launch::{Grid, Shader, as_type, constant, each, empty, empty_of, launch, part};
use crate::{
    meter,
    ops::{Addition, BLOCK, ConvGeometry, ConvLayer, ConvOps, Precision, WeightLayout, conv_shape},
    tier::Tier,
};

/// What the shaders that read a frozen weight are made of.
const FORWARD: &str = concat!(
    include_str!("../../../../../shaders/weight.wgsl"),
    include_str!("../../../../../shaders/conv_forward.wgsl")
);
const BACKWARD_INPUT: &str = concat!(
    include_str!("../../../../../shaders/weight.wgsl"),
    include_str!("../../../../../shaders/conv_backward_input.wgsl")
);

/// A weight: words and how to read them. Factors of a branch are read as weights in f32.
struct Weight<'a> {
    words: &'a CubeTensor,
    layout: WeightLayout,
}

impl<'a> Weight<'a> {
    fn new(words: &'a CubeTensor, layout: WeightLayout) -> Self {
        Self { words, layout }
    }

    /// `[outputs, taps, channels]`
    fn factor(factor: &'a CubeTensor) -> Self {
        let shape = &factor.meta.shape;
        let layout = WeightLayout {
            outputs: shape[0],
            taps: shape[1],
            channels: shape[2],
            precision: Precision::F32,
        };
        Self::new(factor, layout)
    }
}

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

    /// Tells the meter of the products, the same for the layer and both its gradients.
    fn count(&self) {
        let taps = self.geometry.kernel * self.geometry.kernel;
        let values = self.batch * self.out_height * self.out_width * self.outputs;
        meter::multiply_adds(values * taps * self.channels);
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
            ("enlarged", usize::from(self.geometry.upsample)),
        ];
        Shader::new(
            name,
            template,
            values.map(|(name, value)| (name, value as u64)).into(),
        )
    }

    /// As [`shader`](Self::shader), for one that reads a weight of this precision.
    fn reader(
        &self,
        name: &'static str,
        template: &'static str,
        tiles: &Tiles,
        precision: Precision,
    ) -> Shader {
        [
            ("full", precision == Precision::F32),
            ("half", precision == Precision::F16),
            ("int8", precision == Precision::Int8),
            ("native", precision == Precision::F16 && Tier::cut().f16),
            ("scaled", false),
            ("branch", false),
        ]
        .into_iter()
        .fold(
            self.shader(name, template, tiles),
            |shader, (name, value)| shader.with(name, u64::from(value)),
        )
    }

    /// The sizes as the shaders read them, with `rows` of the loop at hand, the `rank` of a branch and as many `scales`.
    fn dims(
        &self,
        like: &CubeTensor,
        rows: usize,
        rank: usize,
        scales: usize,
        tiles: &Tiles,
    ) -> CubeTensor {
        let taps = self.geometry.kernel * self.geometry.kernel;
        let lanes = self.channels / self.lane();
        constant(
            like,
            [
                rows,
                self.outputs,
                lanes,
                self.height,
                self.width,
                self.out_height,
                self.out_width,
                self.geometry.kernel,
                self.geometry.stride,
                self.geometry.pad_begin,
                rank,
                tiles.columns,
                usize::from(self.geometry.upsample),
                self.outputs * taps * lanes,
                self.channels.div_ceil(BLOCK),
                rows / scales,
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
    /// The bias, a branch's middle and factor up, and what another layer made.
    Layer {
        bias: &'a CubeTensor,
        branch: Option<[&'a CubeTensor; 2]>,
        plus: &'a CubeTensor,
        addition: Addition,
    },
    /// Nothing, but all of it times this: one value, or as many as divide the rows.
    Scale(&'a CubeTensor),
}

fn forward(x: &CubeTensor, w: &Weight, addend: Addend, geometry: ConvGeometry) -> CubeTensor {
    let outputs = w.layout.outputs;
    let sizes = Sizes::new(&x.meta.shape, outputs, geometry);
    sizes.count();
    let out = empty(x, conv_shape(&x.meta.shape, outputs, &geometry));
    let rows = sizes.batch * sizes.out_height * sizes.out_width;
    let tiles = Tiles::new(rows, outputs, 1, Tier::cut().tile);
    let shader = sizes.reader("conv_forward", FORWARD, &tiles, w.layout.precision);
    let dims = |rank, scales| sizes.dims(x, rows, rank, scales, &tiles);
    let mut tensors = vec![x, w.words, &out];
    let (dims, addition) = match addend {
        Addend::Scale(scale) => (dims(0, scale.meta.num_elements()), None),
        Addend::Layer {
            branch, addition, ..
        } => (
            dims(branch.map_or(0, |[_, up]| up.meta.shape[1]), 1),
            Some(addition),
        ),
    };
    tensors.push(&dims);
    let shader = match addend {
        Addend::Scale(scale) => {
            tensors.push(scale);
            shader.with("scaled", 1)
        }
        Addend::Layer {
            bias,
            branch,
            plus,
            addition,
        } => {
            tensors.push(bias);
            tensors.extend(branch.iter().flatten());
            let plus_at = tensors.len() as u64;
            if addition != Addition::Nothing {
                tensors.push(plus);
            }
            shader
                .with("branch", u64::from(branch.is_some()))
                .with("plus_at", plus_at)
        }
    };
    let is = |which| u64::from(addition == Some(which));
    let shader = shader
        .with("bare", is(Addition::Nothing))
        .with("residual", is(Addition::Residual))
        .with("per_image", is(Addition::PerImage));
    launch(shader, tiles.grid, &tensors);
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
    w: &Weight,
    extra: Extra,
    geometry: ConvGeometry,
    [height, width]: [usize; 2],
) -> CubeTensor {
    let shape = Shape::new([grad.meta.shape[0], height, width, w.layout.channels]);
    let sizes = Sizes::new(&shape, w.layout.outputs, geometry);
    sizes.count();
    let rows = sizes.batch * height * width;
    let lanes = sizes.channels / sizes.lane();
    // The tile is cut by values; a lane of channels has four of them.
    let [most_rows, most_columns] = Tier::cut().tile;
    let tiles = Tiles::new(rows, lanes, 1, [most_rows, most_columns / sizes.lane()]);
    let precision = w.layout.precision;
    let shader = sizes.reader("conv_backward_input", BACKWARD_INPUT, &tiles, precision);
    let out = empty(grad, shape);
    let grid = tiles.grid;
    let dims = |rank, scales| sizes.dims(grad, rows, rank, scales, &tiles);
    match extra {
        Extra::None => launch(shader, grid, &[grad, w.words, &out, &dims(0, 1)]),
        Extra::Scale(scale) => {
            let shader = shader.with("scaled", 1);
            let dims = dims(0, scale.meta.num_elements());
            launch(shader, grid, &[grad, w.words, &out, &dims, scale]);
        }
        Extra::Branch(middle_grad, down) => {
            let dims = dims(down.meta.shape[0], 1);
            let shader = shader.with("branch", 1);
            let tensors = [grad, w.words, &out, &dims, middle_grad, down];
            launch(shader, grid, &tensors);
        }
    }
    out
}

impl ConvOps for CubeBackend {
    fn pack_weight(w: FloatTensor<Self>, layout: WeightLayout) -> IntTensor<Self> {
        let w = into_contiguous(w);
        let shape = Shape::new([layout.words()]);
        if layout.precision == Precision::F32 {
            return as_type(&w, shape, DType::I32);
        }
        let words = empty_of(&w, shape, DType::I32);
        let lanes = layout.channels / 4;
        let rows = layout.outputs * layout.taps;
        let int8 = layout.precision == Precision::Int8;
        let invocations = rows * if int8 { layout.blocks() } else { lanes };
        let (grid, values) = each(invocations);
        let template = include_str!("../../../../../shaders/pack_weight.wgsl");
        let shader = Shader::new("pack_weight", template, values).with("int8", u64::from(int8));
        let dims = [rows * lanes, lanes, layout.blocks()].map(|size| size as u32);
        launch(shader, grid, &[&w, &words, &constant(&w, dims.to_vec())]);
        words
    }

    fn conv(
        x: FloatTensor<Self>,
        w: IntTensor<Self>,
        bias: FloatTensor<Self>,
        plus: FloatTensor<Self>,
        layer: ConvLayer,
    ) -> FloatTensor<Self> {
        let [x, w, bias, plus] = [x, w, bias, plus].map(into_contiguous);
        let addend = Addend::Layer {
            bias: &bias,
            branch: None,
            plus: &plus,
            addition: layer.addition,
        };
        forward(&x, &Weight::new(&w, layer.weight), addend, layer.geometry)
    }

    fn conv_adapted(
        x: FloatTensor<Self>,
        w: IntTensor<Self>,
        bias: FloatTensor<Self>,
        plus: FloatTensor<Self>,
        down: FloatTensor<Self>,
        up: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        _down_place: FloatTensor<Self>,
        _up_place: FloatTensor<Self>,
        layer: ConvLayer,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let [x, w, bias, plus, down, up, scale] =
            [x, w, bias, plus, down, up, scale].map(into_contiguous);
        let geometry = layer.geometry;
        let middle = forward(&x, &Weight::factor(&down), Addend::Scale(&scale), geometry);
        let addend = Addend::Layer {
            bias: &bias,
            branch: Some([&middle, &up]),
            plus: &plus,
            addition: layer.addition,
        };
        let out = forward(&x, &Weight::new(&w, layer.weight), addend, geometry);
        (out, middle)
    }

    fn conv_backward_input(
        grad: FloatTensor<Self>,
        w: IntTensor<Self>,
        layer: ConvLayer,
        height: usize,
        width: usize,
    ) -> FloatTensor<Self> {
        let [grad, w] = [grad, w].map(into_contiguous);
        let w = Weight::new(&w, layer.weight);
        backward_input(&grad, &w, Extra::None, layer.geometry, [height, width])
    }

    fn conv_adapted_backward_input(
        grad: FloatTensor<Self>,
        w: IntTensor<Self>,
        middle_grad: FloatTensor<Self>,
        down: FloatTensor<Self>,
        layer: ConvLayer,
        height: usize,
        width: usize,
    ) -> FloatTensor<Self> {
        let [grad, w, middle_grad, down] = [grad, w, middle_grad, down].map(into_contiguous);
        let branch = Extra::Branch(&middle_grad, &down);
        let w = Weight::new(&w, layer.weight);
        backward_input(&grad, &w, branch, layer.geometry, [height, width])
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
        let up = Weight::factor(&up);
        backward_input(&grad, &up, scale, ConvGeometry::POINTWISE, size)
    }

    fn conv_backward_weight(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        place: FloatTensor<Self>,
        geometry: ConvGeometry,
        placed: bool,
    ) -> FloatTensor<Self> {
        let [x, grad] = [x, grad].map(into_contiguous);
        let sizes = Sizes::new(&x.meta.shape, grad.meta.shape[3], geometry);
        sizes.count();
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
        let shape = Shape::new([sizes.outputs, taps, sizes.channels]);
        let out = match placed {
            true => part(&place, 0, shape),
            false => empty(&x, shape),
        };
        let dims = sizes.dims(&x, rows, 0, 1, &tiles);
        launch(shader, tiles.grid, &[&x, &grad, &out, &dims]);
        out
    }
}
