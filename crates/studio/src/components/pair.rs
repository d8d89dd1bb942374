use leptos::prelude::*;

use super::picture_canvas::PictureCanvas;
use crate::{
    store::{Made, Shot},
    strings::t,
    studio::Studio,
};

/// The picture in view: the base's and the hand's, side by side, from the same seed.
#[component]
pub fn Pair() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let shown = Memo::new(move |_| {
        let job = store.shown.get()?;
        store
            .made
            .with(|made| made.iter().find(|m| m.job == job).cloned())
    });
    // Apart from the steps, at each of which the pictures would be drawn anew.
    let under_way = Memo::new(move |_| store.sampling.with(|s| s.map(|s| s.job)));
    view! {
        {move || {
            let made = shown.get()?;
            let pending = made.settings.compare && under_way.get() == Some(made.job);
            let alone = made.base.is_none() != made.adapter.is_none() && !pending;
            Some(
                view! {
                    <div class="pair" class:alone=alone>
                        <Side made=made.clone() with_adapter=false pending=pending />
                        <Side made=made.clone() with_adapter=true pending=pending />
                    </div>
                    <p class="small recipe" data-testid="recipe">{(t().recipe)(&made.settings)}</p>
                    {made.note.map(|note| view! { <p class="calm" data-testid="picture-note">{note}</p> })}
                },
            )
        }}
    }
}

#[component]
fn Side(made: Made, with_adapter: bool, pending: bool) -> impl IntoView {
    let studio = expect_context::<Studio>();
    let (name, testid, save_testid) = match with_adapter {
        true => (t().hand_side, "picture-adapter", "save-picture"),
        false => (t().base_side, "picture-base", "save-picture-base"),
    };
    let Made {
        settings,
        base,
        adapter,
        ..
    } = made;
    let shot = if with_adapter { adapter } else { base };
    match shot {
        Some(Shot { picture, png }) => {
            let label = (t().picture_of)(&settings.prompt, name);
            let shot = Shot {
                picture: picture.clone(),
                png,
            };
            let side = if with_adapter { "" } else { "base" };
            view! {
                <figure class="side">
                    <PictureCanvas picture label testid />
                    <figcaption class="row">
                        <span>{name}</span>
                        <button
                            type="button"
                            class="quiet"
                            data-testid=save_testid
                            aria-label=(t().save_picture_of)(name)
                            on:click=move |_| studio.save_picture(&shot, &settings.prompt, settings.seed, side)
                        >
                            {t().save_picture}
                        </button>
                    </figcaption>
                </figure>
            }
            .into_any()
        }
        None if pending => view! {
            <figure class="side">
                <div class="blank">{""}</div>
                <figcaption class="row"><span>{name}</span></figcaption>
            </figure>
        }
        .into_any(),
        None => ().into_any(),
    }
}
