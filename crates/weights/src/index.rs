use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::json::{self, Strict};
use crate::{WeightsError, shown};

const FILE: &str = "The index of the model's files (.safetensors.index.json)";
/// As many tensors as a header may list.
const MOST: usize = 20_000;
/// Longest index read, in bytes; as the longest header.
const LONGEST: usize = 10 << 20;

/// `*.safetensors.index.json`: which file of a sharded model holds which tensor.
///
/// Source: `huggingface_hub`'s and transformers' sharded checkpoints (`weight_map`, `metadata`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    weight_map: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Raw {
    weight_map: Strict<String, MOST>,
}

impl Index {
    /// # Errors
    /// [`WeightsError::Json`], or [`WeightsError::ShardName`] when a file is named that is not a
    /// plain name in the index's own folder (a path, an address).
    pub fn parse(bytes: &[u8]) -> Result<Index, WeightsError> {
        if bytes.len() > LONGEST {
            return Err(WeightsError::Json {
                file: FILE,
                reason: format!(
                    "it has {} bytes, and at most {LONGEST} are read",
                    bytes.len()
                ),
            });
        }
        let raw: Raw = serde_json::from_slice(bytes).map_err(|error| WeightsError::Json {
            file: FILE,
            reason: json::reason(&error),
        })?;
        let weight_map = raw.weight_map.0;
        for name in weight_map.values() {
            let plain = name.len() <= 255
                && name.ends_with(".safetensors")
                && !name.starts_with('.')
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
            if !plain {
                return Err(WeightsError::ShardName {
                    file: FILE,
                    name: shown(name),
                });
            }
        }
        Ok(Index { weight_map })
    }

    /// The model's files, each once, sorted.
    pub fn files(&self) -> BTreeSet<&str> {
        self.weight_map.values().map(String::as_str).collect()
    }

    /// The file that holds a tensor.
    pub fn file_of(&self, tensor: &str) -> Option<&str> {
        self.weight_map.get(tensor).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_each_file_once() {
        let index = Index::parse(
            br#"{"metadata":{"total_size":12},"weight_map":{
                "a":"model-00002-of-00002.safetensors",
                "b":"model-00001-of-00002.safetensors",
                "c":"model-00001-of-00002.safetensors"}}"#,
        )
        .unwrap();
        assert_eq!(
            index.files().into_iter().collect::<Vec<_>>(),
            [
                "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors"
            ]
        );
        assert_eq!(index.file_of("a"), Some("model-00002-of-00002.safetensors"));
    }

    #[test]
    fn refuses_paths_and_duplicates() {
        for name in [
            "../x.safetensors",
            "https://x/y.safetensors",
            "x.bin",
            ".safetensors",
            "a/b.safetensors",
        ] {
            let json = format!(r#"{{"weight_map":{{"a":"{name}"}}}}"#);
            assert!(
                matches!(
                    Index::parse(json.as_bytes()),
                    Err(WeightsError::ShardName { .. })
                ),
                "{name}"
            );
        }
        let twice = br#"{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}"#;
        assert!(matches!(
            Index::parse(twice),
            Err(WeightsError::Json { .. })
        ));
    }
}
