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
/// What an adapter's file may say of itself when it is given away: what tools need to use it, and whose
/// it is. Other trainers also write captions, file names and pictures of the works into it.
const GIVEN_AWAY: [&str; 19] = [
    "format",
    "lora_adapter_metadata",
    "modelspec.architecture",
    "modelspec.author",
    "modelspec.implementation",
    "modelspec.license",
    "modelspec.prediction_type",
    "modelspec.resolution",
    "modelspec.sai_model_spec",
    "modelspec.title",
    "modelspec.trigger_phrase",
    "modelspec.usage_hint",
    "ss_base_model_version",
    "ss_network_alpha",
    "ss_network_dim",
    "ss_network_module",
    "ss_num_train_images",
    "ss_output_name",
    "ss_steps",
];

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
    let small = write(&tensors, &given_away(parsed.metadata()))?;
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

fn given_away(metadata: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let kept = metadata
        .iter()
        .filter(|(key, value)| GIVEN_AWAY.contains(&key.as_str()) && value.len() <= 4_000);
    kept.map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// An adapter's file as it is published: the same tensors, byte for byte (so its hash stays), and of
/// what other tools wrote beside them only what one needs to use it, with whose it is.
///
/// # Errors
/// What is wrong with the file.
pub fn published_adapter(file: &[u8], author: &str, licence: &str) -> Result<Vec<u8>, LinkError> {
    let parsed = File::parse(file, Limits::ADAPTER)?;
    let mut metadata = given_away(parsed.metadata());
    metadata.insert("modelspec.author".into(), author.into());
    metadata.insert("modelspec.license".into(), licence.into());
    let start = usize::try_from(parsed.header().data_start).unwrap_or(file.len());
    let (head, data) = file.split_at_checked(start).unwrap_or((file, &[]));
    let damaged = |_| LinkError::AdapterDamaged;
    let json = head.get(size_of::<u64>()..).unwrap_or_default();
    let mut header: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(json).map_err(damaged)?;
    header.insert("__metadata__".into(), serde_json::json!(metadata));
    let mut json = serde_json::to_vec(&header).map_err(damaged)?;
    // Tensors begin where a word of eight bytes does.
    json.resize(json.len().next_multiple_of(size_of::<u64>()), b' ');
    let length = (json.len() as u64).to_le_bytes();
    Ok([&length[..], &json, data].concat())
}

/// Characters that a link gets longer by an adapter of so many values, roughly: 16 bits each, of which
/// little can be squeezed out (measured: 92 to 94 of 100), and four characters for three bytes.
pub fn packed_chars(parameters: u64) -> u64 {
    (parameters as f64 * 2.0 * 0.93 * 4.0 / 3.0) as u64
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
            ("modelspec.title".to_owned(), title.to_owned()),
            ("modelspec.thumbnail".to_owned(), "x".repeat(9_000)),
            ("ss_tag_frequency".to_owned(), r#"{"secret":1}"#.to_owned()),
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
        assert_eq!(parsed.metadata()["modelspec.title"], "My hand");
        assert_eq!(parsed.metadata().len(), 1);
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
    fn a_published_adapter_is_the_same_without_what_is_nobodys_business() {
        let whole = file(500, "My hand");
        let given = published_adapter(&whole, "Ä \"<b>", "CC0 1.0").unwrap();
        assert_eq!(
            hash_of_adapter(&given).unwrap(),
            hash_of_adapter(&whole).unwrap()
        );
        let parsed = File::parse(&given, Limits::ADAPTER).unwrap();
        assert_eq!(parsed.metadata()["modelspec.title"], "My hand");
        assert_eq!(parsed.metadata()["modelspec.author"], "Ä \"<b>");
        assert_eq!(parsed.metadata()["modelspec.license"], "CC0 1.0");
        assert_eq!(parsed.metadata().len(), 3);
        assert!(!given.windows(6).any(|w| w == b"secret"));
        // And again by another.
        let again = published_adapter(&given, "Bo", "CC0 1.0").unwrap();
        let parsed = File::parse(&again, Limits::ADAPTER).unwrap();
        assert_eq!(parsed.metadata()["modelspec.author"], "Bo");
        assert!(published_adapter(b"no adapter", "", "").is_err());
    }

    #[test]
    fn how_long_a_link_gets_is_known_before() {
        let values = 4 * 23_552;
        let packed = pack_adapter(&file(values, "")).unwrap().chars() as f64;
        let said = packed_chars(values as u64) as f64;
        assert!((said / packed - 1.0).abs() < 0.1, "{said} for {packed}");
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
