//! What is written down of a model that is kept, and what of it is here.

use atelier_protocol::{AboutModel, ModelFamily};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Entry, LibraryError, Model, Name, name::is_plain};

/// Written beside the model's files before the first of them, so that what is half there is known for
/// what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    title: String,
    /// Where to fetch it, commit and all; none for the artist's own files.
    address: Option<String>,
    licence: Option<String>,
    family: ModelFamily,
    parameters: u64,
    pub files: Vec<Entry>,
}

/// What of a model's files is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// So many bytes.
    Partial(u64),
    /// Whole, and its hash is right.
    Checked,
}

impl Record {
    /// Of a model on the Hub at a commit.
    pub fn fetched(name: &Name, commit: &str, licence: Option<String>, model: &Model) -> Self {
        let mut address = format!("{}/{name}/tree/{commit}", name.base());
        let mut title = name.to_string();
        if let Some(file) = &name.file {
            address = name.file_url(commit, file);
            title = format!("{name}: {file}");
        }
        Self::new(title, Some(address), licence, model)
    }

    /// Of files that the artist chose.
    pub fn chosen(title: &str, model: &Model) -> Self {
        Self::new(title.to_owned(), None, None, model)
    }

    fn new(title: String, address: Option<String>, licence: Option<String>, model: &Model) -> Self {
        Self {
            title: atelier_weights::shown(&title),
            address,
            licence,
            family: model.family,
            parameters: model.parameters(),
            files: model.files.clone(),
        }
    }

    /// # Errors
    /// When it is no record, as where a crash has cut it short.
    pub fn parse(bytes: &[u8]) -> Result<Self, LibraryError> {
        let record: Self = serde_json::from_slice(bytes).map_err(|_| LibraryError::Gone)?;
        let plain = record.files.iter().all(|entry| is_plain(&entry.path));
        (plain && !record.files.is_empty())
            .then_some(record)
            .ok_or(LibraryError::Gone)
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        // Plain data under string keys, which always can be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Names the model from visit to visit: the same model is the same, however it was named.
    pub fn id(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.address.as_deref().unwrap_or_default());
        for entry in &self.files {
            hash.update([0]);
            hash.update(&entry.path);
            hash.update(entry.size.to_le_bytes());
        }
        hex(&hash.finalize()[..8])
    }

    /// What to ask for when the rest is fetched; none for the artist's own files. The address is
    /// read as if somebody had written it: no record makes the page ask another host.
    ///
    /// # Errors
    /// [`LibraryError::Name`], [`LibraryError::Host`].
    pub fn name(&self, site: &str) -> Result<Option<Name>, LibraryError> {
        let address = self.address.as_deref();
        address
            .map(|address| Name::parse(address, site))
            .transpose()
    }

    pub fn about(&self, site: &str) -> AboutModel {
        let name = self.name(site).ok().flatten();
        AboutModel {
            title: self.title.clone(),
            page: name.map(|name| name.page_url()),
            family: self.family,
            licence: self.licence.clone(),
            bytes: self.bytes(),
            parameters: self.parameters,
            fetched: self.address.is_some(),
        }
    }

    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|entry| entry.size).sum()
    }

    /// Bytes of it that are here, given each file's state. More than a file's size counts for nothing:
    /// such a file is fetched anew.
    pub fn here(&self, states: &[State]) -> u64 {
        let files = self.files.iter().zip(states);
        files
            .map(|(entry, state)| match state {
                State::Checked => entry.size,
                State::Partial(bytes) if *bytes <= entry.size => *bytes,
                State::Partial(_) => 0,
            })
            .sum()
    }

    pub fn is_whole(&self, states: &[State]) -> bool {
        states.len() == self.files.len() && states.iter().all(|state| *state == State::Checked)
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
