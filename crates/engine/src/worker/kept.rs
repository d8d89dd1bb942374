//! This browser's library: models, and what is kept of works.

use atelier_library::{
    Files,
    browser::{Drawer, Kept},
};

use crate::{
    error::EngineError,
    keep::{Keep, Later},
    source::{Piece, Source},
};

/// What was made of works. The drawer is opened each time, for it may have been emptied.
pub struct KeptWorks;

impl Keep for KeptWorks {
    fn get<'a>(&'a self, name: &'a str) -> Later<'a, Option<Vec<u8>>> {
        Box::pin(async move { Drawer::open().await.ok()?.get(name).await })
    }

    fn put<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> Later<'a, ()> {
        Box::pin(async move {
            if let Ok(drawer) = Drawer::open().await {
                // Where there is no room it is made anew next time.
                let _ = drawer.put(name, bytes).await;
            }
        })
    }
}

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
