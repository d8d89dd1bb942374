//! What can be wrong with a tokenizer's files or a prompt.

/// Every error of this crate. Each message is a sentence for the person at the page, and says what
/// to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error(
        "The model's {file} cannot be read ({problem}). Get the file again from where the model was published."
    )]
    BadJson { file: &'static str, problem: String },

    #[error("The model's tokenizer cannot be used: {problem}.")]
    Tokenizer { problem: String },

    #[error("The prompt has {got} bytes, and at most {most} are read. Shorten it.")]
    PromptTooLong { got: usize, most: usize },

    #[error(
        "The prompt takes more than {most} times the {length} tokens that the text encoder reads at once. Shorten it."
    )]
    TooManyChunks { most: usize, length: usize },
}

pub(crate) fn problem(text: impl Into<String>) -> TextError {
    TextError::Tokenizer {
        problem: text.into(),
    }
}

pub(crate) fn bad_json(file: &'static str, error: &serde_json::Error) -> TextError {
    let text = error.to_string();
    // A name or value from the file may be in it; a sentence has room for so much.
    TextError::BadJson {
        file,
        problem: text
            .chars()
            .map(|c| if c.is_control() { '?' } else { c })
            .take(160)
            .collect(),
    }
}
