use atelier_weights::WeightsError;

/// Why a model could not be had. Each message is a sentence or two for the artist: what is wrong, and
/// what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryError {
    #[error(
        "\u{201c}{given}\u{201d} is not the name of a model. Write it as the Hub does, owner/name, or paste the address of its page there."
    )]
    Name { given: String },
    #[error(
        "This page fetches models from huggingface.co and from nowhere else, so not from {host}. Download the model there yourself, then add its files here."
    )]
    Host { host: String },
    #[error(
        "The Hub shows no model {name} to the public. Check how it is spelled. If it is private, download its files there and add them here."
    )]
    NotFound { name: String },
    #[error(
        "The model {name} has no revision {revision}. Leave out what follows the @, or write another."
    )]
    NoRevision { name: String, revision: String },
    #[error(
        "The authors of {name} give it only to those who sign in on the Hub and accept their terms. This page never asks for a password: download the files there, then add them here."
    )]
    Gated { name: String },
    #[error("The Hub has been asked too often from here. Wait a few minutes, then go on.")]
    TooOften,
    #[error("{host} answered with an error ({status}). Try again later.")]
    Status { host: String, status: u16 },
    #[error(
        "{host} could not be reached. Check the connection, then go on; what has come so far is kept."
    )]
    Unreachable { host: String },
    #[error("The connection was cut. What has come so far is kept: go on when it is back.")]
    Cut,
    #[error(
        "{path} is no longer where the Hub said it was. Remove the model here, and look it up again."
    )]
    FileGone { path: String },
    #[error("The Hub's answer cannot be read ({reason}). Try again later.")]
    Answer { reason: String },
    #[error(
        "{path} is not what was published: it came whole, but its SHA-256 is another. It was thrown away. Go on to fetch it again; if it happens twice, the copy on the way is bad."
    )]
    WrongHash { path: String },
    #[error(
        "{path} has {have} bytes, and {expected} were announced. It was thrown away. Go on to fetch it again."
    )]
    WrongSize {
        path: String,
        have: u64,
        expected: u64,
    },
    #[error(
        "The model takes {}, and this browser has {}. Remove a model or a project, or free space on the disk.", size(*.needed), room(*.free)
    )]
    NoRoom {
        needed: u64,
        /// Where the browser says so.
        free: Option<u64>,
    },
    #[error(
        "The disk is full. What had come of the model was removed again. Free space or remove another model, then add it once more."
    )]
    DiskFull,
    #[error(
        "This browser gives the page no room for models, as in a private window. Open the page in an ordinary window."
    )]
    NoStorage,
    #[error("The browser could not keep the model ({reason}). Reload the page, then try again.")]
    Storage { reason: String },
    #[error(
        "Another tab of this page is fetching a model. Wait until it is done, or pause it there."
    )]
    OtherTab,
    #[error("A model is on its way already. Wait until it is there, or pause it first.")]
    Busy,
    #[error("That model is no longer here. Add it again.")]
    Gone,
    #[error("That model is not here whole yet. Go on fetching it first.")]
    NotWhole,
    #[error("The list of this visit has no such offer any more. Look the model up again.")]
    NoOffer,
    #[error("The file {path} could not be read. Perhaps it was moved or changed: choose it again.")]
    Unreadable { path: String },
    #[error(
        "This holds no model: neither a model_index.json, as diffusers folders have, nor a .safetensors checkpoint. Choose another."
    )]
    NoModel,
    #[error(
        "There are several checkpoints: {names}. Choose one of them, or paste the address of its file."
    )]
    Several { names: String },
    #[error("The model lacks {path}. It is not whole: choose another, or get it again.")]
    Missing { path: String },
    #[error(
        "The model's {part} is a {class}, which is not run here. Choose a Stable Diffusion 1.x or 2.x model."
    )]
    Class { part: &'static str, class: String },
    #[error("The model's {path} cannot be used ({reason}). Choose another model.")]
    Config { path: String, reason: String },
    #[error("{path}: {error}")]
    Weights { path: String, error: WeightsError },
}

impl LibraryError {
    /// Whether what has come so far is good and the rest may still come.
    pub fn can_go_on(&self) -> bool {
        !matches!(
            self,
            Self::DiskFull
                | Self::Weights { .. }
                | Self::Class { .. }
                | Self::Config { .. }
                | Self::Gone
        )
    }

    /// Whether the network failed, which often passes by itself.
    pub fn is_of_the_network(&self) -> bool {
        match self {
            Self::Cut | Self::Unreachable { .. } => true,
            Self::Status { status, .. } => *status >= 500,
            _ => false,
        }
    }
}

fn room(free: Option<u64>) -> String {
    match free {
        Some(free) => format!("room for {}", size(free)),
        None => "less room".to_owned(),
    }
}

/// Bytes as people write them.
pub fn size(bytes: u64) -> String {
    let value = bytes as f64;
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.0} kB", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.0} MB", value / 1e6),
        _ => format!("{:.1} GB", value / 1e9),
    }
}
