//! The engine: owns the GPU and does what the page or the command line asks.
//!
//! [`Session`] is the engine itself, the same natively and in the browser. In the browser
//! [`worker`] wraps it in the messages of `atelier-protocol`; natively `atelier-cli` calls it.

mod bench;
mod denoiser;
mod encoders;
mod enlarge;
mod error;
mod hash;
mod held;
mod keep;
mod loading;
mod mask;
mod merges;
mod pace;
mod pipeline;
pub mod recipe;
mod sampling;
mod session;
mod source;
mod watch;
#[cfg(target_arch = "wasm32")]
pub mod worker;
mod works;

pub use bench::{Whole, bench};
pub use enlarge::Enlarger;
pub use error::EngineError;
#[cfg(not(target_arch = "wasm32"))]
pub use keep::KeepFolder;
pub use keep::{Keep, Later};
pub use merges::clip_merges;
pub use pipeline::{Pipeline, Text};
pub use sampling::Sampled;
pub use session::{Given, Present, Resume, Session, TrainingEnd, TrainingEvent};
#[cfg(not(target_arch = "wasm32"))]
pub use source::Folder;
pub use source::Source;
pub use works::WorkInput;
