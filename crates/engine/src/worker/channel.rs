//! Messages across the worker's boundary, see `atelier-protocol`.

use std::{
    cell::Cell,
    collections::VecDeque,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use atelier_protocol::{Buffer, Event, Pixels, Request};
use js_sys::{Array, ArrayBuffer, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

/// Buffers that came with a request.
#[derive(Default)]
pub struct Buffers(Vec<ArrayBuffer>);

impl Buffers {
    /// The bytes of one; empty when the message did not carry it.
    pub fn bytes(&self, buffer: Buffer) -> Vec<u8> {
        self.0
            .get(buffer.0)
            .map(|buffer| Uint8Array::new(buffer).to_vec())
            .unwrap_or_default()
    }
}

/// Requests that wait for their turn.
#[derive(Default)]
pub struct Inbox {
    queue: VecDeque<(Request, Buffers)>,
    waker: Option<Waker>,
    stop: Rc<Cell<bool>>,
}

impl Inbox {
    pub fn put(&mut self, message: (Request, Buffers)) {
        self.queue.push_back(message);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// The next request, when there is one.
    pub fn poll_next(&mut self, context: &Context<'_>) -> Poll<(Request, Buffers)> {
        match self.queue.pop_front() {
            Some(message) => Poll::Ready(message),
            None => {
                self.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Asks the work under way to end.
    pub fn stop(&self) {
        self.stop.set(true);
    }

    /// The flag `stop` sets; whoever begins a piece of work clears it.
    pub fn stop_flag(&self) -> Rc<Cell<bool>> {
        self.stop.clone()
    }
}

/// Reads a message of ours.
pub fn receive(event: &MessageEvent) -> Option<(Request, Buffers)> {
    let data = event.data();
    let text = Reflect::get(&data, &"message".into()).ok()?.as_string()?;
    let request = serde_json::from_str(&text).ok()?;
    let buffers = Reflect::get(&data, &"buffers".into())
        .ok()
        .and_then(|buffers| buffers.dyn_into::<Array>().ok())
        .map(|array| {
            array
                .iter()
                .filter_map(|buffer| buffer.dyn_into().ok())
                .collect()
        })
        .unwrap_or_default();
    Some((request, Buffers(buffers)))
}

/// An event on its way, with what travels beside it.
#[derive(Default)]
pub struct Outgoing {
    buffers: Vec<ArrayBuffer>,
}

impl Outgoing {
    pub fn attach(&mut self, bytes: &[u8]) -> Buffer {
        self.buffers.push(Uint8Array::from(bytes).buffer());
        Buffer(self.buffers.len() - 1)
    }

    pub fn attach_rgba(&mut self, width: u32, height: u32, rgba: &[u8]) -> Pixels {
        Pixels {
            width,
            height,
            rgba: self.attach(rgba),
        }
    }

    /// Attaches an opaque picture.
    pub fn attach_rgb(&mut self, width: u32, height: u32, rgb: &[u8]) -> Pixels {
        let rgba: Vec<u8> = rgb
            .chunks_exact(3)
            .flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255])
            .collect();
        self.attach_rgba(width, height, &rgba)
    }

    pub fn send(self, scope: &DedicatedWorkerGlobalScope, event: &Event) {
        let Ok(text) = serde_json::to_string(event) else {
            return;
        };
        let buffers: Array = self.buffers.iter().collect();
        let message = Object::new();
        // Setting a property of a fresh object cannot fail.
        let _ = Reflect::set(&message, &"message".into(), &JsValue::from(text));
        let _ = Reflect::set(&message, &"buffers".into(), &buffers);
        if let Err(error) = scope.post_message_with_transfer(&message, &buffers) {
            web_sys::console::error_1(&error);
        }
    }
}
