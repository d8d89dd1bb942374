use leptos::prelude::*;

use super::progress::{ProgressBar, stage_words};
use crate::{
    store::{Activity, EngineState},
    strings::t,
    studio::Studio,
};

/// The engine's state, in the page's upper corner.
#[component]
pub fn EngineStatus() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let state = move || match store.engine.get() {
        EngineState::Starting => ("starting", t().status_starting),
        EngineState::Loading => ("loading", t().status_loading),
        EngineState::Ready => ("ready", t().status_ready),
        EngineState::Unsupported(_) => ("unsupported", t().status_unsupported),
        EngineState::ModelFailed(_) => ("failed", t().status_model_failed),
        EngineState::Lost(_) => ("lost", t().status_lost),
    };
    let gpu = move || {
        let software = store.gpu.with(|g| g.as_ref().is_some_and(|g| g.software));
        let name = store.gpu.with(|g| g.as_ref().map(|g| g.name.clone()))?;
        (store.engine.get() == EngineState::Ready).then(|| {
            if software {
                t().software_short.to_owned()
            } else {
                name
            }
        })
    };
    // While the model comes; what training and sampling wait for is shown where they are.
    let loading = Memo::new(move |_| {
        let shown =
            store.engine.get() == EngineState::Loading && store.activity.get() == Activity::Idle;
        store.meter.get().filter(|_| shown)
    });
    view! {
        <div class="status" data-testid="engine-status" data-state=move || state().0>
            {move || match loading.get() {
                Some(_) => {
                    view! {
                        <ProgressBar
                            label=Signal::derive(move || loading.get().map(|m| stage_words(&m)).unwrap_or_default())
                            fraction=Signal::derive(move || loading.get().and_then(|m| m.fraction()))
                            seconds_left=Signal::derive(move || loading.get().and_then(|m| m.seconds_left()))
                            testid="model-progress"
                        />
                    }
                        .into_any()
                }
                None => {
                    view! {
                        <p>
                            <span class="dot" aria-hidden="true">{""}</span>
                            {move || state().1}
                            <span class="gpu">{gpu}</span>
                        </p>
                    }
                        .into_any()
                }
            }}
        </div>
    }
}
