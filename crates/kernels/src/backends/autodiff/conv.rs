//! Keeps the weight only when the input has a gradient, and the input only when the weight has one:
//! a frozen layer keeps no activations.

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

/// What backward needs. `x` is there when the weight has a gradient, `w` when the input has.
#[derive(Clone, Debug)]
struct State<B: Backend> {
    x: Option<FloatTensor<B>>,
    w: Option<FloatTensor<B>>,
    geometry: ConvGeometry,
    height: usize,
    width: usize,
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
        let [node_x, node_w] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let State {
            x,
            w,
            geometry,
            height,
            width,
        } = ops.state;
        if let (Some(node), Some(w)) = (node_x, w) {
            let grad = B::conv_backward_input(grad.clone(), w, geometry, height, width);
            grads.register::<B>(node.id, grad);
        }
        if let (Some(node), Some(x)) = (node_w, x) {
            grads.register::<B>(node.id, B::conv_backward_weight(x, grad, geometry));
        }
    }
}

fn forward<B: Backend + ConvOps, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    w: FloatTensor<Autodiff<B, C>>,
    geometry: ConvGeometry,
    run: impl FnOnce(FloatTensor<B>, FloatTensor<B>) -> FloatTensor<B>,
) -> FloatTensor<Autodiff<B, C>> {
    let nodes = [x.node(), w.node()];
    let (x_tracked, w_tracked) = (x.is_tracked(), w.is_tracked());
    let (x, w) = (x.into_primitive(), w.into_primitive());
    let shape = x.shape();
    let state = State::<B> {
        x: w_tracked.then(|| x.clone()),
        w: x_tracked.then(|| w.clone()),
        geometry,
        height: shape[1],
        width: shape[2],
    };
    let out = run(x, w);
    match Conv.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(state, out),
        OpsKind::UnTracked(prep) => prep.finish(out),
    }
}

impl<B: Backend + ConvOps, C: CheckpointStrategy> ConvOps for Autodiff<B, C> {
    fn conv(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        forward::<B, C>(x, w, geometry, |x, w| B::conv(x, w, geometry))
    }

    /// The bias is taken to be frozen: it gets no gradient.
    fn conv_bias(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        let bias = bias.into_primitive();
        forward::<B, C>(x, w, geometry, |x, w| B::conv_bias(x, w, bias, geometry))
    }

    /// Once differentiable: the result is a constant.
    fn conv_backward_input(
        grad: FloatTensor<Self>,
        w: FloatTensor<Self>,
        geometry: ConvGeometry,
        height: usize,
        width: usize,
    ) -> FloatTensor<Self> {
        let (grad, w) = (grad.into_primitive(), w.into_primitive());
        FloatTensor::<Self>::new(B::conv_backward_input(grad, w, geometry, height, width))
    }

    /// Once differentiable: the result is a constant.
    fn conv_backward_weight(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        let (x, grad) = (x.into_primitive(), grad.into_primitive());
        FloatTensor::<Self>::new(B::conv_backward_weight(x, grad, geometry))
    }
}
