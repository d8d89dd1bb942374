//! Where models are kept: the origin private file system.
//!
//! `models/` has a folder for each model, named by [`Record::id`]. In it: `record` (JSON, written
//! first), the files by their number in the record (`0`, `1`, ...; nothing from outside is ever a
//! name here), `0.checked` beside each that is whole and right, and `used`.

use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    File, FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetDirectoryOptions,
    FileSystemGetFileOptions, FileSystemReadWriteOptions, FileSystemRemoveOptions,
    FileSystemSyncAccessHandle, StorageEstimate,
};

use super::{refused, scope, slice, wait};
use crate::{LibraryError, Record, State};

const MODELS: &str = "models";
const LOCK: &str = "lock";
const RECORD: &str = "record";
const USED: &str = "used";
const ROOM: &str = "room";

/// All models.
#[derive(Clone)]
pub struct Shelf(FileSystemDirectoryHandle);

impl Shelf {
    pub async fn open() -> Result<Self, LibraryError> {
        directory(&root().await?, MODELS, true).await.map(Self)
    }

    /// Models that are here, whole or not.
    pub async fn ids(&self) -> Result<Vec<String>, LibraryError> {
        let all = names(&self.0).await?.into_iter();
        let folders = all.filter(|(_, is_folder)| *is_folder);
        Ok(folders.map(|(name, _)| name).collect())
    }

    /// A model's folder; an error where there is none.
    pub async fn find(&self, id: &str) -> Result<Place, LibraryError> {
        directory(&self.0, id, false).await.map(Place)
    }

    /// A model's folder with its record, made where there is none.
    pub async fn make(&self, record: &Record) -> Result<Place, LibraryError> {
        let place = Place(directory(&self.0, &record.id(), true).await?);
        if place.record().await.is_err() {
            place.write(RECORD, &record.to_bytes()).await?;
        }
        Ok(place)
    }

    /// Removes a model with all that is in its folder.
    pub async fn remove(&self, id: &str) -> Result<(), LibraryError> {
        let options = FileSystemRemoveOptions::new();
        options.set_recursive(true);
        let removed = wait(self.0.remove_entry_with_options(id, &options)).await;
        removed.map(|_| ()).map_err(|error| refused(&error))
    }

    /// Holds the shelf for this tab while something is brought in, until it is dropped.
    ///
    /// # Errors
    /// [`LibraryError::OtherTab`] where another tab holds it.
    pub async fn hold(&self) -> Result<Writer, LibraryError> {
        Writer::open(&self.0, LOCK).await
    }
}

/// Bytes that the browser still gives this page, where it says so.
pub async fn free() -> Option<u64> {
    let storage = scope().navigator().storage();
    if storage.is_undefined() {
        return None;
    }
    let estimate: StorageEstimate = wait(storage.estimate().ok()?).await.ok()?.unchecked_into();
    Some((estimate.get_quota()? - estimate.get_usage()?).max(0.0) as u64)
}

/// The page's own file system.
pub(super) async fn root() -> Result<FileSystemDirectoryHandle, LibraryError> {
    let storage = scope().navigator().storage();
    if storage.is_undefined() {
        return Err(LibraryError::NoStorage);
    }
    let root = wait(storage.get_directory()).await;
    Ok(root.map_err(|_| LibraryError::NoStorage)?.unchecked_into())
}

/// What is in a folder, and whether it is one itself.
pub(super) async fn names(
    folder: &FileSystemDirectoryHandle,
) -> Result<Vec<(String, bool)>, LibraryError> {
    let entries = folder.entries();
    let mut names = Vec::new();
    loop {
        let next = entries.next().map_err(|error| refused(&error))?;
        let next = wait(next).await.map_err(|error| refused(&error))?;
        let get = |object: &JsValue, key: &str| Reflect::get(object, &key.into());
        if get(&next, "done").is_ok_and(|done| done.is_truthy()) {
            return Ok(names);
        }
        let pair: js_sys::Array = get(&next, "value").unwrap_or_default().unchecked_into();
        let is_folder = pair.get(1).has_type::<FileSystemDirectoryHandle>();
        names.extend(pair.get(0).as_string().map(|name| (name, is_folder)));
    }
}

/// A model's folder.
pub struct Place(pub(super) FileSystemDirectoryHandle);

impl Place {
    pub async fn record(&self) -> Result<Record, LibraryError> {
        Record::parse(&self.read(RECORD).await?)
    }

    /// What of each file is here.
    pub async fn states(&self, record: &Record) -> Vec<State> {
        let mut states = Vec::with_capacity(record.files.len());
        for number in 0..record.files.len() {
            states.push(match self.file(&checked(number)).await {
                Ok(_) => State::Checked,
                Err(_) => {
                    let file = self.data(number).await;
                    State::Partial(file.map_or(0, |file| file.size() as u64))
                }
            });
        }
        states
    }

    /// A file's contents, to be read.
    pub async fn data(&self, number: usize) -> Result<File, LibraryError> {
        self.file(&number.to_string()).await
    }

    /// A file's contents, to be written by nobody else meanwhile.
    pub async fn writer(&self, number: usize) -> Result<Writer, LibraryError> {
        Writer::open(&self.0, &number.to_string()).await
    }

    /// Remembers that a file is whole and right.
    pub async fn check_off(&self, number: usize) -> Result<(), LibraryError> {
        self.write(&checked(number), &[]).await
    }

    /// Milliseconds since 1970.
    pub async fn used(&self) -> Option<f64> {
        let text = String::from_utf8(self.read(USED).await.ok()?).ok()?;
        text.parse().ok().filter(|time: &f64| time.is_finite())
    }

    pub async fn set_used(&self, now: f64) -> Result<(), LibraryError> {
        self.write(USED, now.to_string().as_bytes()).await
    }

    /// Takes `bytes` bytes for a moment: what browsers say is free is kept vague, or wrong, by some.
    ///
    /// # Errors
    /// [`LibraryError::NoRoom`].
    pub async fn try_room(&self, bytes: u64) -> Result<(), LibraryError> {
        let writer = Writer::open(&self.0, ROOM).await?;
        let taken = writer.cut(bytes);
        writer.cut(0)?;
        drop(writer);
        let removed = wait(self.0.remove_entry(ROOM)).await;
        removed.map_err(|error| refused(&error))?;
        taken.map_err(|error| match error {
            LibraryError::DiskFull => LibraryError::NoRoom {
                needed: bytes,
                free: None,
            },
            error => error,
        })
    }

    async fn file(&self, name: &str) -> Result<File, LibraryError> {
        let handle = wait(self.0.get_file_handle(name)).await;
        let handle: FileSystemFileHandle =
            handle.map_err(|error| refused(&error))?.unchecked_into();
        let file = wait(handle.get_file())
            .await
            .map_err(|error| refused(&error))?;
        Ok(file.unchecked_into())
    }

    /// A small file whole.
    pub(super) async fn read(&self, name: &str) -> Result<Vec<u8>, LibraryError> {
        let file = self.file(name).await?;
        let size = file.size() as u64;
        slice(&file, 0, size).await.map_err(|error| refused(&error))
    }

    pub(super) async fn write(&self, name: &str, bytes: &[u8]) -> Result<(), LibraryError> {
        let writer = Writer::open(&self.0, name).await?;
        writer.cut(0)?;
        writer.write(0, bytes)?;
        writer.flush()
    }
}

fn checked(number: usize) -> String {
    format!("{number}.checked")
}

pub(super) async fn directory(
    parent: &FileSystemDirectoryHandle,
    name: &str,
    create: bool,
) -> Result<FileSystemDirectoryHandle, LibraryError> {
    let options = FileSystemGetDirectoryOptions::new();
    options.set_create(create);
    let directory = wait(parent.get_directory_handle_with_options(name, &options)).await;
    Ok(directory.map_err(|error| refused(&error))?.unchecked_into())
}

/// A file that nobody else may write, until it is dropped.
pub struct Writer(FileSystemSyncAccessHandle);

impl Writer {
    async fn open(folder: &FileSystemDirectoryHandle, name: &str) -> Result<Self, LibraryError> {
        let options = FileSystemGetFileOptions::new();
        options.set_create(true);
        let handle = wait(folder.get_file_handle_with_options(name, &options)).await;
        let handle: FileSystemFileHandle =
            handle.map_err(|error| refused(&error))?.unchecked_into();
        let access = wait(handle.create_sync_access_handle()).await;
        Ok(Self(
            access.map_err(|error| refused(&error))?.unchecked_into(),
        ))
    }

    pub fn size(&self) -> Result<u64, LibraryError> {
        let size = self.0.get_size().map_err(|error| refused(&error))?;
        Ok(size as u64)
    }

    /// Fills as much of `buffer` as there is from `at` on; the number of bytes.
    pub fn read(&self, at: u64, buffer: &mut [u8]) -> Result<usize, LibraryError> {
        let read = self.0.read_with_u8_array_and_options(buffer, &place(at));
        Ok(read.map_err(|error| refused(&error))? as usize)
    }

    pub fn write(&self, at: u64, bytes: &[u8]) -> Result<(), LibraryError> {
        let written = self.0.write_with_u8_array_and_options(bytes, &place(at));
        let written = written.map_err(|error| refused(&error))?;
        // Fewer than were given are written where there is no room for more.
        match written as usize == bytes.len() {
            true => Ok(()),
            false => Err(LibraryError::DiskFull),
        }
    }

    /// Cuts the file off after `bytes` bytes.
    pub fn cut(&self, bytes: u64) -> Result<(), LibraryError> {
        self.0
            .truncate_with_f64(bytes as f64)
            .map_err(|error| refused(&error))
    }

    pub fn flush(&self) -> Result<(), LibraryError> {
        self.0.flush().map_err(|error| refused(&error))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn place(at: u64) -> FileSystemReadWriteOptions {
    let options = FileSystemReadWriteOptions::new();
    options.set_at(at as f64);
    options
}
