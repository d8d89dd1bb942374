//! The Hub over the network: the only place here that asks for anything.

use std::{cell::Cell, rc::Rc};

use js_sys::{Array, Date, Function, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use web_sys::{
    AbortController, Headers, ReadableStreamDefaultReader, ReferrerPolicy, RequestCache,
    RequestCredentials, RequestInit, RequestMode, Response,
};

use super::{object, scope, wait};
use crate::{Begin, Entry, Files, LISTING_LIMIT, LibraryError, Listing, Name, of_file, of_listing};

#[wasm_bindgen(raw_module = "./requests.js")]
extern "C" {
    /// What tells the page's list of requests.
    #[wasm_bindgen(js_name = openList)]
    fn open_list(who: &str) -> Function;
}

thread_local! {
    static TELL: Function = open_list("library");
}

/// Ends what is under way, at the artist's word.
#[derive(Clone)]
pub struct Stop {
    asked: Rc<Cell<bool>>,
    controller: AbortController,
}

impl Stop {
    pub fn new() -> Result<Self, LibraryError> {
        let controller = AbortController::new().map_err(|_| LibraryError::NoStorage)?;
        Ok(Self {
            asked: Rc::default(),
            controller,
        })
    }

    pub fn ask(&self) {
        self.asked.set(true);
        self.controller.abort();
    }

    pub fn is_asked(&self) -> bool {
        self.asked.get()
    }
}

/// What the Hub says of a model.
pub async fn listing(name: &Name, stop: &Stop) -> Result<Listing, LibraryError> {
    let mut body = Body::ask(&name.listing_url(), name, None, stop).await?;
    let code = body.header("x-error-code");
    of_listing(body.response.status(), code.as_deref(), name)?;
    let bytes = body.take(LISTING_LIMIT + 1).await?;
    Listing::parse(&bytes, name)
}

/// A model at a commit.
pub struct Hub {
    name: Name,
    commit: String,
    entries: Vec<Entry>,
    stop: Stop,
}

impl Hub {
    pub fn new(name: Name, commit: String, entries: Vec<Entry>, stop: Stop) -> Self {
        Self {
            name,
            commit,
            entries,
            stop,
        }
    }

    /// A file's bytes from `begin` on, or from its beginning where the answer says so.
    pub async fn open(
        &self,
        entry: &Entry,
        begin: u64,
        end: Option<u64>,
        stop: &Stop,
    ) -> Result<(Begin, Body), LibraryError> {
        let url = self.name.file_url(&self.commit, &entry.path);
        let range = match end {
            None if begin == 0 => None,
            None => Some(format!("bytes={begin}-")),
            Some(end) => Some(format!("bytes={begin}-{}", end - 1)),
        };
        let body = Body::ask(&url, &self.name, range.as_deref(), stop).await?;
        let range = body.header("content-range");
        let status = body.response.status();
        let begin = of_file(status, range.as_deref(), begin, entry, &self.name)?;
        Ok((begin, body))
    }
}

impl Files for Hub {
    fn entries(&self) -> &[Entry] {
        &self.entries
    }

    async fn read(&self, entry: &Entry, begin: u64, bytes: u64) -> Result<Vec<u8>, LibraryError> {
        if bytes == 0 {
            return Ok(Vec::new());
        }
        // A whole file is asked for as such: some hosts pack small ones on the way, but no ranges.
        let end = (bytes < entry.size).then_some(begin + bytes);
        let (at, mut body) = self.open(entry, begin, end, &self.stop).await?;
        // A server without ranges sends it all: what is in front is skipped, what follows not taken.
        let skip = match at {
            Begin::There => 0,
            Begin::Over => begin,
        };
        let mut read = body.take(skip + bytes).await?;
        if (read.len() as u64) < skip + bytes {
            return Err(LibraryError::WrongSize {
                path: entry.path.clone(),
                have: read.len() as u64,
                expected: entry.size,
            });
        }
        read.truncate((skip + bytes) as usize);
        Ok(read.split_off(skip as usize))
    }
}

/// An answer, on its way. Dropped, it is cut off.
pub struct Body {
    response: Response,
    reader: Option<ReadableStreamDefaultReader>,
    host: String,
    url: String,
    at: f64,
    came: u64,
}

impl Body {
    async fn ask(
        url: &str,
        name: &Name,
        range: Option<&str>,
        stop: &Stop,
    ) -> Result<Self, LibraryError> {
        let host = name.host();
        let unreachable = |_: JsValue| LibraryError::Unreachable { host: name.host() };
        let headers = Headers::new().map_err(unreachable)?;
        if let Some(range) = range {
            headers.set("range", range).map_err(unreachable)?;
        }
        let request = RequestInit::new();
        request.set_headers(&headers);
        request.set_mode(RequestMode::Cors);
        // Nothing goes along that says who asks.
        request.set_credentials(RequestCredentials::Omit);
        request.set_referrer_policy(ReferrerPolicy::NoReferrer);
        // It is kept here; once is enough.
        request.set_cache(RequestCache::NoStore);
        request.set_signal(Some(&stop.controller.signal()));
        let mut body = Self {
            response: Response::new().map_err(unreachable)?,
            reader: None,
            host,
            url: url.to_owned(),
            at: Date::now(),
            came: 0,
        };
        let response = wait(scope().fetch_with_str_and_init(url, &request)).await;
        body.response = response.map_err(unreachable)?.unchecked_into();
        body.reader = body
            .response
            .body()
            .map(|body| body.get_reader().unchecked_into());
        Ok(body)
    }

    fn header(&self, name: &str) -> Option<String> {
        self.response.headers().get(name).ok().flatten()
    }

    /// The next bytes; none at the end.
    pub async fn next(&mut self) -> Result<Option<Uint8Array>, LibraryError> {
        let Some(reader) = &self.reader else {
            return Ok(None);
        };
        let next = wait(reader.read()).await.map_err(|_| LibraryError::Cut)?;
        if Reflect::get(&next, &"done".into()).is_ok_and(|done| done.is_truthy()) {
            return Ok(None);
        }
        let value = Reflect::get(&next, &"value".into()).unwrap_or_default();
        let bytes: Uint8Array = value.dyn_into().map_err(|_| LibraryError::Cut)?;
        self.came += u64::from(bytes.length());
        Ok(Some(bytes))
    }

    /// All that comes, `most` bytes at most.
    async fn take(&mut self, most: u64) -> Result<Vec<u8>, LibraryError> {
        let mut taken = Vec::new();
        while (taken.len() as u64) < most
            && let Some(bytes) = self.next().await?
        {
            let room = most - taken.len() as u64;
            let length = room.min(u64::from(bytes.length())) as u32;
            taken.extend_from_slice(&bytes.subarray(0, length).to_vec());
        }
        Ok(taken)
    }

    pub fn cut(&self) -> LibraryError {
        match self.came {
            0 => LibraryError::Unreachable {
                host: self.host.clone(),
            },
            _ => LibraryError::Cut,
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(reader) = &self.reader {
            // Nobody reads on; that it failed, if it did, is no news.
            let ended = reader.cancel();
            wasm_bindgen_futures::spawn_local(async move {
                wait(ended).await.ok();
            });
        }
        let request = object(&[
            ("url", self.url.as_str().into()),
            ("at", self.at.into()),
            ("bytes", (self.came as f64).into()),
        ]);
        TELL.with(|tell| tell.call1(&JsValue::NULL, &Array::of1(&request)).ok());
    }
}
