use web_sys::File;

use super::{refused, shelf::Shelf, slice};
use crate::{Entry, Files, LibraryError, PIECE, Record};

/// A model that is here whole, to be read by as many as want to at once.
///
/// [`Model::open`](crate::Model::open) reads its headers; tensors then come in pieces, so that
/// neither the model nor a tensor is ever in memory whole.
pub struct Kept {
    record: Record,
    files: Vec<File>,
}

impl Kept {
    /// # Errors
    /// [`LibraryError::Gone`], [`LibraryError::NotWhole`].
    pub async fn open(id: &str) -> Result<Self, LibraryError> {
        let place = Shelf::open().await?.find(id).await?;
        let record = place.record().await?;
        if !record.is_whole(&place.states(&record).await) {
            return Err(LibraryError::NotWhole);
        }
        let mut files = Vec::with_capacity(record.files.len());
        for (number, entry) in record.files.iter().enumerate() {
            let file = place.data(number).await?;
            if file.size() as u64 != entry.size {
                return Err(LibraryError::NotWhole);
            }
            files.push(file);
        }
        Ok(Self { record, files })
    }

    /// As it is called in the library.
    pub fn title(&self) -> String {
        self.record.about("").title
    }

    /// A small file whole, at most `limit` bytes.
    ///
    /// # Errors
    /// [`LibraryError::Missing`], [`LibraryError::Config`] for a larger one.
    pub async fn read_whole(&self, path: &str, limit: u64) -> Result<Vec<u8>, LibraryError> {
        let entry = self.find(path)?;
        if entry.size > limit {
            return Err(LibraryError::Config {
                path: path.to_owned(),
                reason: format!("it has {} bytes, and at most {limit} are read", entry.size),
            });
        }
        self.read(entry, 0, entry.size).await
    }

    /// A file in pieces, in order, each with the file's length.
    ///
    /// # Errors
    /// [`LibraryError::Missing`], and those of `piece`.
    pub async fn stream_file<E: From<LibraryError>>(
        &self,
        path: &str,
        piece: &mut (impl FnMut(&[u8], u64) -> Result<(), E> + ?Sized),
    ) -> Result<(), E> {
        let entry = self.find(path)?;
        let mut begin = 0;
        while begin < entry.size {
            let bytes = PIECE.min(entry.size - begin);
            piece(&self.read(entry, begin, bytes).await?, entry.size)?;
            begin += bytes;
        }
        Ok(())
    }

    fn find(&self, path: &str) -> Result<&Entry, LibraryError> {
        self.entry(path).ok_or_else(|| LibraryError::Missing {
            path: path.to_owned(),
        })
    }
}

impl Files for Kept {
    fn entries(&self) -> &[Entry] {
        &self.record.files
    }

    async fn read(&self, entry: &Entry, begin: u64, bytes: u64) -> Result<Vec<u8>, LibraryError> {
        let number = self.record.files.iter().position(|known| known == entry);
        let file = number.and_then(|number| self.files.get(number));
        let file = file.ok_or(LibraryError::Gone)?;
        slice(file, begin, bytes)
            .await
            .map_err(|error| refused(&error))
    }
}
