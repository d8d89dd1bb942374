use burn::backend::ExecutionError;

/// What can go wrong when work is handed to the device.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// A recorded computation was run with the wrong number of inputs.
    #[error("A recorded computation takes {expected} values and was given {found}.")]
    Inputs { expected: usize, found: usize },
    /// The device computes something wrong.
    #[error(
        "The graphics card's driver computes wrongly here ({what}, off by {error:.1e}). Update the driver or the browser, or use another computer: pictures made with it would be noise."
    )]
    WrongAnswer { what: String, error: f64 },
    /// The device could not carry out what it was given.
    #[error(
        "The graphics card could not finish its work ({0}). Close other programs that use it, and start again."
    )]
    Device(String),
}

impl From<ExecutionError> for KernelError {
    /// The cause, where one is told: what comes before it is said by the sentence, and after it is a backtrace.
    fn from(error: ExecutionError) -> Self {
        let text = format!("{error:?}");
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let cause = lines.find(|line| line.contains("Caused by:"));
        let cause = cause.and_then(|_| lines.next()).unwrap_or(first);
        Self::Device(cause.trim().to_string())
    }
}
