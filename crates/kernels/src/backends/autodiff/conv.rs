//! The base layer is frozen and keeps nothing of its input. A branch keeps the input for its factor down,
//! and its narrow middle for its factor up.

use burn::backend::{
    Autodiff, Backend, TensorMetadata,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    tensor::FloatTensor,
};

use crate::ops::{ConvGeometry, ConvOps};

#[derive(Clone, Debug)]
struct State<B: Backend> {
    w: FloatTensor<B>,
    geometry: ConvGeometry,
    height: usize,
    width: usize,
}

#[derive(Debug)]
struct Conv;

impl<B: Backend + ConvOps> Backward<B, 1> for Conv {
    type State = State<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let [node] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let State {
            w,
            geometry,
            height,
            width,
        } = ops.state;
        if let Some(node) = node {
            let grad = B::conv_backward_input(grad, w, geometry, height, width);
            grads.register::<B>(node.id, grad);
        }
    }
}

#[derive(Clone, Debug)]
struct AdaptedState<B: Backend> {
    layer: State<B>,
    /// Where down has a gradient.
    x: Option<FloatTensor<B>>,
    /// Where up has a gradient.
    middle: Option<FloatTensor<B>>,
    down: FloatTensor<B>,
    up: FloatTensor<B>,
    scale: FloatTensor<B>,
}

#[derive(Debug)]
struct Adapted;

impl<B: Backend + ConvOps> Backward<B, 3> for Adapted {
    type State = AdaptedState<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let [node_x, node_down, node_up] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let AdaptedState {
            layer,
            x,
            middle,
            down,
            up,
            scale,
        } = ops.state;
        if let (Some(node), Some(middle)) = (node_up, middle) {
            let shape = up.shape();
            let up_grad = B::conv_backward_weight(middle, grad.clone(), ConvGeometry::POINTWISE);
            grads.register::<B>(node.id, B::float_reshape(up_grad, shape));
        }
        if node_x.is_none() && node_down.is_none() {
            return;
        }
        let middle_grad = B::middle_backward(grad.clone(), up, scale);
        if let (Some(node), Some(x)) = (node_down, x) {
            let down_grad = B::conv_backward_weight(x, middle_grad.clone(), layer.geometry);
            grads.register::<B>(node.id, down_grad);
        }
        if let Some(node) = node_x {
            let State {
                w,
                geometry,
                height,
                width,
            } = layer;
            let grad =
                B::conv_adapted_backward_input(grad, w, middle_grad, down, geometry, height, width);
            grads.register::<B>(node.id, grad);
        }
    }
}

impl<B: Backend + ConvOps, C: CheckpointStrategy> ConvOps for Autodiff<B, C> {
    /// Weight and bias are frozen: they get no gradient.
    fn conv(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        let nodes = [x.node()];
        let [x, w, bias] = [x, w, bias].map(|tensor| tensor.into_primitive());
        let state = state::<B>(&x, &w, geometry);
        let out = B::conv(x, w, bias, geometry);
        match Conv.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(state, out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    /// Gradients go to x and the factors. The middle is a constant.
    fn conv_adapted(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        down: FloatTensor<Self>,
        up: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let nodes = [x.node(), down.node(), up.node()];
        let (down_tracked, up_tracked) = (down.is_tracked(), up.is_tracked());
        let [x, w, bias, down, up, scale] =
            [x, w, bias, down, up, scale].map(|tensor| tensor.into_primitive());
        let layer = state::<B>(&x, &w, geometry);
        let (out, middle) = B::conv_adapted(
            x.clone(),
            w,
            bias,
            down.clone(),
            up.clone(),
            scale.clone(),
            geometry,
        );
        let state = AdaptedState {
            layer,
            x: down_tracked.then_some(x),
            middle: up_tracked.then(|| middle.clone()),
            down,
            up,
            scale,
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
        w: FloatTensor<Self>,
        geometry: ConvGeometry,
        height: usize,
        width: usize,
    ) -> FloatTensor<Self> {
        let [grad, w] = [grad, w].map(|tensor| tensor.into_primitive());
        FloatTensor::<Self>::new(B::conv_backward_input(grad, w, geometry, height, width))
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
        let [grad, w, middle_grad, down] =
            [grad, w, middle_grad, down].map(|tensor| tensor.into_primitive());
        FloatTensor::<Self>::new(B::conv_adapted_backward_input(
            grad,
            w,
            middle_grad,
            down,
            geometry,
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
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        let [x, grad] = [x, grad].map(|tensor| tensor.into_primitive());
        FloatTensor::<Self>::new(B::conv_backward_weight(x, grad, geometry))
    }
}

fn state<B: Backend>(x: &FloatTensor<B>, w: &FloatTensor<B>, geometry: ConvGeometry) -> State<B> {
    let shape = x.shape();
    State {
        w: w.clone(),
        geometry,
        height: shape[1],
        width: shape[2],
    }
}
