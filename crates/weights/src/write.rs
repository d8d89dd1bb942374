use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::{Dtype, WeightsError, shown};

/// A tensor to be written.
#[derive(Clone, Copy, Debug)]
pub struct TensorView<'a> {
    pub name: &'a str,
    pub dtype: Dtype,
    /// Row-major; empty for a scalar.
    pub shape: &'a [usize],
    /// Little-endian.
    pub bytes: &'a [u8],
}

/// A safetensors file. The same tensors and metadata give the same bytes, in whatever order they
/// come and on every platform: tensors lie widest dtype first (so that each is aligned), then by
/// name, as the reference implementation lays them; metadata by key; the header is padded with
/// spaces to 8 bytes.
///
/// # Errors
/// [`WeightsError::Duplicate`] and [`WeightsError::SizeMismatch`] for tensors that no reader would
/// take.
pub fn write(
    tensors: &[TensorView<'_>],
    metadata: &BTreeMap<String, String>,
) -> Result<Vec<u8>, WeightsError> {
    let mut sorted: Vec<&TensorView<'_>> = tensors.iter().collect();
    sorted.sort_by_key(|tensor| (Reverse(tensor.dtype.size()), tensor.dtype, tensor.name));

    // Put together by hand, for serde_json's map would sort the keys away from the data's order.
    let mut json = Vec::from(b"{");
    if !metadata.is_empty() {
        let metadata: Map<String, Value> = metadata
            .iter()
            .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
            .collect();
        member(&mut json, "__metadata__", &Value::Object(metadata));
    }
    let mut names = BTreeSet::new();
    let mut end = 0u64;
    for tensor in &sorted {
        if !names.insert(tensor.name) || tensor.name == "__metadata__" {
            return Err(WeightsError::Duplicate {
                name: shown(tensor.name),
            });
        }
        let begin = end;
        end += tensor.bytes.len() as u64;
        let expected = tensor
            .shape
            .iter()
            .try_fold(tensor.dtype.size() as u64, |bytes, &dim| {
                bytes.checked_mul(dim as u64)
            });
        if expected != Some(end - begin) {
            return Err(WeightsError::SizeMismatch {
                name: shown(tensor.name),
                expected: expected.unwrap_or(u64::MAX),
                given: end - begin,
            });
        }
        let entry = json!({
            "dtype": tensor.dtype.name(),
            "shape": tensor.shape,
            "data_offsets": [begin, end],
        });
        member(&mut json, tensor.name, &entry);
    }
    json.push(b'}');
    json.resize(json.len().next_multiple_of(8), b' ');

    let mut out = Vec::with_capacity(8 + json.len() + end as usize);
    out.extend_from_slice(&(json.len() as u64).to_le_bytes());
    out.extend_from_slice(&json);
    for tensor in sorted {
        out.extend_from_slice(tensor.bytes);
    }
    Ok(out)
}

fn member(json: &mut Vec<u8>, key: &str, value: &Value) {
    if json.len() > 1 {
        json.push(b',');
    }
    json.extend_from_slice(Value::from(key).to_string().as_bytes());
    json.push(b':');
    json.extend_from_slice(value.to_string().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{File, Limits};

    #[test]
    fn is_read_back_and_is_the_same_in_any_order() {
        let a = TensorView {
            name: "a\"b",
            dtype: Dtype::F16,
            shape: &[2],
            bytes: &[1, 2, 3, 4],
        };
        let b = TensorView {
            name: "b",
            dtype: Dtype::F32,
            shape: &[],
            bytes: &[5, 6, 7, 8],
        };
        let metadata = BTreeMap::from([("título".to_owned(), "日本".to_owned())]);
        let bytes = write(&[a, b], &metadata).unwrap();
        assert_eq!(bytes, write(&[b, a], &metadata).unwrap());
        let file = File::parse(&bytes, Limits::ADAPTER).unwrap();
        assert_eq!(file.metadata(), &metadata);
        assert_eq!(file.header().data_start % 8, 0);
        let names: Vec<_> = file.tensors().map(|(info, _)| info.name.as_str()).collect();
        assert_eq!(names, ["b", "a\"b"], "F32 first, so that it is aligned");
        assert_eq!(file.tensor("a\"b").unwrap().1, [1, 2, 3, 4]);
    }

    #[test]
    fn refuses_what_no_reader_would_take() {
        let a = TensorView {
            name: "a",
            dtype: Dtype::F16,
            shape: &[2],
            bytes: &[1, 2, 3, 4],
        };
        assert!(matches!(
            write(&[a, a], &BTreeMap::new()),
            Err(WeightsError::Duplicate { .. })
        ));
        assert!(matches!(
            write(&[TensorView { shape: &[3], ..a }], &BTreeMap::new()),
            Err(WeightsError::SizeMismatch { .. })
        ));
    }
}
