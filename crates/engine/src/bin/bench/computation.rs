//! A closure from one flat buffer to another, run each time or recorded and replayed.

use atelier_kernels::{KernelError, Recorded, VIEW_ALIGNMENT, upload, view};
use burn::tensor::{Device, Tensor};
use wasm_bindgen::JsError;

pub enum Computation {
    Eager(Device, Box<dyn Fn(Tensor<1>) -> Tensor<1>>),
    Replayed(Recorded),
}

impl Computation {
    /// # Errors
    /// When the device fails, or refuses to replay what is to be replayed.
    pub async fn new(
        device: &Device,
        replayed: bool,
        example: &[f32],
        closure: impl Fn(Tensor<1>) -> Tensor<1> + 'static,
    ) -> Result<Self, JsError> {
        if !replayed {
            return Ok(Self::Eager(device.clone(), Box::new(closure)));
        }
        let recorded = Recorded::new(device, example, closure).await?;
        match recorded.is_replayed() {
            true => Ok(Self::Replayed(recorded)),
            false => Err(JsError::new("The device does not replay it as it runs it.")),
        }
    }

    pub async fn run(&mut self, inputs: &[f32]) -> Result<Vec<f32>, KernelError> {
        match self {
            Self::Eager(device, closure) => {
                let output = closure(upload(inputs, device)).into_data_async().await?;
                Ok(output.iter::<f32>().collect())
            }
            Self::Replayed(recorded) => recorded.run_and_read(inputs).await,
        }
    }
}

/// Where parts of these lengths lie in a flat buffer: start and length of each.
#[derive(Clone)]
pub struct Parts(Vec<(usize, usize)>);

impl Parts {
    pub fn new(lengths: impl IntoIterator<Item = usize>) -> Self {
        let mut end = 0;
        let place = |length: usize| {
            let start = end;
            end = (start + length).next_multiple_of(VIEW_ALIGNMENT);
            (start, length)
        };
        Self(lengths.into_iter().map(place).collect())
    }

    /// The buffer with zero in it.
    pub fn zeros(&self) -> Vec<f32> {
        let end = self.0.last().map_or(0, |(start, length)| start + length);
        vec![0.0; end.next_multiple_of(VIEW_ALIGNMENT)]
    }

    /// The buffer with `parts` in their places, zero between them.
    ///
    /// # Errors
    /// When the lengths are not those it was made with.
    pub fn gather<const N: usize>(&self, parts: [&[f32]; N]) -> Result<Vec<f32>, JsError> {
        let lengths = self.0.iter().map(|(_, length)| *length);
        if !lengths.eq(parts.iter().map(|part| part.len())) {
            return Err(JsError::new("The page gave inputs of another size."));
        }
        let mut flat = self.zeros();
        for ((start, length), part) in self.0.iter().zip(parts) {
            flat[*start..start + length].copy_from_slice(part);
        }
        Ok(flat)
    }

    pub fn view(&self, flat: &Tensor<1>, part: usize) -> Tensor<1> {
        let (start, length) = self.0[part];
        view(flat.clone(), start, length)
    }
}
