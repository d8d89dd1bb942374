//! A UNet's forward pass.

use atelier_models::{UNet2DConditionConfig, UNet2DConditionModel};
use burn::tensor::Tensor;
use wasm_bindgen::prelude::*;

use crate::{
    computation::{Computation, Parts},
    engine::{Engine, Weights},
};

#[wasm_bindgen]
pub struct Unet {
    computation: Computation,
    parts: Parts,
}

#[wasm_bindgen]
impl Unet {
    /// `config` is config.json's text; `side` that of the latents, `tokens` those of each text.
    pub async fn open(
        engine: &Engine,
        config: String,
        weights: Weights,
        batch: usize,
        side: usize,
        tokens: usize,
        replayed: bool,
    ) -> Result<Unet, JsError> {
        let config = UNet2DConditionConfig::from_json(&config)?;
        let (channels, width) = (config.in_channels, config.cross_attention_dim);
        let unet = UNet2DConditionModel::load(config, weights.tensors)?;
        let parts = Parts::new([
            batch * channels * side * side,
            batch,
            batch * tokens * width,
        ]);
        let (example, places) = (parts.zeros(), parts.clone());
        let closure = move |inputs: Tensor<1>| {
            let part = |i| places.view(&inputs, i).autodiff();
            let sample = part(0).reshape([batch, channels, side, side]);
            let text = part(2).reshape([batch, tokens, width]);
            let out = unet.forward(sample, part(1), text);
            out.without_autodiff().flatten::<1>(0, 3)
        };
        Ok(Unet {
            computation: Computation::new(&engine.device, replayed, &example, closure).await?,
            parts,
        })
    }

    /// sample [batch, channels, side, side], timesteps [batch], text [batch, tokens, width], each flat, to the
    /// prediction, shaped as the sample.
    pub async fn run(
        &mut self,
        sample: Vec<f32>,
        timesteps: Vec<f32>,
        text: Vec<f32>,
    ) -> Result<Vec<f32>, JsError> {
        let inputs = self.parts.gather([&sample[..], &timesteps, &text])?;
        Ok(self.computation.run(&inputs).await?)
    }
}
