//! The device, what is put on it, and the bench of the operations.

use atelier_engine::worker::gpu;
use atelier_kernels::{Row, Shapes, bench, fma_peak};
use atelier_models::TensorMap;
use burn::tensor::Device;
use js_sys::Function;
use wasm_bindgen::prelude::*;

/// The engine's device, opened as the page's worker opens it.
#[wasm_bindgen]
pub struct Engine {
    pub(crate) device: Device,
}

/// Weights on their way to a model.
#[wasm_bindgen]
pub struct Weights {
    pub(crate) tensors: TensorMap,
    device: Device,
}

#[wasm_bindgen]
impl Engine {
    pub async fn open() -> Result<Engine, JsError> {
        let (device, _, _) = gpu::open()
            .await
            .map_err(|message| JsError::new(&message))?;
        Ok(Engine { device })
    }

    pub fn weights(&self) -> Weights {
        Weights {
            tensors: TensorMap::new(),
            // As in the page: on the autodiff side, so that gradients of adapters pass through.
            device: self.device.clone().autodiff(),
        }
    }

    /// Times the operations; `tell` is called with a line of JSON for the adapter's peak and for each of
    /// them, as `atelier bench --json` prints it.
    pub async fn operations(&self, stable_diffusion: bool, tell: Function) -> Result<(), JsError> {
        let say = |line: serde_json::Value| {
            let line = JsValue::from(line.to_string());
            // What the page throws is not ours to answer.
            let _ = tell.call1(&JsValue::NULL, &line);
        };
        let peak = fma_peak(&self.device).await?;
        say(serde_json::json!({ "fma_peak_gflops": peak }));
        let shapes = match stable_diffusion {
            true => Shapes::StableDiffusion,
            false => Shapes::Sketch,
        };
        let row = |row: &Row| {
            say(serde_json::json!({
                "operation": row.operation,
                "shape": row.shape,
                "gflop": row.gflop,
                "seconds": row.seconds,
                "stock_seconds": row.stock_seconds,
                "share_of_peak": row.gflops() / peak,
            }));
        };
        bench(&self.device, shapes, row).await?;
        Ok(())
    }
}

#[wasm_bindgen]
impl Weights {
    /// `name` as diffusers has it, `values` row-major.
    pub fn insert(
        &mut self,
        name: &str,
        shape: Vec<usize>,
        values: Vec<f32>,
    ) -> Result<(), JsError> {
        Ok(self.tensors.insert(name, &shape, values, &self.device)?)
    }
}
