//! Where a model's files come from. A folder natively, a site in the page.

use crate::error::EngineError;

/// Takes a file's next bytes, with the file's length where it is known.
pub type Piece<'a> = dyn FnMut(&[u8], Option<u64>) -> Result<(), EngineError> + 'a;

/// A diffusers folder, by paths relative to it such as `unet/config.json`.
pub trait Source {
    /// What the model is called where nothing else names it.
    fn name(&self) -> String {
        "Stable Diffusion".to_owned()
    }

    /// The names of the files in one of its folders, or none where the source cannot tell.
    fn files(
        &self,
        _folder: &str,
    ) -> impl Future<Output = Result<Option<Vec<String>>, EngineError>> {
        async { Ok(None) }
    }

    /// A small file whole, at most `limit` bytes.
    fn read(&self, path: &str, limit: u64) -> impl Future<Output = Result<Vec<u8>, EngineError>>;

    /// A large file in pieces, in order.
    fn stream(
        &self,
        path: &str,
        piece: &mut Piece<'_>,
    ) -> impl Future<Output = Result<(), EngineError>>;
}

/// A folder on disk.
#[cfg(not(target_arch = "wasm32"))]
pub struct Folder(pub std::path::PathBuf);

#[cfg(not(target_arch = "wasm32"))]
impl Source for Folder {
    fn name(&self) -> String {
        let path = std::path::absolute(&self.0).unwrap_or_else(|_| self.0.clone());
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    async fn files(&self, folder: &str) -> Result<Option<Vec<String>>, EngineError> {
        let missing = |error: std::io::Error| EngineError::Missing {
            path: self.0.join(folder).display().to_string(),
            reason: error.to_string(),
        };
        let entries = std::fs::read_dir(self.0.join(folder)).map_err(missing)?;
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        Ok(Some(names.collect::<Result<_, _>>().map_err(missing)?))
    }

    async fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, EngineError> {
        let missing = |error: std::io::Error| EngineError::Missing {
            path: self.0.join(path).display().to_string(),
            reason: error.to_string(),
        };
        let file = self.0.join(path);
        if std::fs::metadata(&file).map_err(missing)?.len() > limit {
            return Err(EngineError::TooLarge {
                path: path.into(),
                limit,
            });
        }
        std::fs::read(file).map_err(missing)
    }

    async fn stream(&self, path: &str, piece: &mut Piece<'_>) -> Result<(), EngineError> {
        use std::io::Read;
        let missing = |error: std::io::Error| EngineError::Missing {
            path: self.0.join(path).display().to_string(),
            reason: error.to_string(),
        };
        let mut file = std::fs::File::open(self.0.join(path)).map_err(missing)?;
        let length = file.metadata().map_err(missing)?.len();
        let mut buffer = vec![0; 1 << 20];
        loop {
            let count = file.read(&mut buffer).map_err(missing)?;
            if count == 0 {
                return Ok(());
            }
            piece(&buffer[..count], Some(length))?;
        }
    }
}
