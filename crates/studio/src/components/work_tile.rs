use leptos::prelude::*;

use super::crop::CropFrame;
use crate::{
    store::{Work, WorkState},
    strings::t,
    studio::Studio,
};

/// A work: its picture with the crop, its caption, and the way to take it off.
#[component]
pub fn WorkTile(work: Work) -> impl IntoView {
    let studio = expect_context::<Studio>();
    let id = work.id;
    let state = work.state.clone();
    let waiting = move || state.get() != WorkState::Accepted;
    let caption = work.caption.clone();
    let set_caption = work.caption.clone();
    view! {
        <li class="work" class:waiting=waiting data-testid="work-thumb">
            <CropFrame work=work.clone() />
            <input
                class="caption"
                type="text"
                data-testid="work-caption"
                autocomplete="off"
                aria-label=(t().caption_of)(&work.name)
                placeholder=t().caption_placeholder
                title=work.name.clone()
                prop:value=move || caption.get()
                on:input=move |e| set_caption.set(event_target_value(&e))
            />
            <button
                type="button"
                class="icon remove"
                data-testid="work-remove"
                aria-label=(t().remove)(&work.name)
                on:click=move |_| studio.remove_work(id)
            >
                <span aria-hidden="true">{"×"}</span>
            </button>
        </li>
    }
}
