use burn::{backend::Dispatch, tensor::Tensor};

use crate::ops::AttentionOps;

/// Scaled dot-product attention: softmax(q k^T / sqrt(head_dim)) v for each head.
///
/// `q` is `[batch, queries, heads * head_dim]`, `k` and `v` `[batch, keys, heads * head_dim]`; the result
/// is shaped as `q`. The scores are never stored (Dao et al. 2022).
///
/// # Panics
/// When the widths differ or `heads` does not divide them.
pub fn attention(q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, heads: usize) -> Tensor<3> {
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
    let (out, _) = <Dispatch as AttentionOps>::flash_attention(
        q.into_dispatch(),
        k.into_dispatch(),
        v.into_dispatch(),
        heads,
    );
    Tensor::from_dispatch(out)
}
