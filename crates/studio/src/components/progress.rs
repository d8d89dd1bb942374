use leptos::prelude::*;

use crate::{meter::Meter, strings::t};

/// A bar with its words: what goes on, how far it has come, how long it will take.
#[component]
pub fn ProgressBar(
    #[prop(into)] label: Signal<String>,
    /// Between 0 and 1; none while it is not known.
    #[prop(into)]
    fraction: Signal<Option<f64>>,
    #[prop(into)] seconds_left: Signal<Option<f64>>,
    testid: &'static str,
) -> impl IntoView {
    let left = move || seconds_left.get().and_then(|s| (t().time_left)(s));
    let share = move || {
        fraction
            .get()
            .map_or("100%".to_owned(), |f| format!("{:.1}%", 100.0 * f))
    };
    view! {
        <div class="progress">
            <p class="progress-words">
                <span data-testid=testid>{label}</span>
                <span
                    class="left"
                    data-seconds=move || seconds_left.get().map(|s| format!("{s:.0}"))
                >
                    {left}
                </span>
            </p>
            <div
                class="bar"
                class:unknown=move || fraction.get().is_none()
                role="progressbar"
                aria-label=label
                aria-valuemin="0"
                aria-valuemax="100"
                aria-valuenow=move || fraction.get().map(|f| format!("{:.0}", 100.0 * f))
            >
                <div class="bar-done" style:width=share></div>
            </div>
        </div>
    }
}

/// The meter's stage in words, with its numbers where they say something.
pub fn stage_words(meter: &Meter) -> String {
    (t().stage)(meter.stage, meter.done, meter.total)
}
