use leptos::prelude::*;

use super::{divider::Divider, fields::CheckField, picture_canvas::PictureCanvas, share::Share};
use crate::{
    store::{Activity, Made, Shot},
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
            let both = made.base.is_some() && made.adapter.is_some();
            let alone = made.base.is_none() != made.adapter.is_none() && !pending;
            Some(
                view! {
                    <div class="pair" class:alone=alone hidden=move || both && store.divided.get()>
                        <Side made=made.clone() with_adapter=false pending=pending />
                        <Side made=made.clone() with_adapter=true pending=pending />
                    </div>
                    {made
                        .base
                        .clone()
                        .zip(made.adapter.clone())
                        .map(|(base, hand)| {
                            let prompt = made.settings.prompt.clone();
                            view! {
                                <div hidden=move || !store.divided.get()>
                                    <Divider base hand prompt />
                                </div>
                            }
                        })}
                    <PictureTools made=made.clone() both />
                    <p class="small recipe" data-testid="recipe">{(t().recipe)(&made.settings)}</p>
                    <Share made=made.clone() />
                    {made.note.map(|note| view! { <p class="calm" data-testid="picture-note">{note}</p> })}
                },
            )
        }}
    }
}

/// What can be done with the picture in view.
#[component]
fn PictureTools(made: Made, both: bool) -> impl IntoView {
    let studio = expect_context::<Studio>();
    let store = studio.store;
    let job = made.job;
    view! {
        <div class="row picture-tools">
            {both
                .then(|| {
                    view! {
                        <CheckField label=t().many.divider.to_owned() testid="divided"
                            value=store.divided set=move |v| store.divided.set(v) />
                    }
                })}
            <SavedSide />
            <button
                type="button"
                class="button"
                data-testid="favourite"
                aria-pressed=if made.favourite { "true" } else { "false" }
                on:click=move |_| studio.toggle_favourite(job)
            >
                <span class="star" aria-hidden="true">{if made.favourite { "★" } else { "☆" }}</span>
                {t().many.favourite}
            </button>
            <button
                type="button"
                class="quiet"
                data-testid="picture-remove"
                on:click=move |_| studio.remove_picture(job)
            >
                {t().many.remove}
            </button>
        </div>
    }
}

/// How large pictures are saved.
#[component]
fn SavedSide() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let busy = move || store.activity.get() != Activity::Idle;
    view! {
        <label class="row saved-side">
            <span>{t().many.saved_side}</span>
            <select
                data-testid="saved-side"
                disabled=busy
                on:change=move |e| {
                    store.saved_side.set(event_target_value(&e).parse().unwrap_or_default());
                }
            >
                {[0, 256, 512]
                    .map(|side: u32| {
                        let name = match side {
                            0 => t().many.as_made.to_owned(),
                            side => format!("{side} \u{d7} {side}"),
                        };
                        view! {
                            <option value=side.to_string() selected=move || store.saved_side.get() == side>
                                {name}
                            </option>
                        }
                    })}
            </select>
        </label>
    }
}

#[component]
fn Side(made: Made, with_adapter: bool, pending: bool) -> impl IntoView {
    let studio = expect_context::<Studio>();
    let store = studio.store;
    let (name, testid, save_testid) = match with_adapter {
        true => (
            untrack(|| store.hand_side()),
            "picture-adapter",
            "save-picture",
        ),
        false => (t().base_side, "picture-base", "save-picture-base"),
    };
    let whole = made.clone();
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
                            on:click=move |_| studio.save_picture(&shot, &whole, side)
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
