//! Which of a folder's files are the weights.

use std::collections::BTreeSet;

use crate::WeightsError;

/// Which of two files to take where a model has both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// The `fp16` variant: half to fetch and to keep.
    #[default]
    Half,
    /// The file without a variant.
    Full,
}

/// Where a folder's weights are, by the names of its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WeightsFile {
    Single(String),
    /// An [`Index`](crate::Index), which names the files.
    Sharded(String),
}

/// The names that diffusers' and transformers' `save_pretrained` give to weights.
const STEMS: [&str; 2] = ["diffusion_pytorch_model", "model"];

/// Chooses among a folder's files (plain names): `diffusion_pytorch_model.safetensors` or
/// `model.safetensors`, their `fp16` variants, and the indices of those in shards, as diffusers
/// names them.
///
/// # Errors
/// [`WeightsError::NoWeights`].
pub fn choose_weights<'a>(
    files: impl IntoIterator<Item = &'a str>,
    precision: Precision,
) -> Result<WeightsFile, WeightsError> {
    let files: BTreeSet<&str> = files.into_iter().collect();
    let variants = match precision {
        Precision::Half => [".fp16", ""],
        Precision::Full => ["", ".fp16"],
    };
    for variant in variants {
        for stem in STEMS {
            let single = format!("{stem}{variant}.safetensors");
            if files.contains(single.as_str()) {
                return Ok(WeightsFile::Single(single));
            }
            // diffusers and transformers put the variant before the ending; Hub tools once did not.
            for index in [
                format!("{stem}.safetensors.index{variant}.json"),
                format!("{stem}{variant}.safetensors.index.json"),
            ] {
                if files.contains(index.as_str()) {
                    return Ok(WeightsFile::Sharded(index));
                }
            }
        }
    }
    let pickle = |name: &&str| {
        [".bin", ".ckpt", ".pt", ".pth"]
            .iter()
            .any(|e| name.ends_with(e))
    };
    Err(WeightsError::NoWeights {
        pickles: files.iter().any(pickle),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variant_asked_for_is_taken_where_there_are_two() {
        let both = [
            "config.json",
            "diffusion_pytorch_model.bin",
            "diffusion_pytorch_model.fp16.safetensors",
            "diffusion_pytorch_model.non_ema.safetensors",
            "diffusion_pytorch_model.safetensors",
        ];
        let single = |name: &str| WeightsFile::Single(name.to_owned());
        let sharded = |name: &str| WeightsFile::Sharded(name.to_owned());
        let cases: [(&[&str], Precision, WeightsFile); 6] = [
            (
                &both,
                Precision::Half,
                single("diffusion_pytorch_model.fp16.safetensors"),
            ),
            (
                &both,
                Precision::Full,
                single("diffusion_pytorch_model.safetensors"),
            ),
            (
                &["model.safetensors"],
                Precision::Half,
                single("model.safetensors"),
            ),
            (
                &["model.fp16.safetensors"],
                Precision::Full,
                single("model.fp16.safetensors"),
            ),
            (
                &["model.safetensors.index.fp16.json", "model.safetensors"],
                Precision::Half,
                sharded("model.safetensors.index.fp16.json"),
            ),
            (
                &["diffusion_pytorch_model.safetensors.index.json"],
                Precision::Half,
                sharded("diffusion_pytorch_model.safetensors.index.json"),
            ),
        ];
        for (files, precision, expected) in cases {
            let chosen = choose_weights(files.iter().copied(), precision);
            assert_eq!(chosen, Ok(expected), "{files:?}");
        }
    }

    #[test]
    fn pickles_are_no_weights() {
        let refused = |files: &[&str]| {
            choose_weights(files.iter().copied(), Precision::Half)
                .unwrap_err()
                .to_string()
        };
        assert!(refused(&["pytorch_model.bin"]).contains("can run code"));
        assert!(refused(&["config.json"]).contains("no file of weights"));
    }
}
