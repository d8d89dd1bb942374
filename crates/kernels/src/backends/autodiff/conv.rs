//! The base layer is frozen and keeps nothing of its input. A branch keeps the input for its factor down,
//! and its narrow middle for its factor up.

use burn::backend::{
    Autodiff, Backend, TensorMetadata,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    tensor::{FloatTensor, IntTensor},
};
use burn::tensor::Shape;

use crate::ops::{Addition, ConvGeometry, ConvLayer, ConvOps, WeightLayout};

#[derive(Clone, Debug)]
struct State<B: Backend> {
    w: IntTensor<B>,
    layer: ConvLayer,
    height: usize,
    width: usize,
}

/// Gradient for what was added to a layer's result, from the result's.
fn addition<B: Backend>(grad: FloatTensor<B>, addition: Addition) -> FloatTensor<B> {
    match addition {
        Addition::Nothing | Addition::Residual => grad,
        Addition::PerImage => {
            let shape = grad.shape();
            let (batch, places, outputs) = (shape[0], shape[1] * shape[2], shape[3]);
            let flat = B::float_reshape(grad, Shape::new([batch, places, outputs]));
            B::float_reshape(B::float_sum_dim(flat, 1), Shape::new([batch, outputs]))
        }
    }
}

#[derive(Debug)]
struct Conv;

impl<B: Backend + ConvOps> Backward<B, 2> for Conv {
    type State = State<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let [node_x, node_plus] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let State {
            w,
            layer,
            height,
            width,
        } = ops.state;
        if let Some(node) = node_plus {
            grads.register::<B>(node.id, addition::<B>(grad.clone(), layer.addition));
        }
        if let Some(node) = node_x {
            let grad = B::conv_backward_input(grad, w, layer, height, width);
            grads.register::<B>(node.id, grad);
        }
    }
}

#[derive(Clone, Debug)]
struct AdaptedState<B: Backend> {
    base: State<B>,
    /// Where down has a gradient.
    x: Option<FloatTensor<B>>,
    /// Where up has a gradient.
    middle: Option<FloatTensor<B>>,
    down: FloatTensor<B>,
    up: FloatTensor<B>,
    scale: FloatTensor<B>,
    down_place: FloatTensor<B>,
    up_place: FloatTensor<B>,
}

#[derive(Debug)]
struct Adapted;

impl<B: Backend + ConvOps> Backward<B, 4> for Adapted {
    type State = AdaptedState<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 4>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let [node_x, node_plus, node_down, node_up] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let AdaptedState {
            base,
            x,
            middle,
            down,
            up,
            scale,
            down_place,
            up_place,
        } = ops.state;
        let State {
            w,
            layer,
            height,
            width,
        } = base;
        if let Some(node) = node_plus {
            grads.register::<B>(node.id, addition::<B>(grad.clone(), layer.addition));
        }
        if let (Some(node), Some(middle)) = (node_up, middle) {
            let shape = up.shape();
            let (pointwise, placed) = (ConvGeometry::POINTWISE, layer.placed);
            let up_grad =
                B::conv_backward_weight(middle, grad.clone(), up_place, pointwise, placed);
            grads.register::<B>(node.id, B::float_reshape(up_grad, shape));
        }
        if node_x.is_none() && node_down.is_none() {
            return;
        }
        let middle_grad = B::middle_backward(grad.clone(), up, scale);
        if let (Some(node), Some(x)) = (node_down, x) {
            let (geometry, placed) = (layer.geometry, layer.placed);
            let down_grad =
                B::conv_backward_weight(x, middle_grad.clone(), down_place, geometry, placed);
            grads.register::<B>(node.id, down_grad);
        }
        if let Some(node) = node_x {
            let grad =
                B::conv_adapted_backward_input(grad, w, middle_grad, down, layer, height, width);
            grads.register::<B>(node.id, grad);
        }
    }
}

impl<B: Backend + ConvOps, C: CheckpointStrategy> ConvOps for Autodiff<B, C> {
    /// Frozen: no gradient.
    fn pack_weight(w: FloatTensor<Self>, layout: WeightLayout) -> IntTensor<Self> {
        B::pack_weight(w.into_primitive(), layout)
    }

    /// Weight and bias are frozen: they get no gradient.
    fn conv(
        x: FloatTensor<Self>,
        w: IntTensor<Self>,
        bias: FloatTensor<Self>,
        plus: FloatTensor<Self>,
        layer: ConvLayer,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), plus.node()];
        let [x, bias, plus] = [x, bias, plus].map(|tensor| tensor.into_primitive());
        let state = state::<B>(&x, &w, layer);
        let out = B::conv(x, w, bias, plus, layer);
        match Conv.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(state, out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    /// Gradients go to x, the addition and the factors. The middle is a constant.
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
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let nodes = [x.node(), plus.node(), down.node(), up.node()];
        let (down_tracked, up_tracked) = (down.is_tracked(), up.is_tracked());
        let [x, bias, plus, down, up, scale, down_place, up_place] =
            [x, bias, plus, down, up, scale, down_place, up_place]
                .map(|tensor| tensor.into_primitive());
        let base = state::<B>(&x, &w, layer);
        let (out, middle) = B::conv_adapted(
            x.clone(),
            w,
            bias,
            plus,
            down.clone(),
            up.clone(),
            scale.clone(),
            down_place.clone(),
            up_place.clone(),
            layer,
        );
        let state = AdaptedState {
            base,
            x: down_tracked.then_some(x),
            middle: up_tracked.then(|| middle.clone()),
            down,
            up,
            scale,
            down_place,
            up_place,
        };
        let out = match Adapted.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(state, out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        };
        (out, FloatTensor::<Self>::new(middle))
    }

    // What follows is once differentiable: results are constants.

    fn conv_backward_input(
        grad: FloatTensor<Self>,
        w: IntTensor<Self>,
        layer: ConvLayer,
        height: usize,
        width: usize,
    ) -> FloatTensor<Self> {
        let grad = grad.into_primitive();
        FloatTensor::<Self>::new(B::conv_backward_input(grad, w, layer, height, width))
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
        let [grad, middle_grad, down] =
            [grad, middle_grad, down].map(|tensor| tensor.into_primitive());
        FloatTensor::<Self>::new(B::conv_adapted_backward_input(
            grad,
            w,
            middle_grad,
            down,
            layer,
            height,
            width,
        ))
    }

    fn middle_backward(
        grad: FloatTensor<Self>,
        up: FloatTensor<Self>,
        scale: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let [grad, up, scale] = [grad, up, scale].map(|tensor| tensor.into_primitive());
        FloatTensor::<Self>::new(B::middle_backward(grad, up, scale))
    }

    fn conv_backward_weight(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        place: FloatTensor<Self>,
        geometry: ConvGeometry,
        placed: bool,
    ) -> FloatTensor<Self> {
        let [x, grad, place] = [x, grad, place].map(|tensor| tensor.into_primitive());
        FloatTensor::<Self>::new(B::conv_backward_weight(x, grad, place, geometry, placed))
    }
}

fn state<B: Backend>(x: &FloatTensor<B>, w: &IntTensor<B>, layer: ConvLayer) -> State<B> {
    let shape = x.shape();
    State {
        w: w.clone(),
        layer,
        height: shape[1],
        width: shape[2],
    }
}
