use leptos::prelude::*;

use crate::{store::EngineState, strings::t, studio::Studio};

/// What stands where the engine cannot work: why, and what to do. A calm word where it is slow.
#[component]
pub fn EngineTrouble() -> impl IntoView {
    let studio = expect_context::<Studio>();
    let store = studio.store;
    let software = move || store.gpu.with(|g| g.as_ref().is_some_and(|g| g.software));
    move || match store.engine.get() {
        EngineState::Unsupported(message) => view! { <Unsupported message /> }.into_any(),
        EngineState::ModelFailed(message) => view! {
            <div class="trouble" role="alert" data-testid="model-failed">
                <h2>{t().model_failed_title}</h2>
                <p>
                    {store.chosen.get().map(|model| view! { <b>{model.title}</b> ": " })} {message}
                </p>
                <div class="buttons">
                    <button type="button" class="primary" on:click=move |_| studio.load_model()>
                        {t().try_again}
                    </button>
                    <Show when=move || store.chosen.with(Option::is_some)>
                        <button
                            type="button"
                            class="button"
                            data-testid="model-use-own"
                            on:click=move |_| studio.open_model(None)
                        >
                            {(t().models.use_of)("Sketch")}
                        </button>
                    </Show>
                </div>
            </div>
        }
        .into_any(),
        EngineState::Lost(message) => view! {
            <div class="trouble" role="alert" data-testid="engine-lost">
                <h2>{t().lost_title}</h2>
                <p>{message}</p>
                <p>{t().lost_kept}</p>
                <button
                    type="button"
                    class="primary"
                    data-testid="engine-restart"
                    on:click=move |_| studio.start_engine()
                >
                    {t().restart}
                </button>
            </div>
        }
        .into_any(),
        _ if software() => view! {
            <p class="calm" data-testid="software-notice">
                {t().software}
            </p>
        }
        .into_any(),
        _ => ().into_any(),
    }
}

/// Which feature is missing, and the ways to get it.
#[component]
fn Unsupported(message: String) -> impl IntoView {
    let secure = window().is_secure_context();
    view! {
        <div class="trouble" role="alert" data-testid="unsupported">
            <h2>{t().unsupported_title}</h2>
            <p>{message}</p>
            {(!secure).then(|| view! { <p>{t().unsupported_insecure}</p> })}
            <p>{t().unsupported_needs}</p>
            <ul>
                {t().unsupported_ways.iter().map(|way| view! { <li>{*way}</li> }).collect_view()}
            </ul>
        </div>
    }
}
