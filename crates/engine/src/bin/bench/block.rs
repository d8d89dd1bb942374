//! Training steps of one block: forward, mean squared error, gradients of the LoRA factors, AdamW.

use std::{cell::RefCell, rc::Rc};

use atelier_adapter::{Layout, Targets, attach_trainable};
use atelier_kernels::{AdamW, AdamWState, adamw, settle, upload};
use atelier_models::{Block as Model, BlockShape};
use burn::tensor::{Tensor, activation};
use js_sys::{Float32Array, Object, Reflect};
use serde::Deserialize;
use wasm_bindgen::prelude::*;

use crate::{
    computation::Computation,
    engine::{Engine, Weights},
};

/// What tests/bench/task.json says of a block.
#[derive(Deserialize)]
struct Task {
    batch: usize,
    side: usize,
    channels: usize,
    heads: usize,
    tokens: usize,
    text: usize,
    time: usize,
    groups: usize,
    rank: usize,
    learning_rate: f32,
    beta1: f32,
    beta2: f32,
    eps: f32,
    weight_decay: f32,
}

#[wasm_bindgen]
pub struct Block {
    computation: Computation,
    adamw: AdamW,
    learning_rate: f32,
    steps: u32,
}

#[wasm_bindgen]
impl Block {
    /// `task` is JSON. `values` has Float32Arrays by name: `x` [batch, side * side, channels], `text`
    /// [batch, tokens, text], `time` [batch, time], `target` [batch, channels, side, side], and the
    /// factors, `<path>.down` [rank, inputs] and `<path>.up` [outputs, rank].
    pub async fn open(
        engine: &Engine,
        task: String,
        weights: Weights,
        values: Object,
        replayed: bool,
    ) -> Result<Block, JsError> {
        let task: Task = serde_json::from_str(&task)?;
        let device = engine.device.clone();
        let shape = BlockShape {
            channels: task.channels,
            heads: task.heads,
            text: task.text,
            time: task.time,
            groups: task.groups,
        };
        let block = Model::load(shape, weights.tensors)?;
        let given = |name: &str| {
            let value = Reflect::get(&values, &name.into()).ok();
            value
                .and_then(|value| value.dyn_into::<Float32Array>().ok())
                .map(|array| array.to_vec())
                .ok_or_else(|| JsError::new(&format!("The page gave no {name}.")))
        };
        let Task {
            batch,
            side,
            channels,
            ..
        } = task;
        let on_device = |name: &str| Ok::<_, JsError>(upload(&given(name)?, &device));
        let x = on_device("x")?.reshape([batch, side * side, channels]);
        let text = on_device("text")?.reshape([batch, task.tokens, task.text]);
        let time = on_device("time")?.reshape([batch, task.time]);
        // Laid out as the block gives it once, by way of a flat tensor, and not in every step.
        let target = on_device("target")?
            .reshape([batch, channels, side, side])
            .permute([0, 2, 3, 1])
            .reshape([batch * side * side * channels])
            .reshape([batch, side, side, channels]);

        let targets = Targets::Transformers;
        let adapted = block
            .adaptable()
            .into_iter()
            .filter(|path| targets.takes(path));
        let layout = Layout::new(adapted.map(|path| (path, task.rank)));
        let mut factors = vec![0.0; layout.length];
        for slot in &layout.slots {
            let path = slot.path.trim_start_matches("transformer.");
            for (part, span) in [("down", slot.down), ("up", slot.up)] {
                let name = format!("{path}.{part}");
                let values = given(&name)?;
                if values.len() != span.length {
                    return Err(JsError::new(&format!(
                        "The page's {name} has another size."
                    )));
                }
                factors[span.range()].copy_from_slice(&values);
            }
        }
        let state = Rc::new(RefCell::new(AdamWState::new(upload(&factors, &device))));
        // Written in its place each step; its gaps stay zero.
        let gradient = Tensor::<1>::zeros([layout.length], &device);
        let scale = Tensor::<1>::full([1], 1.0, &device);
        // Hung in once to find out about errors here, where they can be answered.
        let param = state.borrow().param.clone();
        attach_trainable(&mut block.clone(), "", &layout, &param, &gradient, &scale)?;
        let at = device.clone();
        let closure = move |hyper: Tensor<1>| {
            let mut block = block.clone();
            let param = state.borrow().param.clone();
            let leaves = attach_trainable(&mut block, "", &layout, &param, &gradient, &scale)
                .expect("the layout was tried on this block before");
            let time = activation::silu(time.clone()).autodiff();
            let out = block.forward(x.clone().autodiff(), &text.clone().autodiff(), &time, side);
            let error = out - target.clone().autodiff();
            let loss = (error.clone() * error).mean();
            let mut gradients = loss.backward();
            let gradient = leaves.gradient(&mut gradients, gradient.clone());
            // All that reads the factors is handed over before they are written.
            let settled = settle(&at);
            let held = state.borrow().clone();
            let (updated, squared_norm) = adamw(held, gradient, hyper);
            *state.borrow_mut() = updated;
            match settled {
                Ok(()) => Tensor::cat(vec![loss.without_autodiff(), squared_norm], 0),
                Err(_) => Tensor::full([2], f32::NAN, &at),
            }
        };
        let adamw = AdamW {
            beta1: task.beta1,
            beta2: task.beta2,
            epsilon: task.eps,
            weight_decay: task.weight_decay,
            // The others do not clip.
            max_norm: 1e30,
        };
        // Recorded with a step that changes nothing.
        let example = adamw.hyper(false, task.learning_rate, 1);
        Ok(Block {
            computation: Computation::new(&device, replayed, &example, closure).await?,
            adamw,
            learning_rate: task.learning_rate,
            steps: 0,
        })
    }

    /// One step; the loss before it.
    pub async fn step(&mut self) -> Result<f32, JsError> {
        self.steps += 1;
        let hyper = self.adamw.hyper(true, self.learning_rate, self.steps);
        let found = self.computation.run(&hyper).await?;
        found
            .first()
            .copied()
            .ok_or_else(|| JsError::new("The step gave no loss."))
    }
}
