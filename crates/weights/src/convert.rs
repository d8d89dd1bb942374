use half::{bf16, f16};

use crate::{Dtype, WeightsError};

/// A tensor's bytes (little-endian) as f32 values.
///
/// F16, BF16, F32 and the integers up to 24 bits come out exact; F64 and I64, I32 are rounded to the
/// nearest f32 (an F64 too large becomes infinite: see [`first_non_finite`]). BOOL is 0 or 1.
///
/// # Errors
/// [`WeightsError::Ragged`] when the bytes are not a whole number of values,
/// [`WeightsError::OutOfMemory`].
pub fn to_f32(dtype: Dtype, bytes: &[u8]) -> Result<Vec<f32>, WeightsError> {
    match dtype {
        Dtype::F64 => each(dtype, bytes, |b| f64::from_le_bytes(b) as f32),
        Dtype::F32 => each(dtype, bytes, f32::from_le_bytes),
        Dtype::F16 => each(dtype, bytes, |b| f16::from_le_bytes(b).to_f32()),
        Dtype::BF16 => each(dtype, bytes, |b| bf16::from_le_bytes(b).to_f32()),
        Dtype::I64 => each(dtype, bytes, |b| i64::from_le_bytes(b) as f32),
        Dtype::I32 => each(dtype, bytes, |b| i32::from_le_bytes(b) as f32),
        Dtype::I16 => each(dtype, bytes, |b| f32::from(i16::from_le_bytes(b))),
        Dtype::I8 => each(dtype, bytes, |b| f32::from(i8::from_le_bytes(b))),
        Dtype::U8 => each(dtype, bytes, |[b]: [u8; 1]| f32::from(b)),
        Dtype::Bool => each(dtype, bytes, |[b]: [u8; 1]| f32::from(u8::from(b != 0))),
    }
}

fn each<const N: usize>(
    dtype: Dtype,
    bytes: &[u8],
    read: impl Fn([u8; N]) -> f32,
) -> Result<Vec<f32>, WeightsError> {
    let (values, rest) = bytes.as_chunks::<N>();
    if !rest.is_empty() {
        return Err(WeightsError::Ragged {
            bytes: bytes.len() as u64,
            dtype: dtype.name(),
        });
    }
    let mut out = Vec::new();
    out.try_reserve_exact(values.len())
        .map_err(|_| WeightsError::OutOfMemory {
            bytes: (values.len() as u64).saturating_mul(4),
        })?;
    out.extend(values.iter().map(|&value| read(value)));
    Ok(out)
}

/// Values as little-endian F16, rounded to the nearest, ties to even. NaN and infinity are kept.
///
/// # Errors
/// [`WeightsError::TooLargeForF16`] for a finite value that 16 bits would make infinite.
pub fn to_f16_bytes(values: &[f32]) -> Result<Vec<u8>, WeightsError> {
    let mut out = Vec::with_capacity(values.len().saturating_mul(2));
    for &value in values {
        let half = f16::from_f32(value);
        if half.is_infinite() && value.is_finite() {
            return Err(WeightsError::TooLargeForF16 {
                value: value.to_string(),
            });
        }
        out.extend_from_slice(&half.to_le_bytes());
    }
    Ok(out)
}

/// Place of the first NaN or infinity among f32 values.
pub fn first_non_finite(values: &[f32]) -> Option<usize> {
    values.iter().position(|value| !value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_format() {
        let one = |dtype, bytes: &[u8]| to_f32(dtype, bytes).unwrap();
        assert_eq!(one(Dtype::F64, &(-1.5f64).to_le_bytes()), [-1.5]);
        assert_eq!(one(Dtype::F32, &0.1f32.to_le_bytes()), [0.1]);
        assert_eq!(
            one(Dtype::F16, &[0x00, 0x3c, 0x01, 0x00]),
            [1.0, 2f32.powi(-24)]
        );
        assert_eq!(one(Dtype::BF16, &[0x80, 0x3f]), [1.0]);
        assert_eq!(one(Dtype::I64, &(-7i64).to_le_bytes()), [-7.0]);
        assert_eq!(one(Dtype::I32, &77i32.to_le_bytes()), [77.0]);
        assert_eq!(one(Dtype::I16, &(-300i16).to_le_bytes()), [-300.0]);
        assert_eq!(one(Dtype::I8, &[0xff]), [-1.0]);
        assert_eq!(one(Dtype::U8, &[0xff]), [255.0]);
        assert_eq!(one(Dtype::Bool, &[0, 1, 2]), [0.0, 1.0, 1.0]);
        assert!(matches!(
            to_f32(Dtype::F32, &[0; 6]),
            Err(WeightsError::Ragged { .. })
        ));
    }

    #[test]
    fn f16_goes_there_and_back() {
        let values = [0.0, -0.0, 1.0, 65504.0, -2f32.powi(-24), f32::NEG_INFINITY];
        let bytes = to_f16_bytes(&values).unwrap();
        assert_eq!(to_f32(Dtype::F16, &bytes).unwrap(), values);
        assert!(to_f16_bytes(&[70_000.0]).is_err());
        assert!(to_f32(Dtype::F16, &to_f16_bytes(&[f32::NAN]).unwrap()).unwrap()[0].is_nan());
    }

    #[test]
    fn finds_what_is_not_a_number() {
        assert_eq!(first_non_finite(&[0.0, f32::INFINITY, f32::NAN]), Some(1));
        assert_eq!(first_non_finite(&[0.0, f32::MAX]), None);
    }
}
