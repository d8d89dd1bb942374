//! A model's folder in this browser's library.

use atelier_library::{Files, browser::Kept};

use crate::{
    error::EngineError,
    source::{Piece, Source},
};

/// The single file that a kept model is, where it is no folder.
pub fn checkpoint(kept: &Kept) -> Option<&str> {
    let paths = || kept.entries().iter().map(|entry| entry.path.as_str());
    match paths().any(|path| path == "model_index.json") {
        true => None,
        false => paths().find(|path| path.ends_with(".safetensors")),
    }
}

impl Source for Kept {
    fn name(&self) -> String {
        self.title()
    }

    async fn files(&self, folder: &str) -> Result<Option<Vec<String>>, EngineError> {
        let inside = |path: &str| Some(path.strip_prefix(folder)?.strip_prefix('/')?.to_owned());
        let names = self
            .entries()
            .iter()
            .filter_map(|entry| inside(&entry.path));
        Ok(Some(names.collect()))
    }

    async fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, EngineError> {
        Ok(self.read_whole(path, limit).await?)
    }

    async fn stream(&self, path: &str, piece: &mut Piece<'_>) -> Result<(), EngineError> {
        let mut piece = |bytes: &[u8], length: u64| piece(bytes, Some(length));
        self.stream_file(path, &mut piece).await
    }
}
