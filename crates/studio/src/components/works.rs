use leptos::prelude::*;

use super::{
    chapter::Chapter,
    learns::LearnsChoice,
    notices::Notices,
    picker::Picker,
    sample_works::{SampleCredits, SampleWorks},
    work_tile::WorkTile,
};
use crate::{store::Place, strings::t, studio::Studio};

/// What browsers decode, captions in text files, and adapters.
const ACCEPT: &str = "image/*,.txt,.safetensors";

/// The artist's works, their captions and the phrase that calls the hand.
#[component]
pub fn Works() -> impl IntoView {
    let studio = expect_context::<Studio>();
    let store = studio.store;
    let count = Memo::new(move |_| store.works.with(Vec::len));
    let [r, g, b] = [0, 1, 2].map(|i| move || store.training.with(|s| s.background[i]));
    let background = move || format!("rgb({} {} {})", r(), g(), b());
    view! {
        <Chapter id="works" title=t().works_title lead=t().works_lead small=t().works_rights>
            <div class="drop" class:filled=move || { count.get() > 0 }>
                <Show when=move || count.get() == 0>
                    <p class="drop-title">{t().drop_title}</p>
                </Show>
                <div class="buttons">
                    <Picker label=t().choose_files testid="works-input" accept_types=ACCEPT primary=true
                        picked=move |files| studio.add_files(files) />
                    <Picker label=t().choose_folder testid="works-folder-input" accept_types=ACCEPT folder=true
                        picked=move |files| studio.add_files(files) />
                    <SampleWorks />
                </div>
                <p class="small">
                    {move || if count.get() == 0 { t().drop_hint } else { t().drop_more }}
                </p>
            </div>
            <Notices place=Place::Works />
            <Show when=move || { count.get() > 0 }>
                <div class="row works-head">
                    <p data-testid="works-count">{move || (t().works_count)(count.get())}</p>
                    <button
                        type="button"
                        class="quiet"
                        data-testid="works-clear"
                        on:click=move |_| studio.remove_all_works()
                    >
                        {t().remove_all}
                    </button>
                </div>
                <ul class="works" style=("--work-ground", background)>
                    <For each=move || store.works.get() key=|work| work.id let(work)>
                        <WorkTile work />
                    </For>
                </ul>
                <SampleCredits />
                <LearnsChoice />
                <label class="field wide">
                    <span class="label">{t().trigger}</span>
                    <input
                        type="text"
                        data-testid="trigger"
                        autocomplete="off"
                        prop:value=store.trigger
                        on:input=move |e| store.trigger.set(event_target_value(&e))
                    />
                    <span class="help">{move || (t().trigger_help)(store.learns.get())}</span>
                </label>
            </Show>
        </Chapter>
    }
}
