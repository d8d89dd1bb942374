use leptos::{ev, html, prelude::*};

use super::fields::CheckField;
use crate::{
    store::{Mask, StartImage, Stroke},
    strings::t,
    studio::Studio,
};

/// How wide the brush is, in sides of the picture.
const WIDTH: f32 = 0.12;

/// The square that the engine takes from a picture, painted over where it is to be made anew: with mouse,
/// pen or finger, or with the keys.
#[component]
pub fn MaskPainter(image: StartImage) -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let mask = store.mask;
    let width = RwSignal::new(WIDTH);
    let erases = RwSignal::new(false);
    let at = RwSignal::new((0.5_f32, 0.5_f32));
    let down = StoredValue::new(false);
    let surface = NodeRef::<html::Div>::new();

    let begin = move |place| {
        let (radius, erases) = (width.get_untracked() / 2.0, erases.get_untracked());
        mask.update(|m| m.begin(place, radius, erases));
    };
    let say = move || (t().many.painted)(mask.with_untracked(Mask::share));
    let take_back = move |all: bool| {
        mask.update(|m| {
            let last = m.strokes.len().saturating_sub(1);
            m.strokes.truncate(if all { 0 } else { last });
        });
        store.announcement.set(say());
    };
    let place = move |event: &ev::PointerEvent| {
        let side = surface.get_untracked().map_or(1, |s| s.offset_width());
        let part = |pixels: i32| pixels as f32 / side.max(1) as f32;
        (part(event.offset_x()), part(event.offset_y()))
    };
    let press = move |event: ev::PointerEvent| {
        if event.button() != 0 || !event.is_primary() {
            return;
        }
        if let Some(surface) = surface.get_untracked() {
            surface.set_pointer_capture(event.pointer_id()).ok();
        }
        down.set_value(true);
        at.set(place(&event));
        begin(at.get_untracked());
    };
    let move_to = move |event: ev::PointerEvent| {
        if event.is_primary() {
            at.set(place(&event));
            if down.get_value() {
                mask.update(|m| m.go_on(at.get_untracked()));
            }
        }
    };
    let lift = move |_: ev::PointerEvent| down.set_value(false);
    let key = move |event: ev::KeyboardEvent| {
        let command = event.ctrl_key() || event.meta_key();
        if command && event.key() == "z" {
            event.prevent_default();
            take_back(false);
            return;
        }
        // Half the brush, so that one dab meets the next.
        let step = width.get_untracked() / 2.0;
        let (dx, dy) = match event.key().as_str() {
            "ArrowLeft" => (-step, 0.0),
            "ArrowRight" => (step, 0.0),
            "ArrowUp" => (0.0, -step),
            "ArrowDown" => (0.0, step),
            " " => (0.0, 0.0),
            _ => return,
        };
        if command || event.alt_key() {
            return;
        }
        event.prevent_default();
        let (x, y) = at.get_untracked();
        let paints = event.shift_key() || event.key() == " ";
        if paints {
            begin((x, y));
        }
        at.set(((x + dx).clamp(0.0, 1.0), (y + dy).clamp(0.0, 1.0)));
        if paints {
            mask.update(|m| m.go_on(at.get_untracked()));
        }
        let (x, y) = at.get_untracked();
        let words = (t().many.brush_at)(x, y);
        let words = if paints {
            format!("{words} {}", say())
        } else {
            words
        };
        store.announcement.set(words);
    };

    let nothing = Memo::new(move |_| mask.with(|m| m.strokes.is_empty()));
    let share = Memo::new(move |_| mask.with(Mask::share));
    let percent = |part: f32| format!("{:.2}", 100.0 * part);
    let stroke = move |stroke: &Stroke| {
        // A line of no length has round ends: a dot.
        let points = stroke.points.iter().chain(stroke.points.last());
        let points: String = points
            .map(|(x, y)| format!("{},{} ", percent(*x), percent(*y)))
            .collect();
        view! {
            <polyline
                points=points
                stroke=if stroke.erases { "black" } else { "white" }
                stroke-width=percent(2.0 * stroke.radius)
            />
        }
    };
    let size_changed = move |event: ev::Event| {
        if let Ok(percent) = event_target_value(&event).parse::<f32>() {
            width.set(percent / 100.0);
        }
    };
    view! {
        <div class="mask wide">
            <div
                node_ref=surface
                class="mask-surface"
                role="application"
                tabindex="0"
                aria-label=(t().many.paint)(&image.name)
                aria-describedby="mask-help mask-share"
                data-testid="mask"
                on:pointerdown=press
                on:pointermove=move_to
                on:pointerup=lift
                on:pointercancel=lift
                on:keydown=key
            >
                <img src=image.url alt="" draggable="false" />
                <svg viewBox="0 0 100 100" aria-hidden="true">
                    <mask id="mask-painted">
                        {move || mask.with(|m| m.strokes.iter().map(stroke).collect_view())}
                    </mask>
                    <rect class="painted" width="100" height="100" mask="url(#mask-painted)">{""}</rect>
                    <circle
                        class="brush"
                        cx=move || percent(at.get().0)
                        cy=move || percent(at.get().1)
                        r=move || percent(width.get() / 2.0)
                    />
                </svg>
            </div>
            <div class="mask-tools">
                <p class="small" id="mask-help">{t().many.paint_help}</p>
                <label class="field">
                    <span class="label">{t().many.brush}</span>
                    <input
                        type="range"
                        min="3"
                        max="40"
                        data-testid="mask-brush"
                        prop:value=move || format!("{:.0}", 100.0 * width.get())
                        on:input=size_changed
                    />
                </label>
                <CheckField label=t().many.erase.to_owned() testid="mask-erase"
                    value=erases set=move |v| erases.set(v) />
                <div class="buttons">
                    <button
                        type="button"
                        class="button"
                        data-testid="mask-undo"
                        aria-disabled=move || nothing.get().then_some("true")
                        on:click=move |_| take_back(false)
                    >
                        {t().many.undo}
                    </button>
                    <button
                        type="button"
                        class="button"
                        data-testid="mask-clear"
                        aria-disabled=move || nothing.get().then_some("true")
                        on:click=move |_| take_back(true)
                    >
                        {t().many.clear}
                    </button>
                </div>
                <p class="small" id="mask-share" data-testid="mask-share">
                    {move || (t().many.painted)(share.get())}
                </p>
            </div>
        </div>
    }
}
