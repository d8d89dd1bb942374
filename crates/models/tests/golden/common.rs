use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

use atelier_models::TensorMap;
use burn::tensor::{Device, Tensor};
use serde::Deserialize;
use serde_json::Value;

pub type Outcome = Result<(), Box<dyn Error>>;

/// A device and the tolerance on it, largest absolute difference: sums in another order than torch's cost 1e-6 at
/// outputs of about 1, and a GPU's exp, sin and erf are good to 1e-5 at best.
pub struct Place {
    pub name: &'static str,
    pub device: Device,
    pub tolerance: f32,
}

pub fn cpu() -> Place {
    Place {
        name: "cpu",
        device: Device::flex(),
        tolerance: 1e-4,
    }
}

/// Any adapter will do, a software one (Mesa's lavapipe) too. Without one the test fails: it must not pass unseen.
pub fn gpu() -> Place {
    Place {
        name: "gpu",
        device: Device::wgpu(Default::default()),
        tolerance: 1e-3,
    }
}

/// A file of the workspace's `tests/golden`.
pub fn golden(path: &str) -> PathBuf {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden");
    PathBuf::from(root).join(path)
}

pub fn text(path: &str) -> Result<String, Box<dyn Error>> {
    Ok(std::fs::read_to_string(golden(path))?)
}

/// A safetensors file's tensors as f32: name -> (shape, values).
pub struct Golden(BTreeMap<String, (Vec<usize>, Vec<f32>)>);

/// One entry of a safetensors file's header.
#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

impl Golden {
    /// Our own files, so without the checks that `atelier-weights` makes of anybody's.
    pub fn read(path: &str) -> Result<Self, Box<dyn Error>> {
        let bytes = std::fs::read(golden(path))?;
        let (length, rest) = bytes.split_at(8);
        let (header, data) = rest.split_at(u64::from_le_bytes(length.try_into()?) as usize);
        let mut header: BTreeMap<String, Value> = serde_json::from_slice(header)?;
        header.remove("__metadata__");
        let mut tensors = BTreeMap::new();
        for (name, entry) in header {
            let entry: Entry = serde_json::from_value(entry)?;
            let [start, end] = entry.data_offsets;
            let bytes = &data[start..end];
            let values = match entry.dtype.as_str() {
                "F32" => (bytes.as_chunks().0.iter())
                    .map(|bytes| f32::from_le_bytes(*bytes))
                    .collect(),
                "I64" => (bytes.as_chunks().0.iter())
                    .map(|bytes| i64::from_le_bytes(*bytes) as f32)
                    .collect(),
                other => return Err(format!("{path}: {name} is {other}").into()),
            };
            tensors.insert(name, (entry.shape, values));
        }
        Ok(Self(tensors))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub fn values(&self, name: &str) -> Result<&[f32], Box<dyn Error>> {
        Ok(&self.0.get(name).ok_or_else(|| format!("no {name}"))?.1)
    }

    pub fn shape(&self, name: &str) -> Result<&[usize], Box<dyn Error>> {
        Ok(&self.0.get(name).ok_or_else(|| format!("no {name}"))?.0)
    }

    pub fn tensor<const D: usize>(
        &self,
        name: &str,
        device: &Device,
    ) -> Result<Tensor<D>, Box<dyn Error>> {
        let shape: [usize; D] = self.shape(name)?.try_into()?;
        Ok(Tensor::<1>::from_floats(self.values(name)?, device).reshape(shape))
    }

    /// As a model takes it.
    pub fn weights(self, device: &Device) -> Result<TensorMap, Box<dyn Error>> {
        let mut map = TensorMap::new();
        for (name, (shape, values)) in self.0 {
            map.insert(&name, &shape, values, device)?;
        }
        Ok(map)
    }
}

/// Says how far `found` is from `expected` at most, and fails if that is too far.
pub fn check<const D: usize>(
    title: &str,
    place: &Place,
    found: Tensor<D>,
    expected: &[f32],
) -> Outcome {
    let found: Vec<f32> = found.try_into_vec_as()?;
    assert_eq!(found.len(), expected.len(), "{title}: number of values");
    // NaN must not get lost in a maximum.
    let off = |(found, expected): (&f32, &f32)| match (found - expected).abs() {
        off if off.is_nan() => f32::INFINITY,
        off => off,
    };
    let worst = found.iter().zip(expected).map(off).fold(0.0, f32::max);
    let largest = expected.iter().fold(0.0_f32, |max, x| max.max(x.abs()));
    println!(
        "{title} on {}: max abs {worst:.2e} (values to {largest:.2})",
        place.name
    );
    assert!(
        worst <= place.tolerance,
        "{title} on {}: {worst} off",
        place.name
    );
    Ok(())
}
