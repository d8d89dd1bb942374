//! A run's state as a file, from which it goes on to the same end.

use std::collections::BTreeMap;

use atelier_weights::{Dtype, File, Limits, TensorView, first_non_finite, to_f32, write};

use crate::TrainingError;

const FORMAT: &str = "atelier-checkpoint-1";

/// What a run has come to. All else of it follows from its settings, its works and the step's number.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Steps done.
    pub step: u32,
    /// What the learning rate is scaled by after steps that were not finite.
    pub caution: f32,
    /// Names the works and settings it belongs to; whoever has them makes it.
    pub fingerprint: String,
    /// The factors, flat, and AdamW's moments.
    pub param: Vec<f32>,
    pub first: Vec<f32>,
    pub second: Vec<f32>,
}

impl Checkpoint {
    /// A safetensors file with tensors `param`, `first` and `second`.
    ///
    /// # Errors
    /// None in practice: the names are ours.
    pub fn to_bytes(&self) -> Result<Vec<u8>, TrainingError> {
        let metadata = BTreeMap::from(
            [
                ("format", FORMAT.to_string()),
                ("step", self.step.to_string()),
                // Bits, so that it comes back as it was.
                ("caution", self.caution.to_bits().to_string()),
                ("fingerprint", self.fingerprint.clone()),
            ]
            .map(|(key, value)| (key.to_string(), value)),
        );
        let parts = [
            ("param", &self.param),
            ("first", &self.first),
            ("second", &self.second),
        ]
        .map(|(name, values)| {
            (
                name,
                bytemuck::cast_slice::<f32, u8>(values),
                [values.len()],
            )
        });
        let tensors: Vec<TensorView> = parts
            .iter()
            .map(|(name, bytes, shape)| TensorView {
                name,
                dtype: Dtype::F32,
                shape,
                bytes,
            })
            .collect();
        Ok(write(&tensors, &metadata)?)
    }

    /// # Errors
    /// When the bytes are no checkpoint, are cut short, or hold values that are no numbers.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TrainingError> {
        let file = File::parse(bytes, Limits::BASE)?;
        let value = |key: &str| file.metadata().get(key).map(String::as_str);
        if value("format") != Some(FORMAT) {
            return Err(TrainingError::NoCheckpoint);
        }
        let number = |key: &str| value(key).and_then(|value| value.parse::<u32>().ok());
        let part = |name: &str| {
            let (info, bytes) = file.tensor(name).ok_or(TrainingError::NoCheckpoint)?;
            let values = to_f32(info.dtype, bytes)?;
            match first_non_finite(&values) {
                None => Ok(values),
                Some(_) => Err(TrainingError::NoCheckpoint),
            }
        };
        let caution = number("caution").map(f32::from_bits);
        Ok(Self {
            step: number("step").ok_or(TrainingError::NoCheckpoint)?,
            caution: caution
                .filter(|caution| (0.0..=1.0).contains(caution))
                .ok_or(TrainingError::NoCheckpoint)?,
            fingerprint: value("fingerprint").unwrap_or_default().to_string(),
            param: part("param")?,
            first: part("first")?,
            second: part("second")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            step: 37,
            caution: 0.1,
            fingerprint: "abc".into(),
            param: vec![1.0, -2.5e-8],
            first: vec![0.0, 1e-30],
            second: vec![3.0, f32::MIN_POSITIVE],
        }
    }

    #[test]
    fn comes_back_as_it_was() -> Result<(), TrainingError> {
        let bytes = checkpoint().to_bytes()?;
        assert_eq!(Checkpoint::from_bytes(&bytes)?, checkpoint());
        Ok(())
    }

    #[test]
    fn what_is_none_is_refused() -> Result<(), TrainingError> {
        let bytes = checkpoint().to_bytes()?;
        for length in [0, 8, bytes.len() / 2, bytes.len() - 1] {
            assert!(Checkpoint::from_bytes(&bytes[..length]).is_err());
        }
        let mut broken = checkpoint();
        broken.second[0] = f32::NAN;
        let refused = Checkpoint::from_bytes(&broken.to_bytes()?);
        assert!(matches!(refused, Err(TrainingError::NoCheckpoint)));
        let other = write(&[], &BTreeMap::new())?;
        assert!(matches!(
            Checkpoint::from_bytes(&other),
            Err(TrainingError::NoCheckpoint)
        ));
        Ok(())
    }
}
