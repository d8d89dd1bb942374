use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

use atelier_models::TensorMap;
use atelier_weights::{File, Limits, WeightsError, to_f32};
use burn::tensor::{Device, Tensor};

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

impl Golden {
    pub fn read(path: &str) -> Result<Self, Box<dyn Error>> {
        let bytes = std::fs::read(golden(path))?;
        let file = File::parse(&bytes, Limits::ADAPTER)?;
        let tensors = file.tensors().map(|(info, bytes)| {
            let values = to_f32(info.dtype, bytes)?;
            Ok((info.name.clone(), (info.shape.clone(), values)))
        });
        Ok(Self(tensors.collect::<Result<_, WeightsError>>()?))
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
        self.add_to(&mut map, device)?;
        Ok(map)
    }

    /// One file of several.
    pub fn add_to(self, map: &mut TensorMap, device: &Device) -> Outcome {
        for (name, (shape, values)) in self.0 {
            map.insert(&name, &shape, values, device)?;
        }
        Ok(())
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
