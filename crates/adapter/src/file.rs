//! Adapter files: what is in one, reading and checking it, writing it.

use std::collections::BTreeMap;

use atelier_weights::{Dtype, TensorView, WeightsError, to_f16_bytes, to_f32, write};

use crate::error::AdapterError;
use crate::names;

mod fit;
mod read;
mod sound;

/// A LoRA as it lies in a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AdapterFile {
    /// By the module's diffusers path with its folder, for example
    /// `unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q`.
    pub modules: BTreeMap<String, Module>,
    /// As the file has it; [`Metadata`](crate::Metadata) makes sense of it.
    pub metadata: BTreeMap<String, String>,
}

/// The two factors on one module. The weight changes by `scale * up @ down`.
#[derive(Clone, Debug, PartialEq)]
pub struct Module {
    /// `[rank, inputs]`, or `[rank, inputs, kernel, kernel]` on a convolution.
    pub down: Factor,
    /// `[outputs, rank]`, or `[outputs, rank, 1, 1]` on a convolution.
    pub up: Factor,
    /// The scale is `alpha / rank`; 1 without alpha.
    pub alpha: Option<f32>,
}

/// A tensor on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct Factor {
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f32>,
}

impl Module {
    pub fn rank(&self) -> usize {
        self.down.shape.first().copied().unwrap_or(0)
    }

    /// Channels that the module takes.
    pub fn inputs(&self) -> usize {
        self.down.shape.get(1).copied().unwrap_or(0)
    }

    /// Channels that the module gives.
    pub fn outputs(&self) -> usize {
        self.up.shape.first().copied().unwrap_or(0)
    }

    /// Side of the convolution's kernel; 1 for a linear module.
    pub fn kernel(&self) -> usize {
        self.down.shape.get(2).copied().unwrap_or(1)
    }

    /// `alpha / rank`, or 1.
    pub fn scale(&self) -> f32 {
        self.alpha
            .map_or(1.0, |alpha| alpha / self.rank().max(1) as f32)
    }
}

impl AdapterFile {
    /// The file in kohya's spelling, F16, with alpha on every module: what all tools load. The same
    /// content gives the same bytes. Rank, alpha and network module are added to the metadata.
    ///
    /// # Errors
    /// When the content is not a sound adapter, by the rules of [`AdapterFile::read`], or a value is
    /// too large for F16.
    pub fn write(&self) -> Result<Vec<u8>, AdapterError> {
        self.write_with(Dtype::F16, to_f16_bytes)
    }

    /// As [`AdapterFile::write`], in F32: twice the size, nothing rounded.
    pub fn write_f32(&self) -> Result<Vec<u8>, AdapterError> {
        self.write_with(Dtype::F32, |values| Ok(f32_bytes(values)))
    }

    fn write_with(
        &self,
        dtype: Dtype,
        convert: impl Fn(&[f32]) -> Result<Vec<u8>, WeightsError>,
    ) -> Result<Vec<u8>, AdapterError> {
        let two_encoders = self
            .modules
            .keys()
            .any(|path| path.starts_with("text_encoder_2."));
        let mut tensors = Vec::with_capacity(3 * self.modules.len());
        for (path, module) in &self.modules {
            module.check(path)?;
            let name = names::kohya(path, two_encoders)?;
            let alpha = module.alpha.unwrap_or(module.rank() as f32);
            let (alpha_dtype, alpha) = if dtype == Dtype::F16 && is_exact_in_f16(alpha) {
                (Dtype::F16, to_f16_bytes(&[alpha])?)
            } else {
                (Dtype::F32, f32_bytes(&[alpha]))
            };
            tensors.push((format!("{name}.alpha"), alpha_dtype, [].as_slice(), alpha));
            for (part, factor) in [("lora_down", &module.down), ("lora_up", &module.up)] {
                let key = format!("{name}.{part}.weight");
                tensors.push((
                    key,
                    dtype,
                    factor.shape.as_slice(),
                    convert(&factor.values)?,
                ));
            }
        }
        if tensors.is_empty() {
            return Err(AdapterError::Empty);
        }
        let views: Vec<TensorView<'_>> = tensors
            .iter()
            .map(|(name, dtype, shape, bytes)| TensorView {
                name,
                dtype: *dtype,
                shape,
                bytes,
            })
            .collect();
        Ok(write(&views, &self.full_metadata())?)
    }

    /// The metadata and what the modules themselves say.
    fn full_metadata(&self) -> BTreeMap<String, String> {
        let mut metadata = self.metadata.clone();
        let rank = self.modules.values().map(Module::rank).max().unwrap_or(0);
        let alpha = self
            .modules
            .values()
            .map(|module| module.scale() * rank as f32)
            .fold(0.0, f32::max);
        metadata.insert("ss_network_module".into(), "networks.lora".into());
        metadata.insert("ss_network_dim".into(), rank.to_string());
        metadata.insert("ss_network_alpha".into(), alpha.to_string());
        metadata
    }
}

fn f32_bytes(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// Whether F16 holds a value without rounding.
fn is_exact_in_f16(value: f32) -> bool {
    to_f16_bytes(&[value])
        .and_then(|bytes| to_f32(Dtype::F16, &bytes))
        .is_ok_and(|back| back == [value])
}

#[cfg(test)]
mod tests;
