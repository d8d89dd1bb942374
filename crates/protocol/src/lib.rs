//! What the page and the engine say to each other.
//!
//! The page sends [`Request`]s to the worker, the worker answers with [`Event`]s. Both are plain
//! serde values. Bulk data (file bytes, pixels) never goes through JSON: a message carries
//! [`Buffer`] indices, and the buffers travel beside it as transferred `ArrayBuffer`s, in
//! `postMessage({ message: <json text>, buffers: [ArrayBuffer, ...] }, buffers)`.
//!
//! Tensors never cross this boundary. Start with [`Request`].

mod event;
mod request;
mod settings;

pub use event::*;
pub use request::*;
pub use settings::*;

use serde::{Deserialize, Serialize};

/// Index of a transferred `ArrayBuffer` in the message's `buffers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Buffer(pub usize);

/// Names a work within the page's life. The page hands them out and never uses one twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkId(pub u32);

/// Names a piece of work asked of the engine (a training run, a picture), so that answers that
/// come late can be told apart. The page hands them out and never uses one twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub u32);

/// 8-bit RGBA pixels, rows from the top, `4 * width * height` bytes in the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pixels {
    pub width: u32,
    pub height: u32,
    pub rgba: Buffer,
}
