//! The engine in a dedicated worker: messages in, messages out.
//!
//! Requests are carried out one after the other by one task. While that task waits for the GPU the
//! worker's event loop goes on, so `Stop` is heard at once: it sets a flag that every piece of work
//! looks at.

mod channel;
mod fetch;
pub mod gpu;
mod kept;
mod serve;

use std::{cell::RefCell, rc::Rc};

use atelier_protocol::Request;
use wasm_bindgen::{JsCast, closure::Closure};
use wasm_bindgen_futures::spawn_local;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use channel::{Inbox, receive};
use serve::Server;

unsafe extern "C" {
    /// Made by the linker: runs what crates want done before anything else. cubecl's intermediate language
    /// registers its operations so, some thousands of them.
    fn __wasm_call_ctors();
}

/// To be called once in each module that has the engine in it, before anything else. Where nothing in a module
/// calls its constructors by name the linker has them run on every entry from JavaScript (docs/DESIGN.md).
pub fn run_constructors() {
    // SAFETY: takes nothing, gives nothing; each constructor registers itself, and again is no more than once.
    unsafe { __wasm_call_ctors() };
}

/// Begins to listen. Called once, when the worker's module has loaded.
pub fn start() {
    run_constructors();
    console_error_panic_hook::set_once();
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let inbox = Rc::new(RefCell::new(Inbox::default()));
    let listener = {
        let inbox = inbox.clone();
        Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            match receive(&event) {
                Some((Request::Stop, _)) => inbox.borrow().stop(),
                Some(message) => inbox.borrow_mut().put(message),
                // Not one of ours: another script's message, or an extension's.
                None => {}
            }
        })
    };
    scope.set_onmessage(Some(listener.as_ref().unchecked_ref()));
    // It listens as long as the worker lives.
    listener.forget();
    spawn_local(Server::new(scope, inbox).run());
}
