use leptos::prelude::*;

use super::picture_canvas::PictureCanvas;
use crate::{store::Shot, strings::t, studio::Studio};

/// The base's picture and the hand's one over the other, with a divider to drag. It is a slider, so
/// that the arrow keys move it too.
#[component]
pub fn Divider(base: Shot, hand: Shot, prompt: String) -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let at = store.divider;
    let hand_side = untrack(|| store.hand_side());
    let percent = move || format!("{:.0}%", at.get());
    view! {
        <figure class="divided" style=("--at", percent)>
            <PictureCanvas picture=base.picture label=(t().picture_of)(&prompt, t().base_side) />
            <div class="over">
                <PictureCanvas picture=hand.picture label=(t().picture_of)(&prompt, hand_side) />
            </div>
            <div class="line" aria-hidden="true">{""}</div>
            <input
                type="range"
                min="0"
                max="100"
                step="1"
                data-testid="divider"
                aria-label=t().many.divider_at
                prop:value=move || at.get().to_string()
                on:input=move |e| {
                    if let Ok(value) = event_target_value(&e).parse() {
                        at.set(value);
                    }
                }
            />
            <figcaption class="row">
                <span>{t().base_side}</span>
                <span>{hand_side}</span>
            </figcaption>
        </figure>
    }
}
