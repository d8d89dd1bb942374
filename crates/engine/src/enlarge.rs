//! Pictures made larger when they are saved.

use atelier_models::{TensorMap, Upscaler};
use atelier_pictures::{Recipe, Rgb, decode, recipe};
use atelier_weights::{File, Limits, to_f32};
use burn::tensor::{Device, Tensor};

use crate::{error::EngineError, source::Source};

/// The network's file, in its folder.
const FILE: &str = "upscaler.safetensors";
const FILE_LIMIT: u64 = 1 << 20;
/// Side of the largest picture that is made.
const MOST: u32 = 2048;
/// Shown where a picture has transparency; those made here have none.
const BACKGROUND: [u8; 3] = [255; 3];

/// The network, on its device.
pub struct Enlarger {
    upscaler: Upscaler,
    device: Device,
}

impl Enlarger {
    /// Loads the network from its folder.
    ///
    /// # Errors
    /// When the file is not there or not the network's.
    pub async fn load(source: &impl Source, device: &Device) -> Result<Self, EngineError> {
        let bytes = source.read(FILE, FILE_LIMIT).await?;
        let mut tensors = TensorMap::new();
        for (info, bytes) in File::parse(&bytes, Limits::ADAPTER)?.tensors() {
            let values = to_f32(info.dtype, bytes)?;
            tensors.insert(&info.name, &info.shape, values, device)?;
        }
        Ok(Self {
            upscaler: Upscaler::load(tensors)?,
            device: device.clone(),
        })
    }

    /// `png` as a PNG of at least `side` pixels a side, doubled as often as that takes, with its recipe.
    ///
    /// # Errors
    /// What is no picture, a side beyond 2,048, a device that fails.
    pub async fn enlarge(&self, png: &[u8], side: u32) -> Result<Vec<u8>, EngineError> {
        if side > MOST {
            return Err(EngineError::Setting {
                name: "side of the saved picture",
                expected: "at most 2048",
                found: side.to_string(),
            });
        }
        // A picture that is not a PNG of ours has no recipe to keep.
        let recipe = recipe(png).unwrap_or_else(|_| Recipe::default());
        let picture = decode(png)?;
        let square = picture.square(0.5, picture.width().min(picture.height()), BACKGROUND)?;
        let mut now = square.width();
        let values = square.to_nchw();
        let shape = [1, 3, now as usize, now as usize];
        let mut x = Tensor::<1>::from_floats(&values[..], &self.device).reshape(shape);
        x = (x + 1.0) / 2.0;
        while now < side {
            x = self.upscaler.forward(x);
            now *= 2;
        }
        let data = (x * 2.0 - 1.0)
            .flatten::<1>(0, 3)
            .into_data_async()
            .await
            .map_err(atelier_kernels::KernelError::from)?;
        let values: Vec<f32> = data.iter::<f32>().collect();
        Ok(Rgb::from_nchw(&values, now, now)?.to_png(&recipe)?)
    }
}
