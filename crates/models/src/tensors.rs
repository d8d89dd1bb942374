use std::collections::BTreeMap;

use atelier_kernels::{FrozenWeight, Precision};
use burn::tensor::{Device, Tensor};

use crate::ModelError;

/// A model's weights by their published names, each already on the device, until the model takes them.
///
/// Weights arrive one by one (streamed from disk or network) and each is let go on the host as soon as it is
/// inserted, so that a model is never whole in the host's memory.
#[derive(Default)]
pub struct TensorMap {
    /// name -> (shape, what is held of it)
    tensors: BTreeMap<String, (Vec<usize>, Held)>,
    precision: Precision,
}

enum Held {
    /// In row-major order.
    Values(Tensor<1>),
    /// Packed when it came, so that a model is never whole in f32 on the device.
    Weight(FrozenWeight),
}

impl TensorMap {
    /// Weights of layers will be kept in f32.
    pub fn new() -> Self {
        Self::default()
    }

    /// Weights of layers will be kept in `precision`.
    pub fn in_precision(precision: Precision) -> Self {
        Self {
            precision,
            ..Self::default()
        }
    }

    /// Puts `values` (row-major, as many as `shape` says) on the device under `name`.
    ///
    /// # Errors
    /// A name that is there already; a count that is not the shape's.
    pub fn insert(
        &mut self,
        name: &str,
        shape: &[usize],
        values: Vec<f32>,
        device: &Device,
    ) -> Result<(), ModelError> {
        check_count(name, shape, values.len())?;
        self.insert_flat(name, shape, Tensor::from_floats(values.as_slice(), device))
    }

    /// As [`insert`](Self::insert), for values that are on the device already.
    pub fn insert_flat(
        &mut self,
        name: &str,
        shape: &[usize],
        values: Tensor<1>,
    ) -> Result<(), ModelError> {
        let [count] = values.dims();
        check_count(name, shape, count)?;
        let packs = self.precision != Precision::F32 && is_layers(name, shape);
        let held = match packs {
            true => Held::Weight(frozen(values, shape, self.precision)),
            false => Held::Values(values),
        };
        let previous = self.tensors.insert(name.to_owned(), (shape.to_vec(), held));
        match previous {
            None => Ok(()),
            Some(_) => Err(ModelError::DuplicateTensor {
                name: name.to_owned(),
            }),
        }
    }

    /// Calls tensors by the names that `name` gives for theirs, where it gives one.
    ///
    /// # Errors
    /// Two of one name.
    pub(crate) fn rename(
        &mut self,
        name: impl Fn(&str) -> Option<String>,
    ) -> Result<(), ModelError> {
        for (old, tensor) in std::mem::take(&mut self.tensors) {
            let name = name(&old).unwrap_or(old);
            if self.tensors.insert(name.clone(), tensor).is_some() {
                return Err(ModelError::DuplicateTensor { name });
            }
        }
        Ok(())
    }

    /// Moves tensor `name` out.
    ///
    /// # Errors
    /// No tensor of that name (any more), or one of another shape.
    pub fn take<const D: usize>(
        &mut self,
        name: &str,
        expected: [usize; D],
    ) -> Result<Tensor<D>, ModelError> {
        match self.remove(name, &expected)? {
            Held::Values(values) => Ok(values.reshape(expected)),
            Held::Weight(_) => Err(wrong_shape(name, &expected, &[])),
        }
    }

    /// Moves a layer's weight out: [outputs, inputs] or [outputs, inputs, kernel, kernel].
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub(crate) fn take_weight(
        &mut self,
        name: &str,
        expected: &[usize],
    ) -> Result<FrozenWeight, ModelError> {
        Ok(match self.remove(name, expected)? {
            Held::Values(values) => frozen(values, expected, self.precision),
            Held::Weight(weight) => weight,
        })
    }

    fn remove(&mut self, name: &str, expected: &[usize]) -> Result<Held, ModelError> {
        let Some((shape, held)) = self.tensors.remove(name) else {
            return Err(ModelError::MissingTensor {
                name: name.to_owned(),
            });
        };
        match shape == expected {
            true => Ok(held),
            false => Err(wrong_shape(name, expected, &shape)),
        }
    }

    /// The names that nothing has taken so far.
    pub fn unused(&self) -> Vec<String> {
        self.tensors.keys().cloned().collect()
    }

    /// Ends a load: whatever is left, other than what `ignorable` lets pass, shows that the file is of another model.
    pub(crate) fn finish(self, ignorable: impl Fn(&str) -> bool) -> Result<(), ModelError> {
        let left: Vec<&String> = self
            .tensors
            .keys()
            .filter(|name| !ignorable(name))
            .collect();
        match left.first() {
            None => Ok(()),
            Some(first) => Err(ModelError::UnusedTensors {
                count: left.len(),
                first: (*first).clone(),
            }),
        }
    }
}

/// Whether a tensor is the weight of a linear layer or a convolution, and not a table whose rows are looked up.
fn is_layers(name: &str, shape: &[usize]) -> bool {
    let is_table = name.ends_with("_embedding.weight") || name.ends_with("_embeddings.weight");
    matches!(shape.len(), 2 | 4) && !is_table
}

/// [outputs, inputs] or [outputs, inputs, kernel, kernel] as [outputs, taps, inputs].
fn frozen(values: Tensor<1>, shape: &[usize], precision: Precision) -> FrozenWeight {
    let [outputs, inputs] = [shape[0], shape[1]];
    let taps = shape[2..].iter().product();
    let turned = values.reshape([outputs, inputs, taps]).swap_dims(1, 2);
    FrozenWeight::new(turned, precision)
}

fn wrong_shape(name: &str, expected: &[usize], found: &[usize]) -> ModelError {
    ModelError::WrongShape {
        name: name.to_owned(),
        expected: expected.to_vec(),
        found: found.to_vec(),
    }
}

fn check_count(name: &str, shape: &[usize], found: usize) -> Result<(), ModelError> {
    let count = shape
        .iter()
        .try_fold(1_usize, |count, &size| count.checked_mul(size));
    if count == Some(found) && found > 0 {
        return Ok(());
    }
    Err(ModelError::WrongCount {
        name: name.to_owned(),
        shape: shape.to_vec(),
        found,
    })
}

/// A [`TensorMap`] seen from one module: names are relative to the module's path.
pub(crate) struct Scope<'a> {
    tensors: &'a mut TensorMap,
    path: String,
}

impl<'a> Scope<'a> {
    pub fn root(tensors: &'a mut TensorMap) -> Self {
        Self {
            tensors,
            path: String::new(),
        }
    }

    /// The module `name` (which may have dots, as in `to_out.0`) below this one.
    pub fn child(&mut self, name: impl std::fmt::Display) -> Scope<'_> {
        let path = format!("{}{name}.", self.path);
        Scope {
            tensors: &mut *self.tensors,
            path,
        }
    }

    /// A layer's weight, "weight": [outputs, inputs] or [outputs, inputs, kernel, kernel].
    pub fn weight(&mut self, expected: &[usize]) -> Result<FrozenWeight, ModelError> {
        let name = format!("{}weight", self.path);
        self.tensors.take_weight(&name, expected)
    }

    pub fn take<const D: usize>(
        &mut self,
        name: &str,
        expected: [usize; D],
    ) -> Result<Tensor<D>, ModelError> {
        let name = format!("{}{name}", self.path);
        self.tensors.take(&name, expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hands_out_each_tensor_once_and_names_what_is_left() -> Result<(), ModelError> {
        let device = Device::flex();
        let mut tensors = TensorMap::new();
        tensors.insert("a.weight", &[2, 3], vec![0.0; 6], &device)?;
        tensors.insert("b.weight", &[1], vec![0.0], &device)?;
        assert_eq!(tensors.take("a.weight", [2, 3])?.dims(), [2, 3]);
        assert_eq!(tensors.unused(), ["b.weight"]);
        assert!(matches!(
            tensors.take("a.weight", [2, 3]),
            Err(ModelError::MissingTensor { name }) if name == "a.weight"
        ));
        assert!(matches!(
            tensors.finish(|_| false),
            Err(ModelError::UnusedTensors { count: 1, first }) if first == "b.weight"
        ));
        Ok(())
    }

    #[test]
    fn refuses_shapes_that_lie() {
        let device = Device::flex();
        let mut tensors = TensorMap::new();
        for shape in [&[2, 3][..], &[0], &[usize::MAX, 2]] {
            let inserted = tensors.insert("w", shape, vec![0.0; 5], &device);
            assert!(matches!(inserted, Err(ModelError::WrongCount { .. })));
        }
        assert!(tensors.insert("w", &[5], vec![0.0; 5], &device).is_ok());
        assert!(matches!(
            tensors.insert("w", &[5], vec![0.0; 5], &device),
            Err(ModelError::DuplicateTensor { .. })
        ));
        assert!(matches!(
            tensors.take("w", [1, 5]),
            Err(ModelError::WrongShape { .. })
        ));
    }
}
