use atelier_protocol::Outcome;
use leptos::{html, prelude::*};

use super::picture_canvas::PictureCanvas;
use crate::{store::PreviewRow, strings::t, studio::Studio};

/// The same pictures again and again, from the same seeds: a slider goes from before training to
/// now, and below lies the strip of all.
#[component]
pub fn Previews() -> impl IntoView {
    let studio = expect_context::<Studio>();
    let store = studio.store;
    let strip = NodeRef::<html::Ol>::new();
    let count = Memo::new(move |_| store.previews.with(Vec::len));
    // Which row the slider stands at; none follows the newest.
    let chosen = RwSignal::new(None::<usize>);
    let last = move || count.get().saturating_sub(1);
    let at = Memo::new(move |_| chosen.get().map_or(last(), |i| i.min(last())));
    let choose = move |i: usize| chosen.set((i < last()).then_some(i));
    // The newest stays in sight.
    Effect::new(move |_| {
        count.track();
        if let Some(strip) = strip.get() {
            request_animation_frame(move || strip.set_scroll_left(strip.scroll_width()));
        }
    });
    let row = Memo::new(move |_| store.previews.with(|rows| rows.get(at.get()).cloned()));
    let step = move || row.get().map(|row| (t().preview_at)(row.step));
    // The last of a finished run is in use already.
    let is_earlier = move || {
        let run = store.run.get();
        let end = run.filter(|run| run.outcome == Some(Outcome::Finished));
        row.with(|row| {
            let row = row.as_ref().filter(|row| row.adapter.is_some());
            row.is_some_and(|row| end.is_none_or(|run| row.step < run.steps))
        })
    };
    view! {
        <Show when=move || { count.get() > 0 }>
            <h3 id="previews-title">{t().previews}</h3>
            <div class="preview-now">{move || row.get().map(|row| view! { <Row row large=true /> })}</div>
            <Show when=move || { count.get() > 1 }>
                <label class="field preview-slider">
                    <span class="label">
                        {t().keep.before_and_now} " " <output data-testid="preview-at">{step}</output>
                    </span>
                    <input
                        type="range"
                        data-testid="preview-slider"
                        min="0"
                        max=move || last().to_string()
                        step="1"
                        aria-valuetext=step
                        prop:value=move || at.get().to_string()
                        on:input=move |e| {
                            if let Ok(i) = event_target_value(&e).parse() {
                                choose(i);
                            }
                        }
                    />
                </label>
                <Show when=move || is_earlier() && store.is_idle()>
                    <div class="buttons">
                        <button
                            type="button"
                            class="button"
                            data-testid="preview-take"
                            on:click=move |_| {
                                if let Some(row) = row.get_untracked() {
                                    studio.take_preview(&row);
                                }
                            }
                        >
                            {t().keep.take_preview}
                        </button>
                    </div>
                </Show>
                <ol class="strip previews" node_ref=strip tabindex="0" aria-labelledby="previews-title">
                    <For
                        each=move || store.previews.get().into_iter().enumerate()
                        key=|(_, row)| row.step
                        let((i, row))
                    >
                        <li class:chosen=move || at.get() == i on:click=move |_| choose(i)>
                            <Row row=row.clone() />
                            <p class="small">{(t().preview_at)(row.step)}</p>
                        </li>
                    </For>
                </ol>
            </Show>
        </Show>
    }
}

/// The previews of one step, one for each prompt.
#[component]
fn Row(row: PreviewRow, #[prop(optional)] large: bool) -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let prompt = move |i: usize| {
        store
            .run
            .with_untracked(|r| r.as_ref().and_then(|r| r.preview_prompts.get(i).cloned()))
            .unwrap_or_default()
    };
    let testid = if large { "preview-large" } else { "preview" };
    row.pictures
        .iter()
        .enumerate()
        .map(|(i, picture)| {
            let label = (t().preview_of)(&prompt(i), row.step);
            view! { <PictureCanvas picture=picture.clone() label testid /> }
        })
        .collect_view()
}
