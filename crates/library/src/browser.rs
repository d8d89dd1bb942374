//! The library in the browser: the Hub and chosen files in, the origin private file system between,
//! tensors out. All of it runs in dedicated workers.

mod chosen;
mod drawer;
mod hub;
mod keep;
mod kept;
mod serve;
mod shelf;

use js_sys::{Array, ArrayBuffer, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, DedicatedWorkerGlobalScope};

pub use drawer::Drawer;
pub use kept::Kept;
pub use serve::start;

use crate::LibraryError;

async fn wait(promise: Promise) -> Result<JsValue, JsValue> {
    JsFuture::from(promise).await
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// `bytes` bytes of a blob or file from `begin` on.
async fn slice(blob: &Blob, begin: u64, bytes: u64) -> Result<Vec<u8>, JsValue> {
    let end = begin.saturating_add(bytes);
    let part = blob.slice_with_f64_and_f64(begin as f64, end as f64)?;
    let buffer: ArrayBuffer = wait(part.array_buffer()).await?.unchecked_into();
    let read = Uint8Array::new(&buffer).to_vec();
    match read.len() as u64 == bytes {
        true => Ok(read),
        false => Err(JsValue::from_str("it is shorter than it was")),
    }
}

/// What the browser's refusal to read or write means.
fn refused(error: &JsValue) -> LibraryError {
    let text = |key: &str| {
        let value = Reflect::get(error, &key.into()).ok();
        value
            .and_then(|value| value.as_string())
            .unwrap_or_default()
    };
    match text("name").as_str() {
        "QuotaExceededError" => LibraryError::DiskFull,
        "NoModificationAllowedError" => LibraryError::OtherTab,
        "NotFoundError" => LibraryError::Gone,
        "SecurityError" | "NotAllowedError" => LibraryError::NoStorage,
        _ => LibraryError::Storage {
            reason: atelier_weights::shown(&text("message")),
        },
    }
}

/// An object with these members.
fn object(members: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (key, value) in members {
        // Setting a property of a fresh object cannot fail.
        let _ = Reflect::set(&object, &(*key).into(), value);
    }
    object
}

/// The members of an array under `key`.
fn list(object: &JsValue, key: &str) -> Vec<JsValue> {
    let list = Reflect::get(object, &key.into()).ok();
    let list = list
        .filter(Array::is_array)
        .map(|list| Array::from(&list).to_vec());
    list.unwrap_or_default()
}
