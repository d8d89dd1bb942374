//! Training an adapter: data set, loss, loop, validation.
//!
//! Works come in as latents and embeddings, computed once by whoever has the encoders. Start with
//! [`Trainer`]; one [`Trainer::step`] is one optimizer step, so its caller decides when to stop, to
//! look at previews and to save.

mod batch;
mod checkpoint;
mod dataset;
mod error;
mod memory;
mod nearness;
mod place;
mod rate;
mod step;
mod trainer;
mod work;

#[cfg(test)]
mod golden;

pub use checkpoint::Checkpoint;
pub use dataset::{Example, TrainingSet};
pub use error::TrainingError;
pub use memory::memory;
pub use nearness::Nearness;
pub use rate::learning_rate;
pub use step::Shapes;
pub use trainer::{Settings, StepReport, Trainer};
pub use work::{Work, work};
