use crate::adapt::ProjectionKind;

/// What can be wrong with a model's files. Each sentence says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error(
        "the weights have no tensor \"{name}\": the file is not complete, or belongs to another config.json; load the two that were published together"
    )]
    MissingTensor { name: String },

    #[error(
        "tensor \"{name}\" has shape {found:?} where its config.json asks for {expected:?}: load the weights and the config.json that were published together"
    )]
    WrongShape {
        name: String,
        expected: Vec<usize>,
        found: Vec<usize>,
    },

    #[error(
        "the weights have {count} tensors that the model does not use, the first of them \"{first}\": they belong to another kind of model; load the config.json that was published with them"
    )]
    UnusedTensors { count: usize, first: String },

    #[error("the weights have tensor \"{name}\" twice: load an intact copy of the file")]
    DuplicateTensor { name: String },

    #[error(
        "tensor \"{name}\" of shape {shape:?} came with {found} values: load an intact copy of the file"
    )]
    WrongCount {
        name: String,
        shape: Vec<usize>,
        found: usize,
    },

    #[error(
        "{model}: the option \"{option}\" is {value} in config.json, and only {supported} is supported: choose a model without it"
    )]
    UnsupportedOption {
        model: &'static str,
        option: String,
        value: String,
        supported: String,
    },

    #[error(
        "{model}: config.json makes no model, {problem}: get the file again from where the model was published"
    )]
    BadConfig {
        model: &'static str,
        problem: String,
    },

    #[error(
        "{file} cannot be read as JSON of the expected form ({problem}): get the file again from where the model was published"
    )]
    BadJson { file: &'static str, problem: String },

    #[error("the model has no layer \"{path}\": the adapter was made for another model")]
    UnknownPath { path: String },

    #[error(
        "the adapter's factors for \"{path}\" have shapes {found}, which do not fit that layer ({layer}): the adapter was made for another model"
    )]
    WrongBranch {
        path: String,
        layer: ProjectionKind,
        found: String,
    },
}
