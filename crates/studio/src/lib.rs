//! The page of Atelier: works go in, an adapter is trained, pictures come out.
//!
//! It draws and talks, nothing more: the engine lives in a worker, and what the two say to each
//! other is `atelier-protocol`. Start with [`store`] (what the page knows, and how an event changes
//! it), then [`studio`] (what the artist can do), then [`components`] (how it looks).
//!
//! Everything that touches the browser is in [`worker`], [`files`], [`samples`] and the components,
//! so that the rest is tested natively.

mod components;
mod database;
mod files;
mod format;
mod gallery;
mod gate;
mod held_worker;
mod language;
mod library;
mod loss;
mod meter;
mod models;
mod pace;
mod published;
mod requests;
mod samples;
mod store;
mod strings;
mod studio;
mod worker;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;

/// Puts the page in place of the "opening" words of `index.html`.
pub fn start() {
    console_error_panic_hook::set_once();
    let Some(root) = document().get_element_by_id("studio") else {
        return;
    };
    // Not Leptos's, which is there only once something is mounted.
    spawn_local(async move {
        // The first screen shows them, and shall not move once it is there.
        let sets = samples::sets().await;
        // Not through innerHTML, which the page's policy leaves to nobody.
        root.replace_children_with_node_0();
        let app = move || view! { <components::App sets=sets.clone() /> };
        mount_to(root.unchecked_into(), app).forget();
    });
}
