use std::collections::BTreeMap;

use crate::{Dtype, TensorInfo, WeightsError, shown, to_f32};

/// Numbers that share a scale, one after the other in a row.
const BLOCK: usize = 64;

/// What is behind a matrix's name in that of its scales.
const SUFFIX: &str = ".scales";

/// Scales of matrices in 8 bits, on the way through a file.
///
/// A matrix `NAME` in I8 may have `NAME.scales` in F16 beside it, one for each 64 numbers of a row: number `c` of row
/// `r` then stands for `NAME[r, c] * NAME.scales[r, c / 64]` (`pretrain/quantise.py` writes such files). Wider formats lie
/// first in a safetensors file, so the scales have come when their numbers do.
#[derive(Debug, Default)]
pub struct Scales {
    by_name: BTreeMap<String, Vec<f32>>,
}

impl Scales {
    /// Keeps the tensor if it is scales, which are no part of the model by themselves; else says no.
    ///
    /// # Errors
    /// Those of [`to_f32`].
    pub fn keep(&mut self, info: &TensorInfo, bytes: &[u8]) -> Result<bool, WeightsError> {
        let Some(name) = info.name.strip_suffix(SUFFIX) else {
            return Ok(false);
        };
        let scales = to_f32(info.dtype, bytes)?;
        self.by_name.insert(name.to_owned(), scales);
        Ok(true)
    }

    /// Hands out the tensor's scales; none where it stands for itself.
    ///
    /// # Errors
    /// [`WeightsError::Scales`] when they are not as many as its blocks.
    pub fn take(&mut self, info: &TensorInfo) -> Result<Option<Vec<f32>>, WeightsError> {
        let Some(scales) = self.by_name.remove(&info.name) else {
            return Ok(None);
        };
        let blocks = scales.len().checked_mul(BLOCK);
        let fit =
            info.dtype == Dtype::I8 && blocks.map(|blocks| blocks as u64) == Some(info.bytes());
        match fit {
            true => Ok(Some(scales)),
            false => Err(not_fitting(&info.name)),
        }
    }

    /// Ends a file.
    ///
    /// # Errors
    /// [`WeightsError::Scales`] when a tensor that they belong to did not come after them.
    pub fn finish(&self) -> Result<(), WeightsError> {
        match self.by_name.keys().next() {
            None => Ok(()),
            Some(name) => Err(not_fitting(name)),
        }
    }
}

fn not_fitting(name: &str) -> WeightsError {
    WeightsError::Scales { name: shown(name) }
}

/// A piece of a tensor's bytes, which begins with its value `first`, as values; `scales` are those of the whole tensor.
///
/// # Errors
/// Those of [`to_f32`].
///
/// # Panics
/// When there are scales and `first` is within a block, or the piece goes on after their last one.
pub fn to_f32_scaled(
    dtype: Dtype,
    bytes: &[u8],
    first: usize,
    scales: Option<&[f32]>,
) -> Result<Vec<f32>, WeightsError> {
    let mut values = to_f32(dtype, bytes)?;
    if let Some(scales) = scales {
        assert!(first.is_multiple_of(BLOCK), "pieces hold whole blocks");
        let scales = &scales[first / BLOCK..][..values.len().div_ceil(BLOCK)];
        for (block, scale) in values.chunks_mut(BLOCK).zip(scales) {
            block.iter_mut().for_each(|value| *value *= scale);
        }
    }
    Ok(values)
}
