//! Weights as they lie in files: safetensors headers, streamed tensors, number formats, and the two
//! small JSON files that say where a model's parts are.
//!
//! A [`Checkpoint`] shows a single file in LDM's layout as the folders that diffusers has, tensor by
//! tensor.
//!
//! Nothing here knows a tensor library or a file system: bytes come in, typed values go out. Start
//! with [`File`] when the whole file is in memory (an adapter) and with [`Decoder`] when it comes in
//! pieces (a base model). Everything read is taken to be hostile: lengths are checked before memory
//! is asked for, and each refusal is a [`WeightsError`] whose sentence can be shown as it is.

mod checkpoint;
mod convert;
mod decoder;
mod dtype;
mod error;
mod file;
mod folder;
mod header;
mod index;
mod json;
mod kind;
mod loaders;
mod pipeline;
mod scales;
mod write;

pub use checkpoint::{Checkpoint, Family, Folder};
pub use convert::{first_non_finite, to_f16_bytes, to_f32};
pub use decoder::Decoder;
pub use dtype::Dtype;
pub use error::{WeightsError, shown};
pub use file::File;
pub use folder::{Precision, WeightsFile, choose_weights};
pub use header::{Header, Limits, TensorInfo};
pub use index::Index;
pub use kind::Kind;
pub use loaders::{Tool, Verdict, check_loaders};
pub use pipeline::{Part, Pipeline};
pub use scales::{Scales, to_f32_scaled};
pub use write::{TensorView, write};
