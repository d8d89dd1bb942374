use std::{fmt, io, path::Path};

pub type Result<T> = std::result::Result<T, Error>;

/// What stopped a command. Each says what to do next where that is known.
#[derive(Debug)]
pub enum Error {
    /// The command line makes no sense.
    Usage(String),
    /// Something needed is not there and could not be installed from here.
    Missing { what: String, remedy: String },
    /// A program could not be started at all.
    NotStarted { program: String, source: io::Error },
    /// A program ended with something other than success.
    Failed { command: String, code: Option<i32> },
    /// Reading or writing a file.
    File { path: String, source: io::Error },
    /// Anything else, in a sentence.
    Other(String),
}

impl Error {
    pub fn file(path: &Path, source: io::Error) -> Self {
        Error::File {
            path: path.display().to_string(),
            source,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(message) | Error::Other(message) => f.write_str(message),
            Error::Missing { what, remedy } => write!(f, "{what} is missing. {remedy}"),
            Error::NotStarted { program, source } => {
                write!(
                    f,
                    "`{program}` could not be started ({source}). Is it installed and on PATH?"
                )
            }
            Error::Failed { command, code } => match code {
                Some(code) => write!(
                    f,
                    "`{command}` failed with exit code {code}; what it printed is above."
                ),
                None => write!(f, "`{command}` was ended by a signal."),
            },
            Error::File { path, source } => write!(f, "{path}: {source}"),
        }
    }
}

impl std::error::Error for Error {}
