use leptos::prelude::*;

use super::{
    adapters::Adapters, chapter::Chapter, notices::Notices, presets::Presets,
    train_details::TrainDetails, train_progress::TrainProgress,
};
use crate::{
    store::{GoOnGate, Place, TrainGate},
    strings::t,
    studio::Studio,
};

/// Learning the hand: how long, start and stop, and how it goes.
#[component]
pub fn Train() -> impl IntoView {
    let studio = expect_context::<Studio>();
    let store = studio.store;
    let gate = Memo::new(move |_| store.train_gate());
    let few = move || matches!(store.works.with(Vec::len), 1..=4);
    let start = move |_| match gate.get_untracked() {
        TrainGate::Open => studio.train(),
        TrainGate::NoWorks => go_to_works(),
        TrainGate::Stopped => studio.start_engine(),
        TrainGate::NoModel => studio.load_model(),
        TrainGate::NotReady | TrainGate::Reading | TrainGate::Training | TrainGate::Sampling => {}
    };
    let go_on = Memo::new(move |_| store.go_on_gate());
    let paused = move || go_on.get() != GoOnGate::Nothing && !store.is_training();
    let label = move || match gate.get() {
        TrainGate::Open if paused() => t().keep.start_over,
        TrainGate::Open => (t().train)(store.learns.get()),
        TrainGate::NoWorks => t().train_needs_works,
        TrainGate::NotReady => t().train_needs_engine,
        TrainGate::Stopped => t().restart_engine,
        TrainGate::NoModel => t().reload_model,
        TrainGate::Reading => t().train_reads_works,
        TrainGate::Training | TrainGate::Sampling => t().train_waits,
    };
    let time = move || {
        let seconds = store.foretold.get()?.seconds?;
        (t().about)(seconds)
    };
    let blocked = move || {
        use TrainGate::*;
        matches!(gate.get(), NotReady | Reading | Training | Sampling)
    };
    view! {
        <Chapter id="train" title=t().train_title lead=t().train_lead>
            <Presets />
            <TrainDetails />
            <Notices place=Place::Train />
            <div class="buttons">
                <Show
                    when=move || store.is_training()
                    fallback=move || {
                        view! {
                            <Show when=move || matches!(go_on.get(), GoOnGate::Open | GoOnGate::Wait)>
                                <button
                                    type="button"
                                    class="primary"
                                    data-testid="train-go-on"
                                    aria-disabled=move || (go_on.get() != GoOnGate::Open).then_some("true")
                                    on:click=move |_| studio.go_on()
                                >
                                    {t().keep.go_on}
                                </button>
                            </Show>
                            <button
                                type="button"
                                class=move || if paused() { "button" } else { "primary" }
                                data-testid="train-start"
                                aria-disabled=move || blocked().then_some("true")
                                on:click=start
                            >
                                {label}
                            </button>
                        }
                    }
                >
                    <button
                        type="button"
                        class="primary"
                        data-testid="train-stop"
                        aria-disabled=move || store.stopping.get().then_some("true")
                        on:click=move |_| studio.stop()
                    >
                        {move || if store.stopping.get() { t().stopping } else { t().keep.pause }}
                    </button>
                </Show>
                <Show when=move || gate.get() == TrainGate::Open>
                    <span class="small" data-testid="foretold-time">{time}</span>
                </Show>
                <Show when=move || go_on.get() == GoOnGate::WorksGone && !store.is_training()>
                    <p class="small">{t().keep.works_gone}</p>
                </Show>
                <Show when=few>
                    <p class="small">{t().few_works}</p>
                </Show>
            </div>
            <TrainProgress />
            <Adapters />
        </Chapter>
    }
}

/// Where there is nothing to train on, the button leads to where works come in.
fn go_to_works() {
    let input = document()
        .query_selector("#works input[type=file]")
        .ok()
        .flatten();
    if let Some(input) = input {
        use wasm_bindgen::JsCast;
        if let Some(drop) = input.closest(".drop").ok().flatten() {
            drop.scroll_into_view();
        }
        input.unchecked_into::<web_sys::HtmlElement>().focus().ok();
    }
}
