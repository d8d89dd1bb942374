//! Keeps q, k, v, the result and one number a query; never the scores.

use burn::backend::{
    Autodiff, Backend,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    tensor::FloatTensor,
};

use crate::ops::AttentionOps;

#[derive(Clone, Debug)]
struct State<B: Backend> {
    q: FloatTensor<B>,
    k: FloatTensor<B>,
    v: FloatTensor<B>,
    mask: FloatTensor<B>,
    out: FloatTensor<B>,
    lse: FloatTensor<B>,
    heads: usize,
    masked: bool,
}

#[derive(Debug)]
struct Attention;

impl<B: Backend + AttentionOps> Backward<B, 3> for Attention {
    type State = State<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let grad = grads.consume::<B>(&ops.node);
        let State {
            q,
            k,
            v,
            mask,
            out,
            lse,
            heads,
            masked,
        } = ops.state;
        let (grad_q, grad_k, grad_v) =
            B::flash_attention_backward(q, k, v, mask, out, lse, grad, heads, masked);
        for (node, grad) in ops.parents.into_iter().zip([grad_q, grad_k, grad_v]) {
            if let Some(node) = node {
                grads.register::<B>(node.id, grad);
            }
        }
    }
}

impl<B: Backend + AttentionOps, C: CheckpointStrategy> AttentionOps for Autodiff<B, C> {
    /// The logarithms are a constant: nothing but backward uses them. The mask gets no gradient.
    fn flash_attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        heads: usize,
        masked: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let nodes = [q.node(), k.node(), v.node()];
        let [q, k, v, mask] = [q, k, v, mask].map(|x| x.into_primitive());
        let (out, lse) =
            B::flash_attention(q.clone(), k.clone(), v.clone(), mask.clone(), heads, masked);
        let lse_out = FloatTensor::<Self>::new(lse.clone());
        let result = match Attention.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let state = State::<B> {
                    q,
                    k,
                    v,
                    mask,
                    out: out.clone(),
                    lse,
                    heads,
                    masked,
                };
                prep.finish(state, out)
            }
            OpsKind::UnTracked(prep) => prep.finish(out),
        };
        (result, lse_out)
    }

    /// Once differentiable: the results are constants.
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
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let [q, k, v, mask, out, lse, grad] =
            [q, k, v, mask, out, lse, grad].map(|x| x.into_primitive());
        let (q, k, v) = B::flash_attention_backward(q, k, v, mask, out, lse, grad, heads, masked);
        (
            FloatTensor::<Self>::new(q),
            FloatTensor::<Self>::new(k),
            FloatTensor::<Self>::new(v),
        )
    }
}
