//! A small adapter inside a link.

use std::collections::BTreeMap;

use atelier_weights::{Dtype, File, Limits, TensorView, to_f16_bytes, to_f32, write};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use miniz_oxide::{deflate::compress_to_vec, inflate::decompress_to_vec_with_limit};
use sha2::{Digest, Sha256};

use crate::{Hash, LinkError};

/// Most characters an adapter adds to a link. An adapter of Sketch of rank 4 takes about 530,000, without
/// its convolutions 240,000;
/// Firefox takes addresses of a million, Chrome of two.
pub const MAX_PACKED_CHARS: usize = 700_000;
/// Largest file that comes out of them.
const MAX_FILE: usize = 1 << 20;

/// An adapter as it stands in a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    text: String,
    /// Of the file that comes out: its values have 16 bits, so it may be another than that of the
    /// file that went in.
    pub hash: Hash,
}

impl Packed {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Characters it adds to a link.
    pub fn chars(&self) -> usize {
        self.text.len() + 1
    }
}

/// Packs an adapter's safetensors file: values as f16, deflated, base64url.
///
/// # Errors
/// [`LinkError::AdapterTooLarge`], and what is wrong with the file.
pub fn pack_adapter(file: &[u8]) -> Result<Packed, LinkError> {
    let parsed = File::parse(file, Limits::ADAPTER)?;
    let mut halves = Vec::new();
    for (info, bytes) in parsed.tensors() {
        halves.push((info, to_f16_bytes(&to_f32(info.dtype, bytes)?)?));
    }
    let tensors: Vec<TensorView<'_>> = halves
        .iter()
        .map(|(info, bytes)| TensorView {
            name: &info.name,
            dtype: Dtype::F16,
            shape: &info.shape,
            bytes,
        })
        .collect();
    // What tools add for themselves, pictures among it, stays behind.
    let metadata: BTreeMap<String, String> = parsed
        .metadata()
        .iter()
        .filter(|(_, value)| value.len() <= 400)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let small = write(&tensors, &metadata)?;
    let text = URL_SAFE_NO_PAD.encode(compress_to_vec(&small, 9));
    if text.len() > MAX_PACKED_CHARS || small.len() > MAX_FILE {
        return Err(LinkError::AdapterTooLarge {
            chars: text.len(),
            most: MAX_PACKED_CHARS,
        });
    }
    Ok(Packed {
        hash: hash_of_adapter(&small)?,
        text,
    })
}

/// SHA-256 of the tensor bytes of a safetensors file: the data as it lies behind the header, so that
/// another title leaves it the same.
///
/// # Errors
/// When the file is none.
pub fn hash_of_adapter(file: &[u8]) -> Result<Hash, LinkError> {
    let start = File::parse(file, Limits::ADAPTER)?.header().data_start;
    let data = usize::try_from(start).ok().and_then(|at| file.get(at..));
    let digest = Sha256::digest(data.unwrap_or_default());
    Hash::from_bytes(&digest).ok_or(LinkError::AdapterDamaged)
}

/// The file again. Its header is looked at here; what is in it is checked by whoever loads it.
pub(crate) fn unpack_adapter(text: &str) -> Result<Vec<u8>, LinkError> {
    let packed = URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| LinkError::AdapterDamaged)?;
    let file =
        decompress_to_vec_with_limit(&packed, MAX_FILE).map_err(|_| LinkError::AdapterDamaged)?;
    File::parse(&file, Limits::ADAPTER).map_err(|_| LinkError::AdapterDamaged)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(values: usize, title: &str) -> Vec<u8> {
        let mut state = 1u32;
        let bytes: Vec<u8> = (0..values)
            .flat_map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state as f32 / u32::MAX as f32 - 0.5).to_le_bytes()
            })
            .collect();
        let tensor = TensorView {
            name: "a.lora_down.weight",
            dtype: Dtype::F32,
            shape: &[values],
            bytes: &bytes,
        };
        let metadata = BTreeMap::from([
            ("title".to_owned(), title.to_owned()),
            ("thumbnail".to_owned(), "x".repeat(9_000)),
        ]);
        write(&[tensor], &metadata).unwrap()
    }

    #[test]
    fn an_adapter_goes_there_and_back() {
        let whole = file(4 * 23_552, "My hand");
        let packed = pack_adapter(&whole).unwrap();
        assert!(packed.chars() < 260_000, "{}", packed.chars());
        let small = unpack_adapter(packed.as_str()).unwrap();
        assert_eq!(hash_of_adapter(&small).unwrap(), packed.hash);
        let parsed = File::parse(&small, Limits::ADAPTER).unwrap();
        assert_eq!(parsed.metadata()["title"], "My hand");
        assert!(!parsed.metadata().contains_key("thumbnail"));
        // Packed again it is the same: 16 bits lose nothing twice.
        assert_eq!(pack_adapter(&small).unwrap(), packed);
    }

    #[test]
    fn the_title_is_not_in_the_hash() {
        let of = |title| hash_of_adapter(&file(8, title)).unwrap();
        assert_eq!(of("one"), of("another"));
        assert_ne!(of("one"), hash_of_adapter(&file(9, "one")).unwrap());
    }

    #[test]
    fn one_too_large_is_said() {
        let error = pack_adapter(&file(400_000, "")).unwrap_err();
        assert!(
            matches!(error, LinkError::AdapterTooLarge { .. }),
            "{error}"
        );
        assert!(pack_adapter(b"no adapter").is_err());
    }
}
