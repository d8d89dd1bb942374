use crate::Kind;

/// Why a file of weights was refused. Each message is a sentence or two for whoever chose the file:
/// what is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    #[error("{}", .0.refusal())]
    WrongKind(Kind),
    #[error("The file is cut short: {have} of {need} bytes are there. Download or copy it again.")]
    CutShort { have: u64, need: u64 },
    #[error(
        "The file goes on for {extra} bytes after its last tensor, so it is damaged. Download or copy it again."
    )]
    TooLong { extra: u64 },
    #[error(
        "The file's header claims {bytes} bytes, and at most {limit} are read. It is damaged, or not a safetensors file."
    )]
    HeaderTooLong { bytes: u64, limit: u64 },
    #[error("The file's header cannot be read ({reason}). Download or copy the file again.")]
    Header { reason: String },
    #[error(
        "The file lists more than {limit} tensors, which no model of ours has. Choose another file."
    )]
    TooManyTensors { limit: usize },
    #[error(
        "The file lists \"{name}\" twice, so it is not plain which one counts. Save it again with the tool that made it."
    )]
    Duplicate { name: String },
    #[error(
        "Tensor \"{name}\" is stored as {dtype}, which is not read here. Save the file again as F16 or F32."
    )]
    Dtype { name: String, dtype: String },
    #[error(
        "Tensor \"{name}\" has a shape too large to be true. The file is damaged: download or copy it again."
    )]
    Shape { name: String },
    #[error(
        "Tensor \"{name}\" should take {expected} bytes by its shape, but the file gives it {given}. The file is damaged: download or copy it again."
    )]
    SizeMismatch {
        name: String,
        expected: u64,
        given: u64,
    },
    #[error(
        "Tensor \"{name}\" does not begin where the one before it ends. The file is damaged: download or copy it again."
    )]
    NotContiguous { name: String },
    #[error(
        "Tensor \"{name}\" takes {bytes} bytes, and at most {limit} are read at once. Choose a smaller model."
    )]
    TensorTooLarge {
        name: String,
        bytes: u64,
        limit: u64,
    },
    #[error(
        "The file holds {bytes} bytes of weights, and at most {limit} are read. Choose a smaller one."
    )]
    TooLarge { bytes: u64, limit: u64 },
    #[error(
        "There is not enough memory for {bytes} bytes of weights. Close other pages, or choose a smaller model."
    )]
    OutOfMemory { bytes: u64 },
    #[error(
        "A tensor of {bytes} bytes cannot hold whole {dtype} values. The file is damaged: download or copy it again."
    )]
    Ragged { bytes: u64, dtype: &'static str },
    #[error(
        "The scales of \"{name}\" do not fit its 8-bit numbers. The file is damaged: download or copy it again."
    )]
    Scales { name: String },
    #[error("A value of {value} does not fit into 16 bits. Save the file with 32 bits instead.")]
    TooLargeForF16 { value: String },
    #[error("{file} cannot be read ({reason}). Download or copy the model again.")]
    Json { file: &'static str, reason: String },
    #[error(
        "{file} points to \"{name}\", which is not a plain name of a safetensors file. Choose another model."
    )]
    ShardName { file: &'static str, name: String },
    #[error("This is {family}, which is not run here. Choose a Stable Diffusion 1.x or 2.x model.")]
    Family { family: &'static str },
    #[error(
        "The file lacks {parts}. Choose the whole model in one file, or a diffusers folder that has all parts."
    )]
    MissingParts { parts: String },
    #[error(
        "The model's {part} lacks \"{name}\"{}. The file is not whole: download or copy it again, or choose another.", and_more(*.more)
    )]
    MissingTensors {
        part: &'static str,
        name: String,
        /// How many besides.
        more: usize,
    },
    #[error(
        "The model's {part} has a tensor \"{name}\" that Stable Diffusion 1.x and 2.x have not, so it is another kind of model. Choose one of those."
    )]
    UnknownTensor { part: &'static str, name: String },
    #[error(
        "The model's \"{name}\" has the shape {shape}, which does not fit the rest of it. The file is damaged, or put together of parts that do not belong together: choose another."
    )]
    WrongShape { name: String, shape: String },
    #[error(
        "The UNet was made for text embeddings of width {unet}, and the text encoder gives {text}. The file is put together of parts that do not belong together: choose another."
    )]
    WidthsDiffer { unet: usize, text: usize },
    #[error("{}", if *.pickles {
        "The folder has its weights only as Python pickles (.bin, .ckpt, .pt), which can run code when they are opened, so they are never read. Choose a model that has .safetensors files."
    } else {
        "The folder has no file of weights. Choose a folder that has .safetensors files."
    })]
    NoWeights { pickles: bool },
}

fn and_more(more: usize) -> String {
    match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    }
}

impl WeightsError {
    pub(crate) fn header(reason: impl Into<String>) -> Self {
        Self::Header {
            reason: reason.into(),
        }
    }
}

/// A name from a file, fit to be put into a sentence: at most 80 characters, control characters
/// and quotes replaced.
pub fn shown(name: &str) -> String {
    const LONGEST: usize = 80;
    let mut out: String = name
        .chars()
        .take(LONGEST)
        .map(|c| match c {
            '"' => '\'',
            // Directional marks would let a name rewrite the sentence around it.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '?',
            c if c.is_control() => '?',
            c => c,
        })
        .collect();
    if name.chars().nth(LONGEST).is_some() {
        out.push('…');
    }
    out
}
