//! What of an artist's project outlives the page: the record of it, and the zip it travels in.
//!
//! A [`Project`] is plain JSON. Whatever is large (works, adapters, pictures, the checkpoint) lies
//! in files beside it, under names that [`Project::files`] lists; the page keeps both in the
//! browser's database, and [`Zip`] and [`open`] pack both into one file and unpack it. A zip comes
//! from a stranger: names in it are never used as paths, sizes are capped before memory is taken,
//! and what is refused is refused with a sentence.

mod archive;
mod draft;
mod error;
mod record;

pub use archive::{MAX_ARCHIVE_BYTES, MAX_FILE_BYTES, Opened, Zip, open};
pub use draft::{GalleryDraft, Licence};
pub use error::ProjectError;
pub use record::{
    AdapterRecord, LossRecord, ModelRecord, PictureRecord, PreviewRecord, Project, RunRecord,
    RunState, SampleSetRecord, WorkRecord, adapter_file, base_file, checkpoint_file, hand_file,
    preview_adapter_file, preview_file, work_file,
};
