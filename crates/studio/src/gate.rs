//! `www/gate.js`: the engine's worker, the library's, and the gatekeeper between page and network.

use js_sys::Function;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::{Url, Worker};

#[wasm_bindgen(raw_module = "./gate.js")]
extern "C" {
    /// The engine's worker, just started.
    #[wasm_bindgen(catch)]
    pub fn engine() -> Result<Worker, JsValue>;

    /// The library's worker, just started.
    #[wasm_bindgen(catch)]
    pub fn library() -> Result<Worker, JsValue>;

    #[wasm_bindgen(js_name = onGatekeeper)]
    fn on_gatekeeper(hear: &Function);

    /// Asks the gatekeeper to fetch and keep what it does not have yet of the site.
    #[wasm_bindgen(js_name = keepSite)]
    pub fn keep_site();

    /// Whether the gatekeeper stands between page and network.
    #[wasm_bindgen(js_name = isGuarded)]
    pub fn is_guarded() -> bool;

    /// Puts the version that waits in place of this one and loads the page again.
    #[wasm_bindgen(js_name = takeOver)]
    pub fn take_over();
}

/// What the gatekeeper has said so far.
#[derive(Clone, Copy)]
pub struct Gatekeeper {
    /// Files of the site kept on this machine, of how many.
    pub kept: RwSignal<Option<(u32, u32)>>,
    /// A newer version of the site waits.
    pub update: RwSignal<bool>,
    /// It cannot take over while other tabs have this one.
    pub other_tabs: RwSignal<bool>,
}

/// Any of what the gatekeeper says.
#[derive(serde::Deserialize)]
struct News {
    kept: Option<u32>,
    of: Option<u32>,
    #[serde(default)]
    update: bool,
    #[serde(default, rename = "otherTabs")]
    other_tabs: bool,
}

impl Gatekeeper {
    /// Listens for as long as the page lives.
    pub fn listen() -> Self {
        let gatekeeper = Self {
            kept: RwSignal::new(None),
            update: RwSignal::new(false),
            other_tabs: RwSignal::new(false),
        };
        let hear = Closure::<dyn Fn(String)>::new(move |news: String| {
            if let Ok(news) = serde_json::from_str(&news) {
                gatekeeper.hear(news);
            }
        });
        on_gatekeeper(hear.as_ref().unchecked_ref());
        hear.forget();
        gatekeeper
    }

    fn hear(self, news: News) {
        if let Some(kept) = news.kept.zip(news.of) {
            self.kept.set(Some(kept));
        }
        if news.update {
            self.update.set(true);
        }
        self.other_tabs.set(news.other_tabs);
    }
}

/// The whole address of a file beside the page: the engine's worker has no address of its own that it
/// could be relative to.
pub fn address_of(path: &str) -> String {
    let base = document().base_uri().ok().flatten().unwrap_or_default();
    Url::new_with_base(path, &base).map_or_else(|_| path.to_owned(), |url| url.href())
}
