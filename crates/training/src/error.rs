use atelier_adapter::AdapterError;
use atelier_diffusion::DiffusionError;
use atelier_kernels::KernelError;
use atelier_models::ModelError;
use atelier_weights::WeightsError;

/// What keeps an adapter from being trained.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    #[error("There are no works to train on. Add some pictures first.")]
    NoWorks,
    #[error("The {name} must be {expected}, and it is {found}. Change it and try again.")]
    Setting {
        name: &'static str,
        expected: &'static str,
        found: String,
    },
    #[error(
        "A work's {what} has {found} values where the model takes {expected}: it was prepared for another model. Add the work again."
    )]
    Example {
        what: &'static str,
        expected: usize,
        found: usize,
    },
    #[error(
        "This is no training that was interrupted, or it was cut short. Start the training over."
    )]
    NoCheckpoint,
    #[error(
        "The works or settings are not those this training began with. Put them back, or start over."
    )]
    OtherRun,
    #[error(transparent)]
    File(#[from] WeightsError),
    #[error(transparent)]
    Kernel(#[from] KernelError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    #[error(transparent)]
    Diffusion(#[from] DiffusionError),
}
