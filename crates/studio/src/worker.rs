//! The engine's worker, as the page holds it.
//!
//! [`gate::engine`] starts it with `engine.js`. That keeps messages that come while the wasm is
//! still on its way (a module worker that awaits at its top would lose them) and then starts
//! `worker.js`, which is what Trunk calls the output of the engine's binary `worker`.

use std::sync::Arc;

use atelier_protocol::{Event, Request};
use js_sys::{Array, ArrayBuffer, Object, Reflect, Uint8Array};
use wasm_bindgen::JsValue;
use web_sys::MessageEvent;

use crate::{gate, held_worker::HeldWorker, store::Bytes};

pub struct EngineWorker(HeldWorker);

impl EngineWorker {
    /// Starts the worker. `on_crash` gets what the browser says went wrong; nothing comes after it.
    pub fn spawn(
        on_event: impl Fn(Event, Vec<Bytes>) + 'static,
        on_crash: impl Fn(String) + Clone + 'static,
    ) -> Result<Self, JsValue> {
        let worker = gate::engine()?;
        let crash = on_crash.clone();
        let on_message = move |message: MessageEvent| match unpack(&message.data()) {
            Ok((event, buffers)) => on_event(event, buffers),
            Err(reason) => crash(reason),
        };
        Ok(Self(HeldWorker::new(worker, on_message, on_crash)))
    }

    /// Sends a request; `buffers` are moved, not copied.
    pub fn post(&self, request: &Request, buffers: &[ArrayBuffer]) -> Result<(), JsValue> {
        let text = serde_json::to_string(request).map_err(|e| JsValue::from(e.to_string()))?;
        let buffers: Array = buffers.iter().collect();
        let message = Object::new();
        Reflect::set(&message, &"message".into(), &text.into())?;
        Reflect::set(&message, &"buffers".into(), &buffers)?;
        self.0.worker.post_message_with_transfer(&message, &buffers)
    }
}

fn unpack(data: &JsValue) -> Result<(Event, Vec<Bytes>), String> {
    let text = Reflect::get(data, &"message".into())
        .ok()
        .and_then(|m| m.as_string())
        .ok_or("a message without text")?;
    let event = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    let buffers = Reflect::get(data, &"buffers".into())
        .ok()
        .filter(Array::is_array)
        .map(|buffers| Array::from(&buffers).iter().map(|b| bytes(&b)).collect())
        .unwrap_or_default();
    Ok((event, buffers))
}

fn bytes(buffer: &JsValue) -> Bytes {
    Arc::from(Uint8Array::new(buffer).to_vec())
}
