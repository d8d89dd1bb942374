//! State kept in place.

use burn::backend::tensor::FloatTensor;
use burn::tensor::Shape;
use burn_cubecl::{CubeBackend, kernel::into_contiguous, tensor::CubeTensor};

use super::launch::{Grid, Shader, constant, each, empty, launch, part};
use crate::{ops::StateOps, tier::Tier};

/// Invocations a workgroup of the kernel that gathers. WebGPU allows 256.
const WORKGROUP: u32 = 256;
/// Invocations a workgroup of the kernel that adds up.
const SUMS: u32 = 32;

/// Lanes of so many values, and whether each has four of them.
fn lanes(length: usize) -> (usize, u64) {
    match length.is_multiple_of(4) {
        true => (length / 4, 1),
        false => (length, 0),
    }
}

/// A kernel over all values of tensors of one length, in lanes of four where it is a multiple of that.
fn elementwise(name: &'static str, template: &'static str, length: usize, tensors: &[&CubeTensor]) {
    let (lanes, vec) = lanes(length);
    let (grid, values) = each(lanes);
    let shader = Shader::new(name, template, values)
        .with("length", lanes as u64)
        .with("vec", vec);
    launch(shader, grid, tensors);
}

/// Whether `piece` lies in the buffer of `flat` from `start` on.
fn is_placed(flat: &CubeTensor, start: usize, piece: &CubeTensor) -> bool {
    let offset = |tensor: &CubeTensor| tensor.handle.offset_start.unwrap_or(0);
    let bytes = (start * flat.dtype.size()) as u64;
    piece.handle.memory.descriptor() == flat.handle.memory.descriptor()
        && offset(piece) == offset(flat) + bytes
}

/// Writes `pieces` into `flat` at `starts`, where they are not there already.
fn gather(flat: CubeTensor, pieces: Vec<CubeTensor>, starts: &[usize]) -> CubeTensor {
    let (pieces, starts): (Vec<CubeTensor>, Vec<usize>) = pieces
        .into_iter()
        .map(into_contiguous)
        .zip(starts.iter().copied())
        .filter(|(piece, start)| !is_placed(&flat, *start, piece))
        .unzip();
    if pieces.is_empty() {
        return flat;
    }
    let lengths = pieces.iter().map(|piece| piece.meta.num_elements());
    let spans = starts
        .iter()
        .zip(lengths.clone())
        .flat_map(|(&start, length)| [start as u32, length as u32])
        .collect();
    let longest = lengths.max().unwrap_or(0) as u32;
    let values = [
        ("count", pieces.len() as u64),
        ("last", pieces.len() as u64 + 1),
        ("workgroup", u64::from(WORKGROUP)),
    ];
    let spans = constant(&flat, spans);
    let mut tensors = vec![&flat];
    tensors.extend(&pieces);
    tensors.push(&spans);
    launch(
        Shader::new(
            "gather",
            include_str!("../../../../../shaders/gather.wgsl"),
            values.into(),
        ),
        Grid {
            workgroups: [longest.div_ceil(WORKGROUP), pieces.len() as u32, 1],
            workgroup: [WORKGROUP, 1, 1],
        },
        &tensors,
    );
    flat
}

impl StateOps for CubeBackend {
    fn adamw(
        param: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        hyper: FloatTensor<Self>,
        squared_norm: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let grad = into_contiguous(grad);
        let hyper = into_contiguous(hyper);
        elementwise(
            "adamw",
            include_str!("../../../../../shaders/adamw.wgsl"),
            param.meta.num_elements(),
            &[&param, &first, &second, &grad, &hyper, &squared_norm],
        );
        (param, first, second)
    }

    fn squared_norm(values: FloatTensor<Self>) -> FloatTensor<Self> {
        let mut sums = into_contiguous(values);
        let mut squared = true;
        loop {
            let length = sums.meta.num_elements();
            let outputs = length.div_ceil(Tier::cut().span).max(1);
            let (lanes, vec) = lanes(length);
            let next = empty(&sums, Shape::new([outputs]));
            let values = [
                ("length", lanes as u64),
                ("outputs", outputs as u64),
                ("squared", u64::from(squared)),
                ("vec", vec),
                ("workgroup", u64::from(SUMS)),
            ];
            let template = include_str!("../../../../../shaders/squares.wgsl");
            let grid = Grid {
                workgroups: [(outputs as u32).div_ceil(SUMS), 1, 1],
                workgroup: [SUMS, 1, 1],
            };
            let shader = Shader::new("squares", template, values.into());
            launch(shader, grid, &[&sums, &next]);
            if outputs <= 1 {
                return next;
            }
            (sums, squared) = (next, false);
        }
    }

    fn write_into(target: FloatTensor<Self>, source: FloatTensor<Self>) -> FloatTensor<Self> {
        let source = into_contiguous(source);
        elementwise(
            "copy",
            include_str!("../../../../../shaders/copy.wgsl"),
            target.meta.num_elements(),
            &[&source, &target],
        );
        target
    }

    fn write_two(
        target: FloatTensor<Self>,
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        starts: [usize; 2],
    ) -> FloatTensor<Self> {
        gather(target, vec![a, b], &starts)
    }

    fn write_six(
        target: FloatTensor<Self>,
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        e: FloatTensor<Self>,
        f: FloatTensor<Self>,
        starts: [usize; 6],
    ) -> FloatTensor<Self> {
        gather(target, vec![a, b, c, d, e, f], &starts)
    }

    fn view(flat: FloatTensor<Self>, start: usize, length: usize) -> FloatTensor<Self> {
        part(&flat, start, Shape::new([length]))
    }
}
