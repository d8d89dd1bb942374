use web_sys::File;

use super::slice;
use crate::{Entry, Files, LibraryError};

/// Files that the artist picked or dropped. They are read only, and never held whole.
pub struct Chosen {
    pub title: String,
    entries: Vec<Entry>,
    files: Vec<File>,
}

impl Chosen {
    /// `paths` are the files' own, in their order.
    pub fn new(paths: &[String], files: Vec<File>) -> Self {
        let (title, inside) = crate::inside(paths);
        let mut chosen = Self {
            title,
            entries: Vec::new(),
            files: Vec::new(),
        };
        for (path, file) in inside.into_iter().zip(files) {
            let known = |path: &String| chosen.entries.iter().any(|entry| entry.path == *path);
            if let Some(path) = path.filter(|path| !known(path)) {
                chosen.entries.push(Entry {
                    path,
                    size: file.size() as u64,
                    sha256: None,
                });
                chosen.files.push(file);
            }
        }
        chosen
    }
}

impl Files for Chosen {
    fn entries(&self) -> &[Entry] {
        &self.entries
    }

    async fn read(&self, entry: &Entry, begin: u64, bytes: u64) -> Result<Vec<u8>, LibraryError> {
        let unreadable = || LibraryError::Unreadable {
            path: entry.path.clone(),
        };
        let number = self.entries.iter().position(|known| known == entry);
        let file = number
            .and_then(|number| self.files.get(number))
            .ok_or_else(unreadable)?;
        slice(file, begin, bytes).await.map_err(|_| unreadable())
    }
}
