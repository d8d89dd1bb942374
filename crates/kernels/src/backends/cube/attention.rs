//! Attention.

use burn::backend::tensor::FloatTensor;
use burn::tensor::Shape;
use burn_cubecl::{CubeBackend, kernel::into_contiguous, tensor::CubeTensor};

use super::launch::{Grid, Shader, empty, launch, part};
use crate::{functions::VIEW_ALIGNMENT, meter, ops::AttentionOps};

/// Invocations a workgroup, as the shaders have it.
const WORKGROUP: usize = 64;

struct Sizes<'a> {
    mask: Option<&'a CubeTensor>,
    batch: usize,
    queries: usize,
    keys: usize,
    heads: usize,
    head_dim: usize,
}

impl<'a> Sizes<'a> {
    fn new(q: &CubeTensor, k: &CubeTensor, mask: Option<&'a CubeTensor>, heads: usize) -> Self {
        let [q, k] = [&q.meta.shape, &k.meta.shape];
        Self {
            mask,
            batch: q[0],
            queries: q[1],
            keys: k[1],
            heads,
            head_dim: q[2] / heads,
        }
    }

    /// Tells the meter of so many products of queries and keys.
    fn count(&self, products: usize) {
        let scores = self.batch * self.heads * self.queries * self.keys;
        meter::multiply_adds(products * scores * self.head_dim);
    }

    /// Launches over `each` invocations for every image and head; shaders that make scores get the mask
    /// as their last tensor.
    fn launch(
        &self,
        name: &'static str,
        template: &'static str,
        each: usize,
        half: usize,
        tensors: &[&CubeTensor],
    ) {
        let lane = if self.head_dim.is_multiple_of(4) {
            4
        } else {
            1
        };
        let total = self.batch * self.heads * each;
        let values = [
            ("total", total),
            ("heads", self.heads),
            ("queries", self.queries),
            ("keys", self.keys),
            ("lanes", self.head_dim / lane),
            ("head_dim", self.head_dim),
            ("vec", usize::from(lane == 4)),
            ("half", half / lane),
            ("masked", usize::from(self.mask.is_some())),
        ];
        let tensors: Vec<&CubeTensor> = tensors.iter().copied().chain(self.mask).collect();
        let shader = Shader::new(
            name,
            template,
            values.map(|(name, value)| (name, value as u64)).into(),
        );
        let grid = Grid {
            workgroups: [total.div_ceil(WORKGROUP) as u32, 1, 1],
            workgroup: [WORKGROUP as u32, 1, 1],
        };
        launch(shader, grid, &tensors);
    }
}

impl AttentionOps for CubeBackend {
    fn flash_attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        heads: usize,
        masked: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let [q, k, v, mask] = [q, k, v, mask].map(into_contiguous);
        let sizes = Sizes::new(&q, &k, masked.then_some(&mask), heads);
        sizes.count(2);
        let out = empty(&q, q.meta.shape.clone());
        let lse = empty(&q, Shape::new([sizes.batch, heads, sizes.queries]));
        let template = include_str!("../../../../../shaders/attention_forward.wgsl");
        sizes.launch(
            "attention_forward",
            template,
            sizes.queries,
            0,
            &[&q, &k, &v, &out, &lse],
        );
        (out, lse)
    }

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
        let [q, k, v, mask, out, lse, grad] = [q, k, v, mask, out, lse, grad].map(into_contiguous);
        let unmasked = Sizes::new(&q, &k, None, heads);
        let sizes = Sizes::new(&q, &k, masked.then_some(&mask), heads);
        sizes.count(7);
        let delta = empty(&q, lse.meta.shape.clone());
        let template = include_str!("../../../../../shaders/attention_backward_delta.wgsl");
        unmasked.launch(
            "attention_backward_delta",
            template,
            sizes.queries,
            0,
            &[&out, &grad, &delta],
        );

        let grad_q = empty(&q, q.meta.shape.clone());
        let template = include_str!("../../../../../shaders/attention_backward_query.wgsl");
        let tensors = [&q, &k, &v, &grad, &lse, &delta, &grad_q];
        sizes.launch(
            "attention_backward_query",
            template,
            sizes.queries,
            0,
            &tensors,
        );

        // One buffer for both, so that seven bindings are enough.
        let shape = k.meta.shape.clone();
        let half = shape.num_elements().next_multiple_of(VIEW_ALIGNMENT);
        let grad_kv = empty(&k, Shape::new([half + shape.num_elements()]));
        let template = include_str!("../../../../../shaders/attention_backward_key.wgsl");
        let tensors = [&q, &k, &v, &grad, &lse, &delta, &grad_kv];
        sizes.launch(
            "attention_backward_key",
            template,
            sizes.keys,
            half,
            &tensors,
        );
        let grad_k = part(&grad_kv, 0, shape.clone());
        (grad_q, grad_k, part(&grad_kv, half, shape))
    }
}
