//! Keeps the input.

use burn::backend::{
    Autodiff, Backend,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind, unary},
    },
    tensor::FloatTensor,
};

use crate::ops::GegluOps;

#[derive(Debug)]
struct Geglu;

impl<B: Backend + GegluOps> Backward<B, 1> for Geglu {
    type State = FloatTensor<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let x = ops.state;
        unary::<B, _>(ops.parents, ops.node, grads, |grad| {
            B::geglu_backward(x, grad)
        });
    }
}

impl<B: Backend + GegluOps, C: CheckpointStrategy> GegluOps for Autodiff<B, C> {
    fn geglu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let node = x.node();
        let x = x.into_primitive();
        let out = B::geglu(x.clone());
        match Geglu.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(x, out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    /// Once differentiable: the result is a constant.
    fn geglu_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>) -> FloatTensor<Self> {
        let [x, grad] = [x, grad].map(|x| x.into_primitive());
        FloatTensor::<Self>::new(B::geglu_backward(x, grad))
    }
}
