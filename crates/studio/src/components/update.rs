use leptos::prelude::*;

use crate::{
    gate::{self, Gatekeeper},
    strings::t,
};

/// A newer version of the page waits: when it comes, and the way to have it now.
#[component]
pub fn Update() -> impl IntoView {
    let gatekeeper = expect_context::<Gatekeeper>();
    view! {
        <Show when=move || gatekeeper.update.get()>
            <div class="calm row update" role="status" data-testid="update">
                <p>
                    {move || {
                        if gatekeeper.other_tabs.get() { t().update_other_tabs } else { t().update_ready }
                    }}
                </p>
                <button type="button" class="button" data-testid="update-now" on:click=|_| gate::take_over()>
                    {t().update_now}
                </button>
            </div>
        </Show>
    }
}
