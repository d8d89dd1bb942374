//! Studio models: found on the Hub or in files the artist chose, brought into the browser's own file
//! system, checked, and read there tensor by tensor.
//!
//! Start with [`Name`] (what the artist writes), [`Listing`] (what the Hub answers), [`Model`] (what of
//! all the files is needed and where each tensor lies) and [`Record`] (what is written down of it).
//! [`Files`] is all that a model is read through: from the Hub to look at it, from the artist's files,
//! from what is kept. Everything read is taken to be hostile, and each [`LibraryError`] is a sentence
//! for the artist.
//!
//! All that is plain logic, tested natively. `browser` is the other half: fetching and keeping in a
//! worker of its own (`src/bin/library-worker.rs`), and [`Kept`](browser::Kept), through which the
//! engine reads. docs/DESIGN.md says why a worker.

mod answer;
#[cfg(target_arch = "wasm32")]
pub mod browser;
mod chosen;
mod entry;
mod error;
mod files;
pub mod hosts;
mod listing;
mod model;
mod name;
mod pace;
mod record;

pub use answer::{Begin, of_file, of_listing};
pub use chosen::inside;
pub use entry::Entry;
pub use error::{LibraryError, size};
pub use files::Files;
pub use listing::{LONGEST as LISTING_LIMIT, Listing};
pub use model::{Model, PIECE, Placed};
pub use name::Name;
pub use pace::Pace;
pub use record::{Record, State, hex};
