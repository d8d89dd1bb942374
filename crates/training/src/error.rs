use atelier_adapter::AdapterError;
use atelier_diffusion::DiffusionError;
use atelier_kernels::KernelError;
use atelier_models::ModelError;

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
    #[error(transparent)]
    Kernel(#[from] KernelError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    #[error(transparent)]
    Diffusion(#[from] DiffusionError),
}
