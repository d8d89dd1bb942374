use leptos::prelude::*;

use crate::{
    format,
    loss::{LossCurve, Traces, path},
    strings::t,
    studio::Studio,
};

/// Points a line is drawn with, at most.
const POINTS: usize = 240;
/// The drawing's own units; the page stretches it to its place.
const SIZE: (f32, f32) = (1000.0, 240.0);

/// Loss over the steps: each step faintly, the smoothed line, and the validation points.
#[component]
pub fn LossPlot() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let frame = each_frame(store.loss);
    let traces = Memo::new(move |_| {
        frame.track();
        store.loss.with_untracked(|curve| curve.traces(POINTS))
    });
    let steps = Memo::new(move |_| store.run.with(|r| r.as_ref().map_or(1, |r| r.steps)));
    let line = move |pick: fn(&Traces) -> &Vec<(f32, f32)>| {
        move || traces.with(|t| path(pick(t), steps.get() as f32, t.range, SIZE))
    };
    // A line of no length has round ends: a dot that the stretching leaves round.
    let dots = move || {
        traces.with(|t| {
            let each = t
                .validation
                .iter()
                .map(|p| path(&[*p, *p], steps.get() as f32, t.range, SIZE));
            each.collect::<String>()
        })
    };
    let held_back = move || store.run.with(|r| r.as_ref().is_some_and(|r| r.held_back));
    let latest = move || store.loss.with(|c| c.latest()).map(format::loss);
    let validation = move || store.loss.with(|c| c.latest_validation()).map(format::loss);
    let summary = move || {
        store
            .loss
            .with(|c| (t().loss_summary)(c.latest(), c.first_validation(), c.latest_validation()))
    };
    let empty = Memo::new(move |_| store.loss.with(|c| c.is_empty()));
    view! {
        <Show when=move || !empty.get()>
            <figure class="plot" data-testid="loss-plot">
                <figcaption>
                    <span class="key training">{t().loss_training} <b>{latest}</b></span>
                    <span class="key validation">
                        {move || if held_back() { t().loss_held_back } else { t().loss_fixed }}
                        <b>{validation}</b>
                    </span>
                </figcaption>
                <div class="plot-area">
                    <span class="y high">{move || format::loss(traces.with(|t| t.range.1))}</span>
                    <span class="y low">{move || format::loss(traces.with(|t| t.range.0))}</span>
                    <svg
                        viewBox=format!("0 0 {} {}", SIZE.0, SIZE.1)
                        preserveAspectRatio="none"
                        role="img"
                        aria-label=summary
                    >
                        <path class="raw" d=line(|t| &t.raw) />
                        <path class="smooth" d=line(|t| &t.smooth) />
                        <path class="validation" d=line(|t| &t.validation) />
                        <path class="validation dots" d=dots />
                    </svg>
                </div>
                <p class="x" aria-hidden="true">
                    <span>{"0"}</span>
                    <span>{move || (t().steps)(steps.get())}</span>
                </p>
            </figure>
        </Show>
    }
}

/// Tells of changes once a frame at most, however many steps a second there are; in a hidden tab not
/// at all.
fn each_frame(source: RwSignal<LossCurve>) -> ArcTrigger {
    let frame = ArcTrigger::new();
    let asked = StoredValue::new(false);
    let tell = frame.clone();
    Effect::new(move |_| {
        source.track();
        if !asked.get_value() {
            asked.set_value(true);
            let tell = tell.clone();
            request_animation_frame(move || {
                // The plot may be gone by then.
                asked.try_update_value(|asked| *asked = false);
                tell.notify();
            });
        }
    });
    frame
}
