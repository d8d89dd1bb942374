use std::collections::BTreeMap;

use serde_json::Value;

use crate::WeightsError;
use crate::json::{self, Strict};

const FILE: &str = "The model's list of parts (model_index.json)";
/// Most members read; published ones have about 15.
const MOST: usize = 256;
/// Longest list read, in bytes; published ones have about 600.
const LONGEST: usize = 256 << 10;

/// `model_index.json` of a diffusers folder: the class of the pipeline and of each part, a part
/// being a folder beside the file (`unet`, `vae`, `text_encoder`, `tokenizer`, `scheduler`).
///
/// Source: diffusers' `DiffusionPipeline.save_pretrained`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// `_class_name`, for example "StableDiffusionPipeline".
    pub class_name: String,
    /// `_diffusers_version`.
    pub diffusers_version: Option<String>,
    /// By folder name. Parts that the model leaves out (`[null, null]`) are not among them.
    pub parts: BTreeMap<String, Part>,
    /// Everything else, for example `requires_safety_checker`.
    pub options: BTreeMap<String, Value>,
}

/// Class of a part, for example `diffusers`, `UNet2DConditionModel`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub library: String,
    pub class: String,
}

impl Pipeline {
    /// # Errors
    /// [`WeightsError::Json`] when it is no such list.
    pub fn parse(bytes: &[u8]) -> Result<Pipeline, WeightsError> {
        let error = |reason: String| WeightsError::Json { file: FILE, reason };
        if bytes.len() > LONGEST {
            return Err(error(format!(
                "it has {} bytes, and at most {LONGEST} are read",
                bytes.len()
            )));
        }
        let members: Strict<Value, MOST> =
            serde_json::from_slice(bytes).map_err(|e| error(json::reason(&e)))?;
        let mut pipeline = Pipeline {
            class_name: String::new(),
            diffusers_version: None,
            parts: BTreeMap::new(),
            options: BTreeMap::new(),
        };
        for (key, value) in members.0 {
            match (key.as_str(), value) {
                ("_class_name", Value::String(name)) => pipeline.class_name = name,
                ("_diffusers_version", Value::String(version)) => {
                    pipeline.diffusers_version = Some(version);
                }
                (_, Value::Array(pair)) if pair.len() == 2 => match <[Value; 2]>::try_from(pair) {
                    Ok([Value::String(library), Value::String(class)]) => {
                        pipeline.parts.insert(key, Part { library, class });
                    }
                    Ok([Value::Null, Value::Null]) | Err(_) => {}
                    Ok(pair) => {
                        pipeline.options.insert(key, Value::from(pair.to_vec()));
                    }
                },
                (_, value) => {
                    pipeline.options.insert(key, value);
                }
            }
        }
        if pipeline.class_name.is_empty() {
            return Err(error("it names no _class_name".into()));
        }
        Ok(pipeline)
    }

    /// Class of a part, by its folder's name.
    pub fn class_of(&self, part: &str) -> Option<&str> {
        self.parts.get(part).map(|part| part.class.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_published_list() {
        // Shortened from stable-diffusion-v1-5's.
        let pipeline = Pipeline::parse(
            br#"{"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.6.0",
                 "safety_checker": [null, null], "requires_safety_checker": false,
                 "scheduler": ["diffusers", "PNDMScheduler"],
                 "unet": ["diffusers", "UNet2DConditionModel"]}"#,
        )
        .unwrap();
        assert_eq!(pipeline.class_name, "StableDiffusionPipeline");
        assert_eq!(pipeline.class_of("unet"), Some("UNet2DConditionModel"));
        assert_eq!(pipeline.class_of("safety_checker"), None);
        assert_eq!(pipeline.options["requires_safety_checker"], false);
    }

    #[test]
    fn refuses_what_is_no_list() {
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"_class_name": 1}"#,
            r#"{"_class_name":"a","_class_name":"b"}"#,
        ] {
            assert!(Pipeline::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
