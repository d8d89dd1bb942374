//! The header's JSON, read strictly, and what each entry says checked by itself.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Limits, TensorInfo};
use crate::json::{self, Strict};
use crate::{Dtype, WeightsError, shown};

/// The tensors, in the order of the text, and the metadata.
pub(super) fn parse(
    text: &str,
    limits: Limits,
) -> Result<(Vec<TensorInfo>, BTreeMap<String, String>), WeightsError> {
    let raw: RawHeader = serde_json::from_str(text).map_err(|error| refused(&error, limits))?;
    if raw.tensors.len() > limits.tensors {
        return Err(WeightsError::TooManyTensors {
            limit: limits.tensors,
        });
    }
    let tensors = raw
        .tensors
        .into_iter()
        .map(|(name, entry)| entry.check(name, limits))
        .collect::<Result<Vec<_>, _>>()?;
    Ok((tensors, raw.metadata.unwrap_or_default()))
}

/// Most dimensions believed; convolutions have 4.
const MOST_DIMS: usize = 8;
/// Most metadata entries believed; kohya's trainer writes about 60.
const MOST_METADATA: usize = 4_096;

const METADATA: &str = "__metadata__";

struct RawHeader {
    tensors: Vec<(String, Entry)>,
    metadata: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    dtype: String,
    shape: Shape,
    data_offsets: [u64; 2],
}

impl Entry {
    fn check(self, name: String, limits: Limits) -> Result<TensorInfo, WeightsError> {
        let dtype = Dtype::from_name(&self.dtype).ok_or_else(|| WeightsError::Dtype {
            name: shown(&name),
            dtype: shown(&self.dtype),
        })?;
        let shape_error = || WeightsError::Shape { name: shown(&name) };
        let expected = self
            .shape
            .0
            .iter()
            .try_fold(dtype.size() as u64, |bytes, &dim| bytes.checked_mul(dim))
            .ok_or_else(shape_error)?;
        let shape = self
            .shape
            .0
            .iter()
            .map(|&dim| usize::try_from(dim).map_err(|_| shape_error()))
            .collect::<Result<Vec<_>, _>>()?;
        let [begin, end] = self.data_offsets;
        let given = end.checked_sub(begin).ok_or_else(|| {
            WeightsError::header(format!("\"{}\" ends before it begins", shown(&name)))
        })?;
        if given != expected {
            return Err(WeightsError::SizeMismatch {
                name: shown(&name),
                expected,
                given,
            });
        }
        if given > limits.tensor_bytes {
            return Err(WeightsError::TensorTooLarge {
                name: shown(&name),
                bytes: given,
                limit: limits.tensor_bytes,
            });
        }
        Ok(TensorInfo {
            name,
            dtype,
            shape,
            begin,
            end,
        })
    }
}

struct Shape(Vec<u64>);

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Dims;
        impl<'de> Visitor<'de> for Dims {
            type Value = Shape;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of sizes")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
                let mut dims = Vec::new();
                while let Some(dim) = seq.next_element()? {
                    if dims.len() == MOST_DIMS {
                        return Err(A::Error::custom("a tensor has too many dimensions"));
                    }
                    dims.push(dim);
                }
                Ok(Shape(dims))
            }
        }
        deserializer.deserialize_seq(Dims)
    }
}

impl<'de> Deserialize<'de> for RawHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = RawHeader;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawHeader, A::Error> {
                let mut tensors = Vec::new();
                let mut metadata = None;
                while let Some(name) = map.next_key::<String>()? {
                    if name == METADATA {
                        if metadata.is_some() {
                            return Err(A::Error::custom(format!("{}{METADATA}", json::DUPLICATE)));
                        }
                        metadata = Some(map.next_value::<Strict<String, MOST_METADATA>>()?.0);
                    } else {
                        // Past every limit already: no need to read on, whatever the limits are.
                        if tensors.len() > Limits::BASE.tensors {
                            return Err(A::Error::custom(json::TOO_MANY));
                        }
                        tensors.push((name, map.next_value()?));
                    }
                }
                Ok(RawHeader { tensors, metadata })
            }
        }
        deserializer.deserialize_map(Members)
    }
}

fn refused(error: &serde_json::Error, limits: Limits) -> WeightsError {
    let reason = json::reason(error);
    if let Some(name) = reason.strip_prefix(json::DUPLICATE) {
        return WeightsError::Duplicate { name: name.into() };
    }
    if reason == json::TOO_MANY {
        return WeightsError::TooManyTensors {
            limit: limits.tensors,
        };
    }
    WeightsError::header(reason)
}
