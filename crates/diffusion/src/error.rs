//! What can be wrong with a schedule or a request, and what to do about it.

/// Every error of this crate. Each message is a sentence for the person at the page, and says what
/// to do.
#[derive(Debug, thiserror::Error)]
pub enum DiffusionError {
    #[error(
        "The model's scheduler_config.json cannot be used ({0}). Take the file as diffusers saves it, or choose \
         another model."
    )]
    Config(#[from] serde_json::Error),

    #[error(
        "The model's schedule has {got} training timesteps; between {least} and {most} are possible. Correct \
         num_train_timesteps in its scheduler_config.json, or choose another model."
    )]
    TrainTimesteps {
        got: usize,
        least: usize,
        most: usize,
    },

    #[error(
        "The model's noise schedule is broken: {name} is {value}, and must lie between 0 and 1, both excluded. \
         Correct it in scheduler_config.json, or choose another model."
    )]
    Beta { name: &'static str, value: f64 },

    #[error(
        "The model's noise schedule lists {got} betas for {expected} training timesteps. Correct trained_betas in \
         its scheduler_config.json, or choose another model."
    )]
    TrainedBetas { got: usize, expected: usize },

    #[error("{got} steps cannot be made with this sampler and model. Choose between 1 and {most}.")]
    Steps { got: usize, most: usize },

    #[error(
        "The strength is {0}. Choose more than 0 (the picture stays as it is) and at most 1 (it is drawn anew)."
    )]
    Strength(f64),

    #[error(
        "DDIM's eta is {0}. Choose between 0 (no noise is added on the way) and 1 (as much as in training)."
    )]
    Eta(f64),

    #[error(
        "{got} numbers were given for {expected} of a picture's latents. This is a fault in Atelier: please report it."
    )]
    Length { got: usize, expected: usize },

    #[error("Min-SNR's gamma is {0}. Choose a number above 0; the paper's is 5.")]
    Gamma(f64),

    #[error(
        "Timestep {got} does not exist; the model was trained on 0 to {last}. Choose one of those."
    )]
    Timestep { got: usize, last: usize },

    #[error(
        "The model predicts noise, and its schedule starts from noise alone, of which that says nothing. Choose \
         Euler or DPM++ 2M, or set prediction_type to v_prediction in scheduler_config.json if it was trained so."
    )]
    NoiseAtZeroSnr,

    #[error(
        "The model's noise schedule leads to numbers too large to compute with, at timestep {timestep}. Correct \
         its scheduler_config.json, choose fewer steps, or choose another model."
    )]
    TooLarge { timestep: f64 },
}
