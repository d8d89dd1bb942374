/// Why a project's file was refused. Each message can be shown as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectError {
    #[error(
        "The file is no zip archive, or it is cut short. Choose a project that was exported from this page."
    )]
    NoArchive,
    #[error(
        "The archive holds no project of Atelier. Choose a file that was exported from this page."
    )]
    NoProject,
    #[error(
        "The project was exported by a newer Atelier than this page. Reload the page, then try again."
    )]
    Newer,
    #[error("The project is damaged ({what}). Export it again where it came from.")]
    Damaged { what: &'static str },
    #[error("The project is larger than {} MB, which is more than is read here.", .most / 1_000_000)]
    TooLarge { most: u64 },
    #[error("The project could not be packed. Close other pages to free memory, then try again.")]
    NotPacked,
}
