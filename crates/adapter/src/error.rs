use atelier_weights::WeightsError;

/// Why an adapter was refused. Each message is a sentence or two for whoever chose the file: what is
/// wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdapterError {
    /// The file itself: no safetensors, damaged, too large.
    #[error(transparent)]
    File(#[from] WeightsError),
    #[error("The file holds no LoRA factors. Choose an adapter (a LoRA) in a .safetensors file.")]
    Empty,
    #[error(
        "This is a whole model or a part of one (it has \"{key}\"), not an adapter. Load it as a model, or choose a LoRA file."
    )]
    WholeModel { key: String },
    #[error("This is {kind}, which is not read here. Choose a plain LoRA file.")]
    Unsupported { kind: &'static str },
    #[error(
        "The file has \"{key}\", which belongs to no kind of LoRA that is known here. Choose another file, or save it again with kohya's names."
    )]
    UnknownKey { key: String },
    #[error(
        "This adapter was made for another model{hint}: {unknown} of its {all} modules do not exist in the one that is loaded, the first of them \"{module}\". Load the model that it was made for, or choose another adapter."
    )]
    OtherModel {
        unknown: usize,
        all: usize,
        module: String,
        /// What its widths say of that model: empty, or begins with a comma.
        hint: String,
    },
    #[error(
        "This adapter was made for a model whose text vectors are {file} wide{family}, and this one's are {model} wide. Load the model that it was made for, or choose another adapter."
    )]
    TextWidth {
        file: usize,
        model: usize,
        /// Empty, or the family's name in brackets after a space.
        family: String,
    },
    #[error(
        "This adapter was made for another model: its \"{module}\" {does} {file} values, where this model's {does} {model}. Load the model that it was made for, or choose another adapter."
    )]
    Width {
        module: String,
        /// "takes" or "gives".
        does: &'static str,
        file: usize,
        model: usize,
    },
    #[error(
        "This adapter was made for another model: its \"{module}\" looks at {file} x {file} places, where this model's looks at {model} x {model}. Load the model that it was made for, or choose another adapter."
    )]
    Kernel {
        module: String,
        file: usize,
        model: usize,
    },
    #[error(
        "The adapter's \"{module}\" lacks its {part} factor. The file is damaged or not finished: save or download it again."
    )]
    MissingFactor {
        module: String,
        /// "down" or "up".
        part: &'static str,
    },
    #[error(
        "The adapter gives the {part} of \"{module}\" twice, so it is not plain which one counts. Save it again with the tool that made it."
    )]
    Twice { module: String, part: &'static str },
    #[error(
        "The {part} factor of \"{module}\" has the shape {shape:?}, which no LoRA has. The file is damaged: download it again."
    )]
    Shape {
        module: String,
        part: &'static str,
        shape: Vec<usize>,
    },
    #[error("The adapter's rank is 0, so it could change nothing. Use a rank of 1 or more.")]
    RankZero,
    #[error(
        "The rank of \"{module}\" is {rank}, and at most {limit} is read. Choose a smaller adapter, or resize this one."
    )]
    RankTooLarge {
        module: String,
        rank: usize,
        limit: usize,
    },
    #[error(
        "The factors of \"{module}\" have different ranks: down {down}, up {up}. The file is damaged: download it again."
    )]
    Ranks {
        module: String,
        down: usize,
        up: usize,
    },
    #[error(
        "The {part} of \"{module}\" holds values that are not numbers (NaN or infinity), so every picture would be spoilt. Train it again with a lower learning rate, or choose another adapter."
    )]
    NotFinite { module: String, part: &'static str },
    #[error(
        "The model has two modules, \"{first}\" and \"{second}\", whose names are the same in kohya's spelling, so an adapter cannot tell them apart; this is a fault of the program, please report it."
    )]
    Ambiguous { first: String, second: String },
    #[error(
        "The module \"{module}\" has no name in kohya's spelling (only unet, text_encoder and text_encoder_2 have); this is a fault of the program, please report it."
    )]
    NoName { module: String },
}
