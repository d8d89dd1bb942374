//! A model's folder in this browser's library.

use atelier_library::browser::Kept;

use crate::{
    error::EngineError,
    source::{Piece, Source},
};

impl Source for Kept {
    async fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, EngineError> {
        Ok(self.read_whole(path, limit).await?)
    }

    async fn stream(&self, path: &str, piece: &mut Piece<'_>) -> Result<(), EngineError> {
        let mut piece = |bytes: &[u8], length: u64| piece(bytes, Some(length));
        self.stream_file(path, &mut piece).await
    }
}
