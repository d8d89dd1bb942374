use burn::{backend::Dispatch, tensor::Tensor};

use crate::ops::StateOps;

/// Writes flat `pieces` into `target`, each from its start on; what lies between them stays.
///
/// On a GPU the result is `target`'s own buffer, and six pieces are one launch where concatenation
/// would take one for each. On the CPU it is a new tensor.
///
/// # Panics
/// When a piece leaves `target`, or pieces are not even in number (factors come in pairs).
pub fn gather_into(target: Tensor<1>, pieces: Vec<(usize, Tensor<1>)>) -> Tensor<1> {
    let length = target.dims()[0];
    assert!(
        pieces
            .iter()
            .all(|(start, piece)| start + piece.dims()[0] <= length),
        "gather_into: a piece leaves the target"
    );
    assert!(
        pieces.len().is_multiple_of(2),
        "gather_into: pieces come in pairs"
    );
    let mut target = target.into_dispatch();
    let mut pieces = pieces
        .into_iter()
        .map(|(start, piece)| (start, piece.into_dispatch()))
        .peekable();
    while pieces.peek().is_some() {
        let chunk: Vec<_> = pieces.by_ref().take(6).collect();
        target = match <[_; 6]>::try_from(chunk) {
            Ok([a, b, c, d, e, f]) => {
                let starts = [a.0, b.0, c.0, d.0, e.0, f.0];
                <Dispatch as StateOps>::write_six(target, a.1, b.1, c.1, d.1, e.1, f.1, starts)
            }
            Err(rest) => {
                let mut rest = rest.into_iter();
                while let (Some(a), Some(b)) = (rest.next(), rest.next()) {
                    let starts = [a.0, b.0];
                    target = <Dispatch as StateOps>::write_two(target, a.1, b.1, starts);
                }
                target
            }
        };
    }
    Tensor::from_dispatch(target)
}
