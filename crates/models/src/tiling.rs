//! A picture in overlapping tiles, each by itself, so that memory does not grow with the picture.

use burn::tensor::{Int, Tensor};

/// How a picture is cut. diffusers' autoencoders cut so (`tiled_encode`, `tiled_decode`): tiles share a quarter with
/// their neighbours, over which they fade into each other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiles {
    /// Side of a tile, in the input's pixels.
    pub side: usize,
    /// From one tile to the next, in the input's pixels.
    pub stride: usize,
    /// Over how many of the output's pixels two tiles fade into each other.
    pub blend: usize,
    /// How many of the output's pixels of a tile stay, the rest being the next one's.
    pub keep: usize,
}

impl Tiles {
    /// Tiles of `side` pixels that become `output_side` ones.
    pub fn new(side: usize, output_side: usize) -> Self {
        let blend = output_side / 4;
        Self {
            side,
            // A tile of one pixel shares nothing.
            stride: (side * 3 / 4).max(1),
            blend,
            keep: output_side - blend,
        }
    }

    /// `f` over the tiles of x [batch, channels, height, width].
    pub fn map(self, x: Tensor<4>, f: impl Fn(Tensor<4>) -> Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let mut above: Vec<Tensor<4>> = Vec::new();
        let mut rows = Vec::new();
        for y in (0..height).step_by(self.stride) {
            let strip = x.clone().narrow(2, y, self.side.min(height - y));
            let mut row: Vec<Tensor<4>> = Vec::new();
            for (column, left) in (0..width).step_by(self.stride).enumerate() {
                let tile = strip.clone().narrow(3, left, self.side.min(width - left));
                let mut tile = f(tile);
                if let Some(above) = above.get(column) {
                    tile = fade(above.clone(), tile, 2, self.blend);
                }
                if let Some(before) = row.last() {
                    tile = fade(before.clone(), tile, 3, self.blend);
                }
                row.push(tile);
            }
            let kept = row.iter().map(|tile| {
                let [_, _, height, width] = tile.dims();
                (tile.clone()).narrow(2, 0, self.keep.min(height)).narrow(
                    3,
                    0,
                    self.keep.min(width),
                )
            });
            rows.push(Tensor::cat(kept.collect(), 3));
            above = row;
        }
        Tensor::cat(rows, 2)
    }
}

/// `to`, whose first pixels along `axis` come over from the last ones of `from`.
fn fade(from: Tensor<4>, to: Tensor<4>, axis: usize, extent: usize) -> Tensor<4> {
    let (from_length, length) = (from.dims()[axis], to.dims()[axis]);
    let extent = extent.min(from_length).min(length);
    if extent == 0 {
        return to;
    }
    let mut shape = [1; 4];
    shape[axis] = extent;
    let share = Tensor::<1, Int>::arange(0..extent as i64, &to.device()).float() / extent as f64;
    let share = share.reshape(shape);
    let end = from.narrow(axis, from_length - extent, extent);
    let begin = to.clone().narrow(axis, 0, extent);
    let faded = end * (1.0 - share.clone()) + begin * share;
    match length - extent {
        0 => faded,
        rest => Tensor::cat(vec![faded, to.narrow(axis, extent, rest)], axis),
    }
}
