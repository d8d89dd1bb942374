//! Small things kept by name, which may go at any time: what the engine made of works. In the origin private file system
//! beside the models.

use super::{
    refused,
    shelf::{Place, directory, names, root},
    wait,
};
use crate::LibraryError;
use web_sys::FileSystemRemoveOptions;

const FOLDER: &str = "kept";
/// With more than so many, all are let go when they are tidied.
const MOST: usize = 1_000;

/// The folder.
pub struct Drawer(Place);

impl Drawer {
    /// # Errors
    /// [`LibraryError::NoStorage`].
    pub async fn open() -> Result<Self, LibraryError> {
        let folder = directory(&root().await?, FOLDER, true).await?;
        Ok(Self(Place(folder)))
    }

    /// Lets all of it go where it has become too much.
    pub async fn tidy() -> Result<(), LibraryError> {
        match names(&Self::open().await?.0.0).await?.len() {
            0..=MOST => Ok(()),
            _ => Self::empty().await,
        }
    }

    /// What is kept by `name`, made of letters and digits.
    pub async fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.0.read(name).await.ok()
    }

    /// # Errors
    /// [`LibraryError::DiskFull`].
    pub async fn put(&self, name: &str, bytes: &[u8]) -> Result<(), LibraryError> {
        self.0.write(name, bytes).await
    }

    /// Lets all of it go.
    pub async fn empty() -> Result<(), LibraryError> {
        let options = FileSystemRemoveOptions::new();
        options.set_recursive(true);
        let removed = wait(root().await?.remove_entry_with_options(FOLDER, &options)).await;
        match removed.map_err(|error| refused(&error)) {
            Err(LibraryError::Gone) | Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
