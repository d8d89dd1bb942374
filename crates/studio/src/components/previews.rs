use leptos::{html, prelude::*};

use super::picture_canvas::PictureCanvas;
use crate::{strings::t, studio::Studio};

/// The same pictures again and again, from before training to now.
#[component]
pub fn Previews() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let strip = NodeRef::<html::Ol>::new();
    let count = Memo::new(move |_| store.previews.with(Vec::len));
    // The newest stays in sight.
    Effect::new(move |_| {
        count.track();
        if let Some(strip) = strip.get() {
            request_animation_frame(move || strip.set_scroll_left(strip.scroll_width()));
        }
    });
    let prompt = move |i: usize| {
        store
            .run
            .with_untracked(|r| r.as_ref().and_then(|r| r.preview_prompts.get(i).cloned()))
            .unwrap_or_default()
    };
    view! {
        <Show when=move || { count.get() > 0 }>
            <h3 id="previews-title">{t().previews}</h3>
            <ol class="strip previews" node_ref=strip tabindex="0" aria-labelledby="previews-title">
                <For each=move || store.previews.get() key=|row| row.step let(row)>
                    <li>
                        {row
                            .pictures
                            .iter()
                            .enumerate()
                            .map(|(i, picture)| {
                                view! {
                                    <PictureCanvas
                                        picture=picture.clone()
                                        label=(t().preview_of)(&prompt(i), row.step)
                                        testid="preview"
                                    />
                                }
                            })
                            .collect_view()}
                        <p class="small">{(t().preview_at)(row.step)}</p>
                    </li>
                </For>
            </ol>
        </Show>
    }
}
