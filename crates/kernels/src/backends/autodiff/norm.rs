//! Keeps the input and two numbers a group. Weight and bias are taken to be frozen.

use burn::backend::{
    Autodiff, Backend,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind, unary},
    },
    tensor::FloatTensor,
};

use crate::ops::NormOps;

#[derive(Clone, Debug)]
struct State<B: Backend> {
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    stats: FloatTensor<B>,
    groups: usize,
    silu: bool,
}

#[derive(Debug)]
struct GroupNorm;

impl<B: Backend + NormOps> Backward<B, 1> for GroupNorm {
    type State = State<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let State {
            x,
            weight,
            bias,
            stats,
            groups,
            silu,
        } = ops.state;
        unary::<B, _>(ops.parents, ops.node, grads, |grad| {
            B::group_norm_backward(x, weight, bias, stats, grad, groups, silu)
        });
    }
}

impl<B: Backend + NormOps, C: CheckpointStrategy> NormOps for Autodiff<B, C> {
    fn group_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        groups: usize,
        eps: f64,
        silu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let node = x.node();
        let [x, weight, bias] = [x, weight, bias].map(|x| x.into_primitive());
        let (out, stats) =
            B::group_norm(x.clone(), weight.clone(), bias.clone(), groups, eps, silu);
        let stats_out = FloatTensor::<Self>::new(stats.clone());
        let result = match GroupNorm.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(
                State::<B> {
                    x,
                    weight,
                    bias,
                    stats,
                    groups,
                    silu,
                },
                out,
            ),
            OpsKind::UnTracked(prep) => prep.finish(out),
        };
        (result, stats_out)
    }

    /// Once differentiable: the result is a constant.
    fn group_norm_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stats: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        groups: usize,
        silu: bool,
    ) -> FloatTensor<Self> {
        let [x, weight, bias, stats, grad] =
            [x, weight, bias, stats, grad].map(|x| x.into_primitive());
        FloatTensor::<Self>::new(B::group_norm_backward(
            x, weight, bias, stats, grad, groups, silu,
        ))
    }
}
