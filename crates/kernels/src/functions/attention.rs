use burn::{backend::Dispatch, tensor::Tensor};

use crate::ops::AttentionOps;

/// Scaled dot-product attention: softmax(q k^T / sqrt(head_dim)) v for each head.
///
/// `q` is `[batch, queries, heads * head_dim]`, `k` and `v` `[batch, keys, heads * head_dim]`; the result
/// is shaped as `q`. The scores are never stored (Dao et al. 2022). `mask`, `[batch, keys]`, is added to the
/// scores of each key: 0 for those to look at, a large negative number for the others, of which there is
/// at least one less than there are keys. It gets no gradient.
///
/// # Panics
/// When the widths differ or `heads` does not divide them.
pub fn attention(
    q: Tensor<3>,
    k: Tensor<3>,
    v: Tensor<3>,
    mask: Option<Tensor<2>>,
    heads: usize,
) -> Tensor<3> {
    assert_eq!(k.dims(), v.dims(), "attention: k and v differ");
    assert_eq!(
        q.dims()[2],
        k.dims()[2],
        "attention: widths of q and k differ"
    );
    assert!(
        q.dims()[2].is_multiple_of(heads),
        "attention: heads do not divide the width"
    );
    if let Some(mask) = &mask {
        let [batch, keys, _] = k.dims();
        assert_eq!(
            mask.dims(),
            [batch, keys],
            "attention: a value for each key"
        );
    }
    let masked = mask.is_some();
    let q = q.into_dispatch();
    // Operands are not optional; without a mask it is not looked at.
    let mask = mask.map_or_else(|| q.clone(), Tensor::into_dispatch);
    let (k, v) = (k.into_dispatch(), v.into_dispatch());
    let (out, _) = <Dispatch as AttentionOps>::flash_attention(q, k, v, mask, heads, masked);
    Tensor::from_dispatch(out)
}
