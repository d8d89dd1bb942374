//! A worker with what the page hears from it: ended, and heard no more, when it is let go.

use js_sys::Reflect;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{ErrorEvent, MessageEvent, Worker};

pub struct HeldWorker {
    pub worker: Worker,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

impl HeldWorker {
    /// `on_crash` gets what the browser says went wrong; nothing comes after it.
    pub fn new(
        worker: Worker,
        on_message: impl Fn(MessageEvent) + 'static,
        on_crash: impl Fn(String) + 'static,
    ) -> Self {
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(on_message);
        let on_error = Closure::<dyn FnMut(ErrorEvent)>::new(move |error: ErrorEvent| {
            error.prevent_default();
            // A script that could not be fetched comes as a plain event without a message.
            let message = Reflect::get(&error, &"message".into());
            on_crash(message.ok().and_then(|m| m.as_string()).unwrap_or_default());
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Self {
            worker,
            _on_message: on_message,
            _on_error: on_error,
        }
    }
}

impl Drop for HeldWorker {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}
