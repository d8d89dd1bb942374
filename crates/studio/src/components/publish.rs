use atelier_project::Licence;
use leptos::prelude::*;

use super::{
    chapter::Chapter, fields::TextField, notices::Notices, picture_canvas::PictureCanvas,
    progress::ProgressBar,
};
use crate::{
    gallery::{MAX_PICTURES, picture_path},
    store::{Candidate, PictureKey, Place, PublishGate},
    strings::t,
    studio::Studio,
};

/// A website of the artist's pictures. There is nothing of it before there is a picture to show.
#[component]
pub fn Publish() -> impl IntoView {
    let studio = expect_context::<Studio>();
    let store = studio.store;
    let candidates = Memo::new(move |_| store.candidates());
    let made_here = move |c: &Candidate| matches!(c.key, PictureKey::Made(_));
    let some = Memo::new(move |_| candidates.with(|c| c.iter().any(made_here)));
    Effect::new(move |_| {
        if some.get() {
            studio.look_at_site();
        }
    });
    view! {
        <Show when=move || some.get()>
            <Chapter id="publish" title=t().gallery.publish_title lead=t().gallery.publish_lead>
                <div class="fields publish-fields">
                    <TextField label=t().gallery.title testid="publish-title" most=80
                        value=Signal::derive(move || store.publish_title())
                        set=move |text| store.gallery.draft.update(|d| d.title = Some(text)) />
                    <TextField label=t().gallery.artist testid="publish-artist" most=80
                        value=Signal::derive(move || store.publish_artist())
                        set=move |text| store.gallery.draft.update(|d| d.artist = Some(text)) />
                </div>
                <Choice candidates />
                <Terms />
                <Make candidates />
            </Chapter>
        </Show>
    }
}

/// Which pictures go in.
#[component]
fn Choice(candidates: Memo<Vec<Candidate>>) -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let chosen = move || {
        candidates.with(|all| {
            let chosen = all.iter().filter(|c| c.chosen).count();
            (t().gallery.chosen)(chosen, all.len())
        })
    };
    let is_chosen =
        move |key: PictureKey| candidates.with(|all| all.iter().any(|c| c.key == key && c.chosen));
    let picture = move |key: PictureKey, label: String| match key {
        PictureKey::Published(place) => view! {
            <img src=picture_path(place) alt=label loading="lazy" width="96" height="96" />
        }
        .into_any(),
        PictureKey::Made(job) => {
            let made = store.made.get_untracked().into_iter();
            let shot = made.filter(|m| m.job == job).find_map(|m| m.adapter);
            shot.map(|shot| view! { <PictureCanvas picture=shot.picture label /> })
                .into_any()
        }
    };
    view! {
        <fieldset class="choice">
            <legend class="label">
                {t().gallery.choose} <span class="small" data-testid="publish-chosen">{chosen}</span>
            </legend>
            <div class="choice-pictures">
                <For each=move || candidates.get() key=|c| c.key let(candidate)>
                    <label class="choice-picture">
                        {picture(
                            candidate.key,
                            (t().picture_of)(&candidate.picture.settings.prompt, store.hand_side()),
                        )}
                        <input
                            type="checkbox"
                            data-testid="publish-picture"
                            prop:checked=move || is_chosen(candidate.key)
                            on:change=move |e| {
                                let yes = event_target_checked(&e);
                                store.gallery.decided.update(|d| _ = d.insert(candidate.key, yes));
                            }
                        />
                    </label>
                </For>
            </div>
        </fieldset>
    }
}

/// What others may do, in plain words.
#[component]
fn Terms() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let choice = move |licence: Licence| {
        let (what, how) = (t().gallery.allows)(licence);
        let deed = licence.deed().map(|(name, _)| format!(" {name}."));
        view! {
            <label class="terms-choice">
                <input
                    type="radio"
                    name="publish-licence"
                    data-testid="publish-licence"
                    prop:checked=move || store.publish_licence() == licence
                    on:change=move |_| store.gallery.draft.update(|d| d.licence = Some(licence))
                />
                <span>
                    <b>{what}</b>
                    <span class="small">{how} {deed}</span>
                </span>
            </label>
        }
    };
    view! {
        <fieldset class="terms">
            <legend class="label">{t().gallery.allow}</legend>
            {Licence::ALL.map(choice).collect_view()}
        </fieldset>
    }
}

/// What goes in, how large it gets, and the button.
#[component]
fn Make(candidates: Memo<Vec<Candidate>>) -> impl IntoView {
    let studio = expect_context::<Studio>();
    let store = studio.store;
    let gate = Memo::new(move |_| candidates.with(|all| store.publish_gate(all)));
    let size = Memo::new(move |_| candidates.with(|all| store.publish_size(all)));
    let sum = move || size.get().map(|parts| parts.iter().sum::<f64>());
    let label = move || match gate.get() {
        PublishGate::Open | PublishGate::Making => (t().gallery.publish)(sum()),
        PublishGate::NoTitle => t().gallery.needs_title.to_owned(),
        PublishGate::NoArtist => t().gallery.needs_artist.to_owned(),
        PublishGate::NoPictures => t().gallery.needs_pictures.to_owned(),
        PublishGate::TooMany => (t().gallery.too_many)(MAX_PICTURES),
        PublishGate::Wait => t().gallery.wait.to_owned(),
    };
    let packing = store.gallery.packing;
    let words = move || {
        let (done, of) = packing.get().unwrap_or_default();
        (t().gallery.packing)(done, of)
    };
    view! {
        <div class="publish-what">
            <p class="small">{t().gallery.goes_in}</p>
            <p class="small"><b>{t().gallery.stays}</b></p>
            <p class="small" data-testid="publish-size">{move || size.get().map(t().gallery.size)}</p>
        </div>
        <Show when=move || packing.with(Option::is_some)>
            <ProgressBar
                label=Signal::derive(words)
                fraction=Signal::derive(move || packing.get().map(|(done, of)| done / of.max(1.0)))
                seconds_left=Signal::derive(|| None)
                testid="publish-progress"
            />
        </Show>
        <div class="buttons">
            <button
                type="button"
                class="primary"
                data-testid="publish"
                aria-disabled=move || (gate.get() != PublishGate::Open).then_some("true")
                on:click=move |_| studio.publish()
            >
                {label}
            </button>
        </div>
        <Notices place=Place::Publish />
    }
}
