use burn::tensor::{Int, Tensor, module};

use crate::ModelError;
use crate::tensors::Scope;

/// A frozen table with a row an id.
#[derive(Debug, Clone)]
pub struct Embedding {
    /// [rows, width]
    weight: Tensor<2>,
}

impl Embedding {
    pub(crate) fn load(scope: &mut Scope, rows: usize, width: usize) -> Result<Self, ModelError> {
        Ok(Self {
            weight: scope.take("weight", [rows, width])?,
        })
    }

    /// ids [batch, tokens], each below the number of rows -> [batch, tokens, width]
    pub fn forward(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        module::embedding(self.weight.clone(), ids)
    }

    /// [rows, width]
    pub fn table(&self) -> Tensor<2> {
        self.weight.clone()
    }
}
