//! A model's folder on the page's own site.

use js_sys::{Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DedicatedWorkerGlobalScope, ReadableStreamDefaultReader, Response};

use crate::{
    error::EngineError,
    source::{Piece, Source},
};

/// A folder by its URL, which ends in `/`.
pub struct Site {
    pub scope: DedicatedWorkerGlobalScope,
    pub url: String,
}

impl Site {
    async fn open(
        &self,
        path: &str,
    ) -> Result<(Option<u64>, ReadableStreamDefaultReader), EngineError> {
        let missing = |reason: String| EngineError::Missing {
            path: path.into(),
            reason,
        };
        let url = format!("{}{path}", self.url);
        let response: Response = wait(self.scope.fetch_with_str(&url))
            .await
            .map_err(|_| missing("the network did not answer".into()))?
            .unchecked_into();
        if !response.ok() {
            return Err(missing(format!("the site answered {}", response.status())));
        }
        // A body that was compressed on the way has another length than the header says.
        let encoded = response
            .headers()
            .get("content-encoding")
            .ok()
            .flatten()
            .is_some();
        let length = response
            .headers()
            .get("content-length")
            .ok()
            .flatten()
            .filter(|_| !encoded)
            .and_then(|length| length.parse().ok());
        let reader = response
            .body()
            .ok_or_else(|| missing("the site's answer was empty".into()))?
            .get_reader()
            .unchecked_into();
        Ok((length, reader))
    }
}

impl Source for Site {
    fn name(&self) -> String {
        let path = self.url.trim_end_matches('/');
        path.rsplit('/').next().unwrap_or(path).to_owned()
    }

    /// A site does not list its folders.
    async fn files(&self, _folder: &str) -> Result<Option<Vec<String>>, EngineError> {
        Ok(None)
    }

    async fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, EngineError> {
        let mut bytes = Vec::new();
        self.stream(path, &mut |piece, _| {
            if (bytes.len() + piece.len()) as u64 > limit {
                return Err(EngineError::TooLarge {
                    path: path.into(),
                    limit,
                });
            }
            bytes.extend_from_slice(piece);
            Ok(())
        })
        .await?;
        Ok(bytes)
    }

    async fn stream(&self, path: &str, piece: &mut Piece<'_>) -> Result<(), EngineError> {
        let (length, reader) = self.open(path).await?;
        loop {
            let chunk = wait(reader.read())
                .await
                .map_err(|_| EngineError::Missing {
                    path: path.into(),
                    reason: "the connection was cut".into(),
                })?;
            let done = Reflect::get(&chunk, &"done".into()).is_ok_and(|done| done.is_truthy());
            if done {
                return Ok(());
            }
            let value = Reflect::get(&chunk, &"value".into()).unwrap_or(JsValue::UNDEFINED);
            let bytes = value
                .dyn_into::<Uint8Array>()
                .map_err(|_| EngineError::Missing {
                    path: path.into(),
                    reason: "the browser gave something that is no bytes".into(),
                })?;
            let result = piece(&bytes.to_vec(), length);
            if result.is_err() {
                // Nobody reads on.
                let _ = reader.cancel();
                return result;
            }
        }
    }
}

async fn wait(promise: Promise) -> Result<JsValue, JsValue> {
    JsFuture::from(promise).await
}
