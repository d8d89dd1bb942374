//! The operations, as burn extension traits. `backends/` has an implementation a backend.

use burn::{
    backend::{
        Backend, DType, backend_extension,
        tensor::{FloatTensor, IntTensor},
    },
    tensor::Shape,
};

/// Operations on state that stays in its place, for recorded graphs (see [`crate::Recorded`]).
///
/// On a GPU they write into the buffers they are given, and what they return is the same buffers.
/// On the CPU they return new tensors. Callers go on with what is returned, which is right for both.
#[backend_extension(Cube, Flex: cfg(not(target_arch = "wasm32")), Fusion)]
pub trait StateOps: Backend {
    /// See [`crate::adamw`].
    #[fusion(meta = |param, first, second, _grad, _hyper, _squared_norm| (param.clone(), first.clone(), second.clone()))]
    fn adamw(
        param: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        hyper: FloatTensor<Self>,
        squared_norm: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// The sum of the squares of `values`, `[1]`.
    #[fusion(dtype = values, shape = Shape::new([1]))]
    fn squared_norm(values: FloatTensor<Self>) -> FloatTensor<Self>;

    /// See [`crate::write_into`].
    #[fusion(dtype = target, shape = target)]
    fn write_into(target: FloatTensor<Self>, source: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Writes two pieces into `target` at `starts`.
    #[fusion(dtype = target, shape = target)]
    fn write_two(
        target: FloatTensor<Self>,
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        starts: [usize; 2],
    ) -> FloatTensor<Self>;

    /// Writes six pieces into `target` at `starts`: as many as are bound at once everywhere.
    #[allow(clippy::too_many_arguments)]
    #[fusion(dtype = target, shape = target)]
    fn write_six(
        target: FloatTensor<Self>,
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        e: FloatTensor<Self>,
        f: FloatTensor<Self>,
        starts: [usize; 6],
    ) -> FloatTensor<Self>;

    /// See [`crate::view`].
    #[fusion(dtype = flat, shape = Shape::new([*length]))]
    fn view(flat: FloatTensor<Self>, start: usize, length: usize) -> FloatTensor<Self>;
}

/// What the bench needs beside the operations it measures.
#[backend_extension(Cube, Flex: cfg(not(target_arch = "wasm32")), Fusion)]
pub trait PeakOps: Backend {
    /// [`PEAK_CHAINS`] chains of four values in each of `threads` invocations, each multiplied by the
    /// first value of `seed` and added to its second `rounds` times; the sum of each invocation.
    #[fusion(dtype = seed, shape = Shape::new([*threads]))]
    fn fma_peak(seed: FloatTensor<Self>, threads: usize, rounds: usize) -> FloatTensor<Self>;
}

/// Chains of four values an invocation of [`PeakOps::fma_peak`] has.
pub const PEAK_CHAINS: usize = 8;

/// How a convolution reads its input. The same along both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvGeometry {
    /// Side of the kernel.
    pub kernel: usize,
    pub stride: usize,
    /// Zeros before the first and after the last place.
    pub pad_begin: usize,
    pub pad_end: usize,
    /// The input is read as if each place were 2 by 2 of them: nearest neighbours.
    pub upsample: bool,
}

impl ConvGeometry {
    /// One place to one place: a linear layer.
    pub const POINTWISE: Self = Self {
        kernel: 1,
        stride: 1,
        pad_begin: 0,
        pad_end: 0,
        upsample: false,
    };

    /// Places of the output along a side of `places`.
    pub fn out(&self, places: usize) -> usize {
        let places = places << u32::from(self.upsample);
        (places + self.pad_begin + self.pad_end - self.kernel) / self.stride + 1
    }

    pub fn is_pointwise(&self) -> bool {
        *self == Self::POINTWISE
    }
}

/// How the values of a frozen weight are kept on the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    #[default]
    F32,
    /// Two of them a word.
    F16,
    /// Four of them a word, symmetric by blocks of [`BLOCK`] channels.
    Int8,
}

/// Channels a block of [`Precision::Int8`].
pub const BLOCK: usize = 64;

/// A frozen weight `[outputs, taps, channels]` in words of 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WeightLayout {
    pub outputs: usize,
    pub taps: usize,
    pub channels: usize,
    pub precision: Precision,
}

impl WeightLayout {
    /// Blocks of a row of channels.
    pub(crate) fn blocks(&self) -> usize {
        self.channels.div_ceil(BLOCK)
    }

    /// Words it takes: the values, and for [`Precision::Int8`] after them the largest magnitude of each
    /// block, as the bits of an f32.
    pub(crate) fn words(&self) -> usize {
        let rows = self.outputs * self.taps;
        match self.precision {
            Precision::F32 => rows * self.channels,
            Precision::F16 => rows * self.channels / 2,
            Precision::Int8 => rows * (self.channels / 4 + self.blocks()),
        }
    }
}

/// What is added to a layer's result besides its bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Addition {
    /// Nothing. The operand for it is not looked at.
    Nothing,
    /// A value for each of the result, shaped as it is.
    Residual,
    /// A value for each output of each image, `[batch, outputs]`.
    PerImage,
}

/// What a convolution or linear layer is, apart from its tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvLayer {
    pub weight: WeightLayout,
    pub geometry: ConvGeometry,
    pub addition: Addition,
    /// The gradients of a branch's factors have places to be written to.
    pub placed: bool,
}

/// Shape of a convolution's output, `[batch, height, width, outputs]`.
pub(crate) fn conv_shape(x: &Shape, outputs: usize, geometry: &ConvGeometry) -> Shape {
    Shape::new([x[0], geometry.out(x[1]), geometry.out(x[2]), outputs])
}

/// Shape of a branch's middle, `[batch, height, width, rank]`, for `like` in `[batch, height, width, _]`.
fn middle_shape(like: &Shape, rank: usize) -> Shape {
    Shape::new([like[0], like[1], like[2], rank])
}

/// Convolutions over `[batch, height, width, channels]` with frozen weights and a bias `[outputs]`. With
/// one tap they are linear layers. See [`crate::conv`].
///
/// `adapted` ones have a LoRA branch: down `[rank, taps, channels]`, up `[outputs, rank]`, scale `[1]` or as many as divide the batch, and
/// flat places for the gradients of down and up, which are looked at where the layer says so. On a GPU
/// gradients are written there and share their buffers, on the CPU they are new tensors.
#[backend_extension(Cube, Flex: cfg(not(target_arch = "wasm32")), Fusion, Autodiff)]
pub trait ConvOps: Backend {
    /// `w`, `[outputs, taps, channels]` in f32, as the words of `layout`.
    #[fusion(dtype = DType::I32, shape = Shape::new([layout.words()]))]
    fn pack_weight(w: FloatTensor<Self>, layout: WeightLayout) -> IntTensor<Self>;

    #[fusion(dtype = x, shape = conv_shape(x, layer.weight.outputs, &layer.geometry))]
    fn conv(
        x: FloatTensor<Self>,
        w: IntTensor<Self>,
        bias: FloatTensor<Self>,
        plus: FloatTensor<Self>,
        layer: ConvLayer,
    ) -> FloatTensor<Self>;

    /// The result, and for backward the branch's middle: scale times the convolution with down.
    #[allow(clippy::too_many_arguments)]
    #[fusion(meta = |x, _w, _bias, _plus, down, _up, _scale, _down_place, _up_place, layer| {
        let mut out = x.clone();
        out.shape = conv_shape(&x.shape, layer.weight.outputs, &layer.geometry);
        let mut middle = x.clone();
        middle.shape = conv_shape(&x.shape, down.shape[0], &layer.geometry);
        (out, middle)
    })]
    fn conv_adapted(
        x: FloatTensor<Self>,
        w: IntTensor<Self>,
        bias: FloatTensor<Self>,
        plus: FloatTensor<Self>,
        down: FloatTensor<Self>,
        up: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        down_place: FloatTensor<Self>,
        up_place: FloatTensor<Self>,
        layer: ConvLayer,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// Gradient for `x`, which had `height` by `width` places.
    #[fusion(dtype = grad, shape = Shape::new([grad[0], *height, *width, layer.weight.channels]))]
    fn conv_backward_input(
        grad: FloatTensor<Self>,
        w: IntTensor<Self>,
        layer: ConvLayer,
        height: usize,
        width: usize,
    ) -> FloatTensor<Self>;

    /// Gradient for `x` through the layer and its branch.
    #[fusion(dtype = grad, shape = Shape::new([grad[0], *height, *width, layer.weight.channels]))]
    fn conv_adapted_backward_input(
        grad: FloatTensor<Self>,
        w: IntTensor<Self>,
        middle_grad: FloatTensor<Self>,
        down: FloatTensor<Self>,
        layer: ConvLayer,
        height: usize,
        width: usize,
    ) -> FloatTensor<Self>;

    /// Gradient for what down makes of `x`: scale times the product of `grad` and `up`.
    #[fusion(dtype = grad, shape = middle_shape(grad, up[1]))]
    fn middle_backward(
        grad: FloatTensor<Self>,
        up: FloatTensor<Self>,
        scale: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// Gradient for a weight of `x`, `[outputs, taps, channels]`, for the factors of a branch; written to
    /// `place` where `placed`.
    #[fusion(dtype = grad, shape = Shape::new([grad[3], geometry.kernel * geometry.kernel, x[3]]))]
    fn conv_backward_weight(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        place: FloatTensor<Self>,
        geometry: ConvGeometry,
        placed: bool,
    ) -> FloatTensor<Self>;
}

/// Scaled dot-product attention over `[batch, tokens, heads * head_dim]`. See [`crate::attention`].
#[backend_extension(Cube, Flex: cfg(not(target_arch = "wasm32")), Fusion, Autodiff)]
pub trait AttentionOps: Backend {
    /// The result, and for backward the logarithm of each query's softmax denominator,
    /// `[batch, heads, queries]`. `mask` is looked at where `masked`.
    #[fusion(meta = |q, _k, _v, _mask, heads, _masked| {
        let mut lse = q.clone();
        lse.shape = Shape::new([q.shape[0], *heads, q.shape[1]]);
        (q.clone(), lse)
    })]
    fn flash_attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        heads: usize,
        masked: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// Gradients for q, k and v.
    #[allow(clippy::too_many_arguments)]
    #[fusion(meta = |q, k, v, _mask, _out, _lse, _grad, _heads, _masked| (q.clone(), k.clone(), v.clone()))]
    fn flash_attention_backward(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        out: FloatTensor<Self>,
        lse: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        heads: usize,
        masked: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

/// Group and layer normalisation over `[batch, places, channels]`. See [`crate::group_norm`].
#[backend_extension(Cube, Flex: cfg(not(target_arch = "wasm32")), Fusion, Autodiff)]
pub trait NormOps: Backend {
    /// The result, and for backward the mean and the reciprocal of the deviation of each group,
    /// `[batch, groups, 2]`.
    #[fusion(meta = |x, _weight, _bias, groups, _eps, _silu| {
        let mut stats = x.clone();
        stats.shape = Shape::new([x.shape[0], *groups, 2]);
        (x.clone(), stats)
    })]
    fn group_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        groups: usize,
        eps: f64,
        silu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// Gradient for x.
    #[fusion(dtype = x, shape = x)]
    fn group_norm_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stats: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        groups: usize,
        silu: bool,
    ) -> FloatTensor<Self>;
}

/// Shape of what GEGLU makes of `x`, whose last axis is twice as wide.
fn half(x: &Shape) -> Shape {
    Shape::new([x[0], x[1] / 2])
}

/// GEGLU over `[rows, 2 * n]`. See [`crate::geglu`].
#[backend_extension(Cube, Flex: cfg(not(target_arch = "wasm32")), Fusion, Autodiff)]
pub trait GegluOps: Backend {
    #[fusion(dtype = x, shape = half(x))]
    fn geglu(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Gradient for x.
    #[fusion(dtype = x, shape = x)]
    fn geglu_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>) -> FloatTensor<Self>;
}
