use crate::{Entry, LibraryError};

/// Files that can be read anywhere: on the Hub, in the artist's hand, or kept here.
pub trait Files {
    fn entries(&self) -> &[Entry];

    /// `bytes` bytes of a file from `begin` on, which lie inside it.
    fn read(
        &self,
        entry: &Entry,
        begin: u64,
        bytes: u64,
    ) -> impl Future<Output = Result<Vec<u8>, LibraryError>>;

    fn entry(&self, path: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.path == path)
    }
}
