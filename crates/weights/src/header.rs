use std::collections::BTreeMap;

use crate::{Dtype, Kind, WeightsError, shown};

mod raw;

/// How much of a file is believed. (The `safetensors` crate takes headers of up to 100 MB.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest header, in bytes.
    pub header: u64,
    /// Most tensors.
    pub tensors: usize,
    /// Largest tensor, in bytes: it is held whole while it comes in.
    pub tensor_bytes: u64,
    /// All tensors together, in bytes.
    pub data: u64,
}

impl Limits {
    /// For an adapter. The largest published ones (rank 256 for SDXL) take 1.7 GB; a page could
    /// not hold one, and those for the models we run stay under 300 MB.
    pub const ADAPTER: Limits = Limits {
        header: 1 << 20,
        tensors: 20_000,
        tensor_bytes: 256 << 20,
        data: 1 << 30,
    };
    /// For a base model, or a part of one. The largest tensor met is OpenCLIP-bigG's token
    /// embedding in f32, 253 MB.
    pub const BASE: Limits = Limits {
        header: 10 << 20,
        tensors: 20_000,
        tensor_bytes: 512 << 20,
        data: 64 << 30,
    };
}

/// One tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    pub name: String,
    pub dtype: Dtype,
    /// Row-major; empty for a scalar.
    pub shape: Vec<usize>,
    /// First byte, counted from [`Header::data_start`].
    pub begin: u64,
    /// One past the last byte. `end - begin` is always the shape's product times the dtype's size.
    pub end: u64,
}

impl TensorInfo {
    /// Bytes of data.
    pub fn bytes(&self) -> u64 {
        self.end - self.begin
    }
}

/// A file's header: every tensor's place and type, and the metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// In the order in which they lie, without gap or overlap, the first at 0.
    pub tensors: Vec<TensorInfo>,
    pub metadata: BTreeMap<String, String>,
    /// Where the data begins in the file, in bytes.
    pub data_start: u64,
}

/// The eight bytes before the header that hold its length, little-endian.
const PREFIX: usize = 8;

impl Header {
    /// Reads the header at the beginning of a file, whose data need not be there.
    ///
    /// Everything is checked that can be without the data: caps, duplicate names and JSON keys,
    /// dtypes, shapes against sizes, and that the tensors follow each other without gap or overlap.
    /// Whether the file ends where it should is [`Header::check_len`]'s to say.
    ///
    /// # Errors
    /// [`WeightsError::WrongKind`] for anything that is no safetensors file,
    /// [`WeightsError::CutShort`] when `bytes` does not reach the header's end, else what is wrong.
    pub fn parse(bytes: &[u8], limits: Limits) -> Result<Header, WeightsError> {
        let data_start = Header::len(bytes, limits)?;
        let json = usize::try_from(data_start)
            .ok()
            .and_then(|end| bytes.get(PREFIX..end))
            .ok_or(WeightsError::CutShort {
                have: bytes.len() as u64,
                need: data_start,
            })?;
        let text =
            std::str::from_utf8(json).map_err(|_| WeightsError::header("it is not UTF-8 text"))?;
        let (tensors, metadata) = raw::parse(text, limits)?;
        let tensors = in_order(tensors)?;
        let header = Header {
            tensors,
            metadata,
            data_start,
        };
        if header.data_len() > limits.data {
            return Err(WeightsError::TooLarge {
                bytes: header.data_len(),
                limit: limits.data,
            });
        }
        Ok(header)
    }

    /// Bytes from the file's beginning to its data, from the first nine bytes or more: fetch as
    /// many, then [`Header::parse`] them.
    ///
    /// # Errors
    /// As [`Header::parse`]: this is where other kinds of file are told.
    pub fn len(bytes: &[u8], limits: Limits) -> Result<u64, WeightsError> {
        let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() else {
            return Err(match Kind::of(bytes) {
                Kind::Unknown => WeightsError::CutShort {
                    have: bytes.len() as u64,
                    need: PREFIX as u64,
                },
                kind => WeightsError::WrongKind(kind),
            });
        };
        let length = u64::from_le_bytes(*prefix);
        // The header's `{` right after a length that can be true settles it, even where the length's
        // bytes happen to spell another format's magic (640 begins 80 02, as a pickle does).
        match rest.first() {
            Some(b'{') if length <= limits.header => Ok(PREFIX as u64 + length),
            Some(b'{') => Err(WeightsError::HeaderTooLong {
                bytes: length,
                limit: limits.header,
            }),
            None if length > 0 && length <= limits.header => Err(WeightsError::CutShort {
                have: bytes.len() as u64,
                need: PREFIX as u64 + length,
            }),
            _ => Err(WeightsError::WrongKind(Kind::of(bytes))),
        }
    }

    /// Bytes of data that the header speaks of.
    pub fn data_len(&self) -> u64 {
        self.tensors.last().map_or(0, |tensor| tensor.end)
    }

    /// Bytes of the whole file.
    pub fn file_len(&self) -> u64 {
        self.data_start.saturating_add(self.data_len())
    }

    /// Whether a file of `len` bytes is all there, and nothing besides.
    pub fn check_len(&self, len: u64) -> Result<(), WeightsError> {
        let need = self.file_len();
        match len.checked_sub(need) {
            None => Err(WeightsError::CutShort { have: len, need }),
            Some(0) => Ok(()),
            Some(extra) => Err(WeightsError::TooLong { extra }),
        }
    }

    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }
}

/// Sorts by place and checks names and neighbours.
fn in_order(mut tensors: Vec<TensorInfo>) -> Result<Vec<TensorInfo>, WeightsError> {
    tensors.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    if let Some(pair) = tensors.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(WeightsError::Duplicate {
            name: shown(&pair[0].name),
        });
    }
    // Names are unique, so the order is total.
    tensors.sort_by_key(|tensor| (tensor.begin, tensor.end));
    let mut end = 0;
    for tensor in &tensors {
        if tensor.begin != end {
            return Err(WeightsError::NotContiguous {
                name: shown(&tensor.name),
            });
        }
        end = tensor.end;
    }
    Ok(tensors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(json: &str) -> Vec<u8> {
        let mut out = (json.len() as u64).to_le_bytes().to_vec();
        out.extend_from_slice(json.as_bytes());
        out
    }

    fn parse(json: &str) -> Result<Header, WeightsError> {
        Header::parse(&file(json), Limits::ADAPTER)
    }

    #[test]
    fn reads_tensors_in_their_order() {
        let header = parse(
            r#"{"__metadata__":{"format":"pt"},
                "b":{"dtype":"F16","shape":[2,3],"data_offsets":[4,16]},
                "a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},
                "none":{"dtype":"U8","shape":[0,7],"data_offsets":[4,4]}}   "#,
        )
        .unwrap();
        let names: Vec<_> = header.tensors.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["a", "none", "b"]);
        assert_eq!(header.metadata["format"], "pt");
        assert_eq!(header.data_len(), 16);
        assert!(header.check_len(header.file_len()).is_ok());
        assert!(matches!(
            header.check_len(header.file_len() - 1),
            Err(WeightsError::CutShort { .. })
        ));
    }

    #[test]
    fn an_empty_header_is_a_file_without_tensors() {
        assert_eq!(parse("{}").unwrap().data_len(), 0);
    }

    #[test]
    fn a_length_that_looks_like_a_pickle_is_still_a_length() {
        let json = format!("{{{}}}", " ".repeat(638));
        assert_eq!(file(&json)[..2], [0x80, 0x02]);
        assert!(parse(&json).is_ok());
    }

    #[test]
    fn refuses_lies() {
        type Check = fn(&WeightsError) -> bool;
        let cases: &[(&str, Check)] = &[
            (
                r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
                |e| matches!(e, WeightsError::Duplicate { .. }),
            ),
            (r#"{"__metadata__":{"a":"1","a":"2"}}"#, |e| {
                matches!(e, WeightsError::Duplicate { .. })
            }),
            (
                r#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
                |e| matches!(e, WeightsError::NotContiguous { .. }),
            ),
            (
                r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#,
                |e| matches!(e, WeightsError::Shape { .. }),
            ),
            (
                r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
                |e| matches!(e, WeightsError::SizeMismatch { .. }),
            ),
            (
                r#"{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}"#,
                |e| matches!(e, WeightsError::Dtype { .. }),
            ),
            (
                r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[-4,0]}}"#,
                |e| matches!(e, WeightsError::Header { .. }),
            ),
            (
                r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[8,4]}}"#,
                |e| matches!(e, WeightsError::Header { .. }),
            ),
            (
                r#"{"a":{"dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#,
                |e| matches!(e, WeightsError::Header { .. }),
            ),
            (r#"{"__metadata__":{"a":1}}"#, |e| {
                matches!(e, WeightsError::Header { .. })
            }),
        ];
        for (json, expected) in cases {
            let error = parse(json).unwrap_err();
            assert!(expected(&error), "{json}: {error}");
        }
    }
}
