//! What the `config.json` schemas share: reading, refusing what is not supported, options given once or per block.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::ModelError;

/// An option that config.json gives once for all blocks, or as a list with one value a block.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum PerBlock<T> {
    /// The same for every block.
    Same(T),
    /// One a block, in the order of the down blocks.
    Each(Vec<T>),
}

impl<T: Clone> PerBlock<T> {
    /// One value for each of `blocks` blocks. `model` and `option` name the option in the error.
    pub(crate) fn expand(
        &self,
        blocks: usize,
        model: &'static str,
        option: &str,
    ) -> Result<Vec<T>, ModelError> {
        match self {
            PerBlock::Same(value) => Ok(vec![value.clone(); blocks]),
            PerBlock::Each(values) if values.len() == blocks => Ok(values.clone()),
            PerBlock::Each(values) => Err(ModelError::BadConfig {
                model,
                problem: format!("{option} has {} values for {blocks} blocks", values.len()),
            }),
        }
    }
}

/// An option of which only some values are supported; leaving it out counts as supported.
pub(crate) struct Supported {
    pub option: &'static str,
    /// JSON texts of the supported values.
    pub values: &'static [&'static str],
}

/// Reads a config.json: its class must be one of `classes` (if it names one), and each option of `supported` must
/// have a supported value. Options that neither `T` nor `supported` knows are ignored.
pub(crate) fn read<T: DeserializeOwned>(
    json: &str,
    model: &'static str,
    class: Supported,
    supported: &[Supported],
) -> Result<T, ModelError> {
    let bad_json = |error: serde_json::Error| ModelError::BadJson {
        file: "config.json",
        problem: error.to_string(),
    };
    // serde would also take a list, as the fields in their order.
    let object: Map<String, Value> = serde_json::from_str(json).map_err(bad_json)?;
    for rule in std::iter::once(&class).chain(supported) {
        let Some(found) = object.get(rule.option) else {
            continue;
        };
        let allowed = rule.values.iter().map(|text| serde_json::from_str(text));
        let allowed: Vec<Value> = allowed.collect::<Result<_, _>>().map_err(bad_json)?;
        if !is_one_of(found, &allowed) {
            return Err(ModelError::UnsupportedOption {
                model,
                option: rule.option.to_owned(),
                value: found.to_string(),
                supported: rule.values.join(" or "),
            });
        }
    }
    serde_json::from_value(Value::Object(object)).map_err(bad_json)
}

/// 1 is 1.0, and a list (one value a block) is fine where all of its items are.
fn is_one_of(found: &Value, allowed: &[Value]) -> bool {
    match found {
        Value::Array(items) => items.iter().all(|item| is_one_of(item, allowed)),
        Value::Number(found) => allowed.iter().any(|value| value.as_f64() == found.as_f64()),
        found => allowed.contains(found),
    }
}
