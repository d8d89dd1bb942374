//! Where LoRA branches can go: one walk over a model's projections serves listing, setting and clearing.

use std::fmt;

use crate::ModelError;
use crate::layers::{Conv2d, Linear};
use atelier_kernels::LowRank;

/// A layer that can have a LoRA branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdaptablePath {
    /// The module's path in diffusers, such as `down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q`.
    pub path: String,
    pub kind: ProjectionKind,
}

/// What a branch has to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectionKind {
    /// down [inputs, rank], up [rank, outputs]
    Linear { inputs: usize, outputs: usize },
    /// down [rank, inputs, kernel, kernel], up [outputs, rank, 1, 1]
    Conv {
        inputs: usize,
        outputs: usize,
        kernel: usize,
    },
}

impl ProjectionKind {
    /// Width or channels of what goes in.
    pub fn inputs(self) -> usize {
        match self {
            Self::Linear { inputs, .. } | Self::Conv { inputs, .. } => inputs,
        }
    }

    /// Width or channels of what comes out.
    pub fn outputs(self) -> usize {
        match self {
            Self::Linear { outputs, .. } | Self::Conv { outputs, .. } => outputs,
        }
    }

    /// Side of the kernel; 1 for a linear layer.
    pub fn kernel(self) -> usize {
        match self {
            Self::Linear { .. } => 1,
            Self::Conv { kernel, .. } => kernel,
        }
    }

    /// Values that go into one of its outputs.
    pub fn fan_in(self) -> usize {
        self.inputs() * self.kernel() * self.kernel()
    }
}

impl fmt::Display for ProjectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linear { inputs, outputs } => write!(f, "linear, {inputs} to {outputs}"),
            Self::Conv {
                inputs,
                outputs,
                kernel,
            } => write!(
                f,
                "convolution {kernel}x{kernel}, {inputs} to {outputs} channels"
            ),
        }
    }
}

/// A layer met on the walk.
pub(crate) enum ProjectionMut<'a> {
    Linear(&'a mut Linear),
    Conv(&'a mut Conv2d),
}

impl ProjectionMut<'_> {
    fn kind(&self) -> ProjectionKind {
        match self {
            Self::Linear(linear) => ProjectionKind::Linear {
                inputs: linear.inputs(),
                outputs: linear.outputs(),
            },
            Self::Conv(conv) => ProjectionKind::Conv {
                inputs: conv.inputs(),
                outputs: conv.outputs(),
                kernel: conv.geometry().kernel,
            },
        }
    }

    /// False if the branch does not fit.
    fn set(&mut self, branch: Option<LowRank>) -> bool {
        match self {
            Self::Linear(linear) => linear.set_branch(branch),
            Self::Conv(conv) => conv.set_branch(branch),
        }
    }
}

/// Walks over a model's modules and calls its function with each projection and its path.
pub(crate) struct Visitor<'f> {
    path: String,
    found: &'f mut dyn FnMut(&str, ProjectionMut),
}

impl Visitor<'_> {
    /// Goes into the module `name` for as long as `inside` runs.
    pub fn scope(&mut self, name: impl fmt::Display, inside: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(&name.to_string());
        inside(self);
        self.path.truncate(length);
    }

    pub fn linear(&mut self, name: &str, linear: &mut Linear) {
        self.scope(name, |v| {
            (v.found)(&v.path, ProjectionMut::Linear(linear));
        });
    }

    pub fn conv(&mut self, name: &str, conv: &mut Conv2d) {
        self.scope(name, |v| (v.found)(&v.path, ProjectionMut::Conv(conv)));
    }
}

/// A model with projections to walk over.
pub(crate) trait Projections {
    fn projections(&mut self, visitor: &mut Visitor);

    fn each_projection(&mut self, found: &mut dyn FnMut(&str, ProjectionMut)) {
        self.projections(&mut Visitor {
            path: String::new(),
            found,
        });
    }
}

/// A model that LoRA branches can be put on.
pub trait Adapt {
    /// Puts a LoRA branch on the layer at `path`, in place of the one that it may have.
    ///
    /// # Errors
    /// No such layer; factors that do not fit it.
    fn set_branch(&mut self, path: &str, branch: LowRank) -> Result<(), ModelError>;
}

impl<M: Projections> Adapt for M {
    fn set_branch(&mut self, path: &str, branch: LowRank) -> Result<(), ModelError> {
        set_branch(self, path, branch)
    }
}

/// Every layer of `model` that can have a branch, in the order of the data's way.
pub(crate) fn adaptable<M: Projections + Clone>(model: &M) -> Vec<AdaptablePath> {
    let mut paths = Vec::new();
    // The walk is by mutable reference, the one kind that serves all; a clone shares its tensors and costs little.
    model.clone().each_projection(&mut |path, projection| {
        paths.push(AdaptablePath {
            path: path.to_owned(),
            kind: projection.kind(),
        });
    });
    paths
}

/// Puts `branch` on the layer at `path`, in place of the one that it may have.
pub(crate) fn set_branch<M: Projections>(
    model: &mut M,
    path: &str,
    branch: LowRank,
) -> Result<(), ModelError> {
    let mut outcome = Err(ModelError::UnknownPath {
        path: path.to_owned(),
    });
    model.each_projection(&mut |at, mut projection| {
        if at != path {
            return;
        }
        outcome = match projection.set(Some(branch.clone())) {
            true => Ok(()),
            false => Err(ModelError::WrongBranch {
                path: path.to_owned(),
                layer: projection.kind(),
                found: shapes(&branch),
            }),
        };
    });
    outcome
}

/// Takes every branch off.
pub(crate) fn clear_branches<M: Projections>(model: &mut M) {
    model.each_projection(&mut |_, mut projection| {
        projection.set(None);
    });
}

/// The shapes of a branch's factors, for messages.
fn shapes(LowRank { down, up, .. }: &LowRank) -> String {
    format!("{:?}, {:?}", down.dims(), up.dims())
}
