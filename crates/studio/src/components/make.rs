use leptos::{ev, prelude::*};

use super::{
    batch::Batch,
    chapter::Chapter,
    history::History,
    make_details::MakeDetails,
    make_many::MakeMany,
    notices::Notices,
    pair::Pair,
    progress::{ProgressBar, stage_words},
};
use crate::{
    format,
    store::{Activity, EngineState, GoOnGate, Place, Store},
    strings::t,
    studio::Studio,
};

/// Words in, pictures out.
#[component]
pub fn Make() -> impl IntoView {
    let studio = expect_context::<Studio>();
    let store = studio.store;
    let trigger = move || {
        store
            .adapter()
            .map(|a| a.trigger)
            .filter(|t| !t.trim().is_empty())
    };
    let blocked = move || match store.engine.get() {
        EngineState::Ready => store.is_training() && store.stopping.get(),
        EngineState::Lost(_) | EngineState::ModelFailed(_) => false,
        _ => true,
    };
    let label = move || match store.engine.get() {
        EngineState::Ready if store.is_training() && store.stopping.get() => t().stopping,
        EngineState::Ready if store.is_training() => t().keep.pause_and_make,
        EngineState::Ready => t().make,
        EngineState::Lost(_) => t().restart_engine,
        EngineState::ModelFailed(_) => t().reload_model,
        _ => t().make_needs_engine,
    };
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        match store.engine.get_untracked() {
            EngineState::Lost(_) => studio.start_engine(),
            EngineState::ModelFailed(_) => studio.load_model(),
            _ if matches!(store.activity.get_untracked(), Activity::Sampling(_)) => studio.stop(),
            _ if matches!(store.activity.get_untracked(), Activity::Training(_)) => {
                studio.pause_and_make();
            }
            _ => studio.make(),
        }
    };
    let (title, lead) = match untrack(|| store.is_gallery()) {
        true => (t().gallery.make_title, t().gallery.make_lead),
        false => (t().make_title, t().make_lead),
    };
    let can_go_on = Memo::new(move |_| store.go_on_gate() == GoOnGate::Open);
    // Enter makes the picture; with shift it is a new line.
    let enter = move |event: ev::KeyboardEvent| {
        if event.key() == "Enter" && !event.shift_key() && !event.is_composing() {
            event.prevent_default();
            studio.make();
        }
    };
    view! {
        <Chapter id="make" title=title lead=lead>
            <form class="make" on:submit=submit>
                <label class="field wide">
                    <span class="label">{t().prompt}</span>
                    <textarea
                        rows="2"
                        data-testid="prompt"
                        placeholder=t().prompt_placeholder
                        prop:value=move || store.sample.with(|s| s.prompt.clone())
                        on:input=move |e| store.sample.update(|s| s.prompt = event_target_value(&e))
                        on:keydown=enter
                    ></textarea>
                    {(!t().prompt_help.is_empty())
                        .then(|| view! { <span class="help">{t().prompt_help}</span> })}
                    <Show when=move || trigger().is_some()>
                        <span class="help" data-testid="trigger-added">
                            {move || words(store, t().trigger_added, t().gallery.trigger_added)(&trigger().unwrap_or_default())}
                        </span>
                    </Show>
                </label>
                <Show when=move || store.current.get().is_some()>
                    <Strength />
                </Show>
                <MakeMany />
                <MakeDetails />
                <Notices place=Place::Make />
                <div class="buttons">
                    <Show
                        when=move || store.is_sampling()
                        fallback=move || {
                            view! {
                                <button
                                    type="submit"
                                    class="primary"
                                    data-testid="make"
                                    aria-disabled=move || blocked().then_some("true")
                                >
                                    {label}
                                </button>
                            }
                        }
                    >
                        <button
                            type="submit"
                            class="primary"
                            data-testid="make-stop"
                            aria-disabled=move || store.stopping.get().then_some("true")
                        >
                            {move || if store.stopping.get() { t().stopping } else { t().stop }}
                        </button>
                    </Show>
                    <Show when=move || can_go_on.get()>
                        <button type="button" class="button" on:click=move |_| studio.go_on()>
                            {t().keep.go_on}
                        </button>
                    </Show>
                </div>
            </form>
            <MakeProgress />
            <Pair />
            <Batch />
            <History />
        </Chapter>
    }
}

/// Words for a hand of the artist's own, or for a gallery's.
fn words<T>(store: Store, own: T, gallery: T) -> T {
    match store.draws_as_gallery() {
        true => gallery,
        false => own,
    }
}

/// How much of the hand goes into the next picture.
#[component]
fn Strength() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let strength = move || store.sample.with(|s| f64::from(s.strength));
    view! {
        <label class="field strength">
            <span class="label">
                {move || words(store, t().strength, t().gallery.strength)} " " <output>{move || format::number(strength())}</output>
            </span>
            <input
                type="range"
                data-testid="strength"
                min="0"
                max="1.5"
                step="0.05"
                prop:value=move || format::number(strength())
                on:input=move |e| {
                    if let Ok(value) = event_target_value(&e).parse() {
                        store.sample.update(|s| s.strength = value);
                    }
                }
            />
            <span class="help">{move || words(store, t().strength_help, t().gallery.strength_help)}</span>
        </label>
    }
}

/// Warm-up, then the sampler's steps.
#[component]
fn MakeProgress() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let meter = move || store.meter.get().filter(|_| store.is_sampling());
    let words = move || match (meter(), store.sampling.get()) {
        (Some(meter), _) => stage_words(&meter),
        (None, Some(p)) if p.step > 0 => {
            let words = (t().making)(p.step, p.steps);
            match store.queue.get() {
                (n, total) if total > 1 => format!("{words} · {}", (t().many.of)(n, total)),
                _ => words,
            }
        }
        _ => t().making_starts.to_owned(),
    };
    let fraction = move || match (meter(), store.sampling.get()) {
        (Some(meter), _) => meter.fraction(),
        (None, progress) => progress.map(|p| p.fraction()).filter(|f| *f > 0.0),
    };
    let left = move || match meter() {
        Some(meter) => meter.seconds_left(),
        None => store.sampling.get().and_then(|p| p.seconds_left()),
    };
    view! {
        <Show when=move || store.is_sampling()>
            <ProgressBar
                label=Signal::derive(words)
                fraction=Signal::derive(fraction)
                seconds_left=Signal::derive(left)
                testid="make-step"
            />
        </Show>
    }
}
