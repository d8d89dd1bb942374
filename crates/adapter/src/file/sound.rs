//! The rules of a sound adapter, the same for what is read and what is written.

use atelier_weights::{first_non_finite, shown};

use super::Module;
use crate::error::AdapterError;
use crate::names::Part;

/// Largest rank believed; kohya's tools go to 1024.
const MAX_RANK: usize = 2048;
/// Largest kernel believed.
const MAX_KERNEL: usize = 7;

impl Module {
    /// The rules of a sound module, for what is about to be written.
    pub(super) fn check(&self, path: &str) -> Result<(), AdapterError> {
        check_shapes(path, &self.down.shape, &self.up.shape)?;
        for (factor, part) in [(&self.down, Part::Down), (&self.up, Part::Up)] {
            let count = factor
                .shape
                .iter()
                .try_fold(1usize, |n, &dim| n.checked_mul(dim));
            if count != Some(factor.values.len()) {
                return Err(bad_shape(path, part, &factor.shape));
            }
            finite(path, part, &factor.values)?;
        }
        finite(path, Part::Alpha, self.alpha.as_slice())
    }
}

/// Shapes as [`Module`] has them, one rank, and none absurd.
pub(super) fn check_shapes(path: &str, down: &[usize], up: &[usize]) -> Result<(), AdapterError> {
    let rank = match *down {
        [rank, inputs] if inputs > 0 => rank,
        [rank, inputs, h, w] if inputs > 0 && h == w && (1..=MAX_KERNEL).contains(&h) => rank,
        _ => return Err(bad_shape(path, Part::Down, down)),
    };
    let up_rank = match *up {
        [outputs, rank] | [outputs, rank, 1, 1] if outputs > 0 => rank,
        _ => return Err(bad_shape(path, Part::Up, up)),
    };
    if rank != up_rank {
        return Err(AdapterError::Ranks {
            module: shown(path),
            down: rank,
            up: up_rank,
        });
    }
    if rank == 0 {
        return Err(AdapterError::RankZero);
    }
    if rank > MAX_RANK {
        return Err(AdapterError::RankTooLarge {
            module: shown(path),
            rank,
            limit: MAX_RANK,
        });
    }
    Ok(())
}

pub(super) fn bad_shape(path: &str, part: Part, shape: &[usize]) -> AdapterError {
    AdapterError::Shape {
        module: shown(path),
        part: part.name(),
        shape: shape.to_vec(),
    }
}

pub(super) fn finite(path: &str, part: Part, values: &[f32]) -> Result<(), AdapterError> {
    match first_non_finite(values) {
        None => Ok(()),
        Some(_) => Err(AdapterError::NotFinite {
            module: shown(path),
            part: part.name(),
        }),
    }
}
