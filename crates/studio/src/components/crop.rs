use leptos::{ev, html, prelude::*};

use super::picture_canvas::PictureCanvas;
use crate::{store::Work, strings::t};

/// How far an arrow key moves the crop.
const KEY_STEP: f32 = 0.05;

/// A work in its square crop. Where it is not square, dragging or the arrow keys move it.
#[component]
pub fn CropFrame(work: Work) -> impl IntoView {
    let frame = NodeRef::<html::Div>::new();
    let focus = work.focus.clone();
    let seen = work.seen.clone();
    // Longer side over shorter, and whether the longer side is the width; none for a square.
    let shape = Memo::new(move |_| {
        let (width, height) = seen.get().map(|s| (s.width as f32, s.height as f32))?;
        (width != height).then(|| (width.max(height) / width.min(height), width > height))
    });
    let position = {
        let focus = focus.clone();
        move || {
            let along = 100.0 * focus.get();
            match shape.get() {
                Some((_, false)) => format!("50% {along:.1}%"),
                Some((_, true)) => format!("{along:.1}% 50%"),
                None => "50% 50%".to_owned(),
            }
        }
    };

    let held = StoredValue::new(None::<(f32, f32)>);
    let along = move |event: &ev::PointerEvent| match shape.get_untracked() {
        Some((_, false)) => event.client_y() as f32,
        _ => event.client_x() as f32,
    };
    let grab = {
        let focus = focus.clone();
        move |event: ev::PointerEvent| {
            if let (Some(frame), true) = (frame.get_untracked(), shape.get_untracked().is_some()) {
                frame.set_pointer_capture(event.pointer_id()).ok();
                held.set_value(Some((along(&event), focus.get_untracked())));
            }
        }
    };
    let drag = {
        let focus = focus.clone();
        move |event: ev::PointerEvent| {
            let (Some((from, start)), Some((ratio, _)), Some(frame)) = (
                held.get_value(),
                shape.get_untracked(),
                frame.get_untracked(),
            ) else {
                return;
            };
            focus.set(dragged(
                start,
                along(&event) - from,
                frame.offset_width() as f32,
                ratio,
            ));
        }
    };
    let release = move |_: ev::PointerEvent| held.set_value(None);
    let key = {
        let focus = focus.clone();
        move |event: ev::KeyboardEvent| {
            let now = focus.get_untracked();
            let next = match event.key().as_str() {
                "ArrowLeft" | "ArrowUp" => now - KEY_STEP,
                "ArrowRight" | "ArrowDown" => now + KEY_STEP,
                "Home" => 0.0,
                "End" => 1.0,
                _ => return,
            };
            if shape.get_untracked().is_some() {
                event.prevent_default();
                focus.set(next.clamp(0.0, 1.0));
            }
        }
    };

    let name = work.name.clone();
    let alt = work.name.clone();
    let (seen, url) = (work.seen.clone(), work.url.clone());
    let (value, bar_along) = (focus.clone(), focus);
    view! {
        <div
            node_ref=frame
            class="crop"
            class:movable=move || shape.get().is_some()
            class:tall=move || matches!(shape.get(), Some((_, false)))
            style=("--focus-at", position)
            style=("--along", move || bar_along.get().to_string())
            style=("--share", move || shape.get().map_or(1.0, |(ratio, _)| 1.0 / ratio).to_string())
            role=move || shape.get().map(|_| "slider")
            tabindex=move || shape.get().map(|_| "0")
            title=move || shape.get().map(|_| t().crop_hint)
            aria-label=move || shape.get().map(|_| (t().crop_of)(&name))
            aria-orientation=move || shape.get().map(|(_, wide)| if wide { "horizontal" } else { "vertical" })
            aria-valuemin=move || shape.get().map(|_| "0")
            aria-valuemax=move || shape.get().map(|_| "100")
            aria-valuenow=move || shape.get().map(|_| format!("{:.0}", 100.0 * value.get()))
            on:pointerdown=grab
            on:pointermove=drag
            on:pointerup=release
            on:pointercancel=release
            on:keydown=key
        >
            {move || match (seen.get(), url.clone()) {
                (Some(seen), _) => {
                    view! { <PictureCanvas picture=seen.thumbnail label=alt.clone() /> }.into_any()
                }
                (None, Some(url)) => {
                    view! { <img src=url alt=alt.clone() draggable="false" /> }.into_any()
                }
                (None, None) => view! { <span class="name">{alt.clone()}</span> }.into_any(),
            }}
        </div>
    }
}

/// The focus after the picture was dragged by `delta` pixels in a square of `side` pixels, of which
/// it covers `ratio` lengths.
fn dragged(start: f32, delta: f32, side: f32, ratio: f32) -> f32 {
    let hidden = side * (ratio - 1.0);
    if hidden < 1.0 {
        return start;
    }
    (start - delta / hidden).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_follows_the_pointer() {
        // Twice as wide as high in a square of 100: 100 pixels are hidden.
        assert_eq!(dragged(0.5, 25.0, 100.0, 2.0), 0.25);
        assert_eq!(dragged(0.5, -500.0, 100.0, 2.0), 1.0);
        assert_eq!(dragged(0.5, 25.0, 100.0, 1.0), 0.5);
    }
}
