//! The library's worker, as the page holds it: Studio models are found, fetched and kept there.

use atelier_protocol::{LibraryEvent, LibraryRequest};
use js_sys::{Array, Object, Reflect};
use wasm_bindgen::JsValue;
use web_sys::{File, MessageEvent};

use crate::{gate, held_worker::HeldWorker};

pub struct LibraryWorker(HeldWorker);

impl LibraryWorker {
    /// Starts the worker. `on_crash` gets what the browser says went wrong; nothing comes after it.
    pub fn spawn(
        on_event: impl Fn(LibraryEvent) + 'static,
        on_crash: impl Fn(String) + 'static,
    ) -> Result<Self, JsValue> {
        let worker = gate::library()?;
        let on_message = move |message: MessageEvent| {
            let text = Reflect::get(&message.data(), &"message".into()).ok();
            let text = text.and_then(|text| text.as_string()).unwrap_or_default();
            if let Ok(event) = serde_json::from_str(&text) {
                on_event(event);
            }
        };
        Ok(Self(HeldWorker::new(worker, on_message, on_crash)))
    }

    /// Sends a request. Files go as handles; their contents stay where they are.
    pub fn post(&self, request: &LibraryRequest, files: Vec<File>) -> Result<(), JsValue> {
        let text = serde_json::to_string(request).map_err(|e| JsValue::from(e.to_string()))?;
        let message = Object::new();
        Reflect::set(&message, &"message".into(), &text.into())?;
        let files: Array = files.into_iter().collect();
        Reflect::set(&message, &"files".into(), &files)?;
        self.0.worker.post_message(&message)
    }
}
