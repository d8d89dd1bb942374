/// Why a link was not made or not read. Each message can be shown as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    #[error(
        "The link was made by a newer Atelier than this page. Reload the page, or open the link where it was made."
    )]
    Newer,
    #[error("The link is damaged or cut short. Copy it again, whole.")]
    Damaged,
    #[error(
        "The link holds values no picture can be made with ({what}). Ask whoever made it for another."
    )]
    OutOfRange { what: &'static str },
    #[error(
        "The words are too long for a link: it would have {chars} characters, and {most} are the most. Shorten the prompt, or share the picture's file, which carries the recipe too."
    )]
    TooLong { chars: usize, most: usize },
    #[error(
        "The adapter is too large for a link: it would have {chars} characters, and {most} are the most. Train one of rank 4, or share its file."
    )]
    AdapterTooLarge { chars: usize, most: usize },
    #[error("The adapter in the link is damaged. Copy the link again, whole.")]
    AdapterDamaged,
    #[error("The adapter's file could not be read: {0}")]
    Adapter(#[from] atelier_weights::WeightsError),
}
