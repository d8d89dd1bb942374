use atelier_adapter::AdapterError;
use atelier_diffusion::DiffusionError;
use atelier_kernels::KernelError;
use atelier_library::LibraryError;
use atelier_models::ModelError;
use atelier_pictures::PictureError;
use atelier_text::TextError;
use atelier_training::TrainingError;
use atelier_weights::WeightsError;

/// Why the engine could not do what it was asked. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A file of the model could not be had.
    #[error(
        "The model's {path} could not be read: {reason}. Check that the model is complete where it was put, then load it again."
    )]
    Missing { path: String, reason: String },
    /// A file of the model is larger than it may be.
    #[error(
        "The model's {path} is larger than {limit} bytes, so it is not what its name says. Get the model again from where it was published."
    )]
    TooLarge { path: String, limit: u64 },
    /// A small file of the model is not what it should be.
    #[error("The model's {path} cannot be used: {reason}")]
    Config { path: String, reason: String },
    #[error(
        "The model's {part} is a {class}, which is not known here. Choose a model whose {part} is a {expected}."
    )]
    Class {
        part: &'static str,
        class: String,
        expected: &'static str,
    },
    #[error("{path}: {error}")]
    Weights { path: String, error: WeightsError },
    #[error("{path}: {error}")]
    Model { path: String, error: ModelError },
    #[error("There is no model yet. Load one first.")]
    NoModel,
    #[error("There is no adapter yet. Train one, or load one from a file.")]
    NoAdapter,
    #[error("The {name} must be {expected}, and it is {found}. Change it and try again.")]
    Setting {
        name: &'static str,
        expected: &'static str,
        found: String,
    },
    #[error(
        "The side of a picture must be a multiple of {least} pixels and at most {most}, and it is {found}. Change it and try again."
    )]
    Size {
        least: usize,
        most: usize,
        found: usize,
    },
    #[error("One of the works could not be found any more. Remove it and add it again.")]
    NoSuchWork,
    /// The sampler's result had values that are no numbers.
    #[error(
        "The picture came out as no numbers at step {step}. Make it again with less guidance or strength."
    )]
    NotFinite { step: u32 },
    /// The autoencoder's result had values that are no numbers.
    #[error(
        "The picture came out as no numbers when it was decoded. Make it again with another seed; if that does not help, choose another model."
    )]
    NoPicture,
    /// The artist asked to stop.
    #[error("It was stopped.")]
    Stopped,
    #[error(transparent)]
    Library(#[from] LibraryError),
    #[error(transparent)]
    Picture(#[from] PictureError),
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    #[error(transparent)]
    Diffusion(#[from] DiffusionError),
    #[error(transparent)]
    Kernel(#[from] KernelError),
    #[error(transparent)]
    Network(#[from] ModelError),
    #[error(transparent)]
    Training(#[from] TrainingError),
    #[error(transparent)]
    File(#[from] WeightsError),
    #[error(transparent)]
    Text(#[from] TextError),
}
