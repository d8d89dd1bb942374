use leptos::{attr::custom::custom_attribute, ev, html, prelude::*};

use web_sys::File;

use crate::files;

/// A button that opens the browser's file dialog. The input itself has the focus, so that the
/// keyboard and assistive tools meet what they know.
#[component]
pub fn Picker(
    label: &'static str,
    testid: &'static str,
    accept_types: &'static str,
    #[prop(optional)] folder: bool,
    #[prop(optional)] primary: bool,
    picked: impl Fn(Vec<File>) + 'static,
) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    let changed = move |_: ev::Event| {
        if let Some(input) = input.get_untracked() {
            picked(files::from_list(input.files()));
            // The same file may be picked again after it was removed.
            input.set_value("");
        }
    };
    view! {
        <label class="button" class:primary=primary>
            <input
                node_ref=input
                class="visually-hidden"
                type="file"
                {..custom_attribute("webkitdirectory", folder.then_some(""))}
                multiple
                data-testid=testid
                accept=accept_types
                on:change=changed
            />
            {label}
        </label>
    }
}
