//! The library's worker, as the page holds it: Studio models are found, fetched and kept there.

use atelier_protocol::{LibraryEvent, LibraryRequest};
use js_sys::{Array, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{ErrorEvent, File, MessageEvent, Worker};

use crate::gate;

pub struct LibraryWorker {
    worker: Worker,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

impl LibraryWorker {
    /// Starts the worker. `on_crash` gets what the browser says went wrong; nothing comes after it.
    pub fn spawn(
        on_event: impl Fn(LibraryEvent) + 'static,
        on_crash: impl Fn(String) + 'static,
    ) -> Result<Self, JsValue> {
        let worker = gate::library()?;
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            let text = Reflect::get(&message.data(), &"message".into()).ok();
            let text = text.and_then(|text| text.as_string()).unwrap_or_default();
            if let Ok(event) = serde_json::from_str(&text) {
                on_event(event);
            }
        });
        let on_error = Closure::<dyn FnMut(ErrorEvent)>::new(move |error: ErrorEvent| {
            error.prevent_default();
            // A script that could not be fetched comes as a plain event without a message.
            let message = Reflect::get(&error, &"message".into());
            on_crash(message.ok().and_then(|m| m.as_string()).unwrap_or_default());
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self {
            worker,
            _on_message: on_message,
            _on_error: on_error,
        })
    }

    /// Sends a request. Files go as handles; their contents stay where they are.
    pub fn post(&self, request: &LibraryRequest, files: Vec<File>) -> Result<(), JsValue> {
        let text = serde_json::to_string(request).map_err(|e| JsValue::from(e.to_string()))?;
        let message = Object::new();
        Reflect::set(&message, &"message".into(), &text.into())?;
        let files: Array = files.into_iter().collect();
        Reflect::set(&message, &"files".into(), &files)?;
        self.worker.post_message(&message)
    }
}

impl Drop for LibraryWorker {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}
