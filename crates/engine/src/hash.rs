//! What models, adapters and runs are known by, whatever their names.

use sha2::{Digest, Sha256};

use crate::error::EngineError;

/// Takes bytes as they come.
#[derive(Default)]
pub struct Hash(Sha256);

impl Hash {
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// 64 lower-case hexadecimal digits.
    pub fn finish(self) -> String {
        let digest = self.0.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Over the data of a safetensors file: its header, which has the title, does not count.
///
/// # Errors
/// When the file has no whole header.
pub fn of_tensors(file: &[u8]) -> Result<String, EngineError> {
    let header = atelier_weights::Header::len(file, atelier_weights::Limits::BASE)? as usize;
    let mut hash = Hash::default();
    hash.push(file.get(header..).unwrap_or_default());
    Ok(hash.finish())
}
