//! JSON objects read strictly: a key that comes twice is an error, and so is one object too many.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// An object of at most `MOST` members, each key once. serde's own maps keep the last of two.
pub(crate) struct Strict<V, const MOST: usize>(pub BTreeMap<String, V>);

/// Marks, in serde's message, what our errors tell apart.
pub(crate) const DUPLICATE: &str = "duplicate key ";
pub(crate) const TOO_MANY: &str = "too many members";

impl<'de, V: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Strict<V, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<V, const MOST: usize>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>, const MOST: usize> Visitor<'de> for Members<V, MOST> {
            type Value = Strict<V, MOST>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut out = BTreeMap::new();
                while let Some(key) = map.next_key::<String>()? {
                    if out.len() >= MOST {
                        return Err(A::Error::custom(TOO_MANY));
                    }
                    if out.contains_key(&key) {
                        return Err(A::Error::custom(format!(
                            "{DUPLICATE}{}",
                            crate::shown(&key)
                        )));
                    }
                    let value = map.next_value()?;
                    out.insert(key, value);
                }
                Ok(Strict(out))
            }
        }

        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// serde's message without its tail of line and column, and short.
pub(crate) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    crate::shown(text)
}
