use crate::Kind;
use crate::decode::{MAX_PIXELS, MIN_SIDE};

/// Why a picture was refused. Each message is a sentence or two for whoever chose the file: what is
/// wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    #[error("{}", .0.refusal())]
    WrongKind(Kind),
    #[error("The picture is cut short: part of the file is missing. Copy or download it again.")]
    CutShort,
    #[error("The picture is damaged ({reason}). Open it in an image editor and save it again.")]
    Damaged { reason: String },
    #[error(
        "The picture uses {what}, which is not read here. Save it again as an ordinary PNG or JPEG."
    )]
    Unsupported { what: String },
    #[error(
        "The picture has {width} x {height} pixels, and at most {} megapixels are read. Save a smaller copy.",
        MAX_PIXELS / 1_000_000
    )]
    TooLarge { width: u32, height: u32 },
    #[error(
        "The picture has only {width} x {height} pixels; each side needs at least {MIN_SIDE}. Choose a larger one."
    )]
    TooSmall { width: u32, height: u32 },
    #[error(
        "There is not enough memory to open the picture. Close other pages, or save a smaller copy."
    )]
    OutOfMemory,
    #[error(
        "{have} values do not make a picture of {width} x {height} pixels; this is a fault of the program, please report it."
    )]
    WrongLength {
        have: usize,
        width: u32,
        height: u32,
    },
    #[error("A picture cannot be scaled to a side of {side} pixels. Choose 1 to {limit}.")]
    Side { side: u32, limit: u32 },
    #[error(
        "The model's picture holds values that are not numbers. Try fewer steps or a lower strength of the adapter."
    )]
    NotFinite,
    #[error("The picture could not be written as PNG ({reason}); please report this.")]
    Encode { reason: String },
}
