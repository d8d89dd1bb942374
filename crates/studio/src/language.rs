//! Which language the page speaks: the artist's choice of an earlier visit, or the browser's.

use leptos::prelude::*;

use crate::strings::{Language, speak};

/// Where the choice is kept. A language is no secret, so `localStorage` will do.
const KEPT_AS: &str = "atelier-language";

/// The language spoken, for whoever draws the page. Changed with [`choose`] only.
#[derive(Clone, Copy)]
pub struct Spoken(pub RwSignal<Language>);

/// Begins in the language of an earlier choice or of the browser.
pub fn begin() -> Spoken {
    let kept = storage().and_then(|s| s.get_item(KEPT_AS).ok().flatten());
    let browser = window().navigator().languages();
    let browser = browser.iter().filter_map(|tag| tag.as_string());
    let language = Language::first_of(kept.into_iter().chain(browser));
    let spoken = Spoken(RwSignal::new(language));
    set(spoken, language);
    spoken
}

/// Speaks `language` now and on later visits.
pub fn choose(spoken: Spoken, language: Language) {
    set(spoken, language);
    // Where nothing may be kept, the choice is this visit's.
    if let Some(storage) = storage() {
        storage.set_item(KEPT_AS, language.tag()).ok();
    }
}

fn set(spoken: Spoken, language: Language) {
    speak(language);
    if let Some(root) = document().document_element() {
        root.set_attribute("lang", language.tag()).ok();
    }
    spoken.0.set(language);
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}
