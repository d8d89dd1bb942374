use leptos::prelude::*;

use super::{
    loss_plot::LossPlot,
    previews::Previews,
    progress::{ProgressBar, stage_words},
};
use crate::{store::Run, strings::t, studio::Studio};

/// How the run goes: preparing, then step by step; afterwards, how it ended.
#[component]
pub fn TrainProgress() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let run = store.run;
    // Before the first step, what the engine prepares; later, the steps.
    let meter = move || store.meter.get().filter(|_| store.is_training());
    let words = move || match (run.get(), meter()) {
        (Some(_), Some(meter)) => stage_words(&meter),
        (Some(run), None) => match run.outcome {
            Some(_) if run.is_paused() => (t().keep.paused)(run.step, run.steps),
            Some(outcome) => (t().training_ended)(outcome, run.step),
            None if run.step == 0 => t().training_starts.to_owned(),
            None => (t().step_of)(run.step, run.steps),
        },
        (None, _) => String::new(),
    };
    let fraction = move || {
        if let Some(meter) = meter() {
            return meter.fraction();
        }
        let run = run.get()?;
        let share = f64::from(run.step) / f64::from(run.steps.max(1));
        (run.step > 0 || run.outcome.is_some()).then_some(share)
    };
    let left = move || match meter() {
        Some(meter) => meter.seconds_left(),
        None => run.get().and_then(|r| r.seconds_left).map(f64::from),
    };
    let has_run = Memo::new(move |_| run.with(Option::is_some));
    view! {
        <Show when=move || has_run.get()>
            <div class="run" data-testid="run" data-ended=move || run.get().map(|r| r.outcome.is_some().to_string())>
                <ProgressBar
                    label=Signal::derive(words)
                    fraction=Signal::derive(fraction)
                    seconds_left=Signal::derive(left)
                    testid="train-step"
                />
                <Show when=move || store.is_idle() && store.current.get().is_some()>
                    <a class="onward" href="#make">{t().onward}</a>
                </Show>
                <LossPlot />
                <Copying />
                <Previews />
            </div>
        </Show>
    }
}

/// A sentence when training has begun to copy.
#[component]
fn Copying() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let said = Memo::new(move |_| {
        let run = |get: fn(&Run) -> bool| store.run.with(|run| run.as_ref().is_some_and(get));
        if run(Run::copies) {
            return Some(t().keep.copies_preview);
        }
        // Without works held back the loss says nothing about that.
        let rises = run(|run| run.held_back) && store.loss.with(|curve| curve.copies());
        rises.then_some(t().keep.copies)
    });
    view! {
        <Show when=move || said.get().is_some()>
            <p class="calm" role="status" data-testid="copies">
                {move || said.get()}
            </p>
        </Show>
    }
}
