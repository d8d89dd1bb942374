use serde::{Deserialize, Serialize};

/// A file of a model, before or after it is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Inside the model's folder, parts joined by `/`.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Of its contents, 64 lower-case hexadecimal digits, where the source vouches for them.
    pub sha256: Option<String>,
}

impl Entry {
    /// Without its folders.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}
