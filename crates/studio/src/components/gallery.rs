use std::sync::Arc;

use leptos::{html, prelude::*};

use super::requests::RequestsLink;
use crate::{
    gallery::{Gallery, picture_path},
    store::Shown,
    strings::t,
    studio::Studio,
};

/// A gallery's first screen: whose pictures, what one may do with them, and the pictures.
#[component]
pub fn GalleryShow() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    move || match store.gallery.shown.get() {
        Shown::Nothing => ().into_any(),
        // Its name is in the page's own head, where publishing put it.
        Shown::Coming => view! {
            <div class="intro gallery-intro">
                <h1 dir="auto">{document().title()}</h1>
            </div>
        }
        .into_any(),
        Shown::Here(gallery) => view! { <Here gallery /> }.into_any(),
    }
}

#[component]
fn Here(gallery: Arc<Gallery>) -> impl IntoView {
    let opened = RwSignal::new(None::<usize>);
    let pictures = gallery.pictures.iter().enumerate().map(|(place, picture)| {
        let prompt = picture.settings.prompt.clone();
        view! {
            <li>
                <button
                    type="button"
                    class="gallery-picture"
                    data-testid="gallery-picture"
                    aria-label=(t().gallery.picture)(&prompt)
                    on:click=move |_| opened.set(Some(place))
                >
                    <img src=picture_path(place) alt="" loading="lazy" decoding="async" width="256" height="256" />
                </button>
            </li>
        }
    });
    let pictures = pictures.collect_view();
    let deed = gallery.licence.deed();
    view! {
        <section class="gallery" aria-labelledby="gallery-title" data-testid="gallery">
            <div class="intro gallery-intro">
                <h1 id="gallery-title" dir="auto" data-testid="gallery-title">{gallery.title.clone()}</h1>
                <p class="gallery-artist" dir="auto" data-testid="gallery-artist">
                    {(t().gallery.by)(&gallery.artist)}
                </p>
                <p class="lead">{t().gallery.lead}</p>
                <div class="row gallery-draw">
                    <a class="button primary" href="#make" data-testid="gallery-draw">{t().gallery.draw}</a>
                    <RequestsLink />
                </div>
            </div>
            <h2 class="visually-hidden">{t().gallery.pictures}</h2>
            <ul class="gallery-pictures">{pictures}</ul>
            <p class="small gallery-licence" data-testid="gallery-licence">
                {(t().gallery.may)(gallery.licence, &gallery.artist)}
                {deed
                    .map(|(name, address)| {
                        view! {
                            " "
                            <a href=address target="_blank" rel="license noreferrer noopener">
                                {(t().gallery.deed)(name)}
                            </a>
                        }
                    })}
            </p>
            <One gallery=gallery.clone() opened />
        </section>
    }
}

/// One picture, large, with its recipe.
#[component]
fn One(gallery: Arc<Gallery>, opened: RwSignal<Option<usize>>) -> impl IntoView {
    let studio = expect_context::<Studio>();
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        if let Some(dialog) = dialog.get().filter(|_| opened.get().is_some()) {
            dialog.show_modal().ok();
        }
    });
    let close = move || {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
    };
    let picture = move || {
        let place = opened.get()?;
        let picture = gallery.pictures.get(place)?.clone();
        let prompt = picture.settings.prompt.clone();
        let negative = picture.settings.negative_prompt.clone();
        let rest = (t().recipe)(&atelier_protocol::SampleSettings {
            prompt: String::new(),
            ..picture.settings
        });
        Some(view! {
            <img
                src=picture_path(place)
                alt=(t().picture_of)(&prompt, t().gallery.hand_side)
                width="512" height="512" />
            <div class="gallery-recipe">
                <h2 id="gallery-one" class="visually-hidden">{t().gallery.recipe}</h2>
                <p class="gallery-prompt" dir="auto" data-testid="gallery-prompt">{prompt}</p>
                {(!negative.is_empty())
                    .then(|| view! { <p class="small" dir="auto">{t().negative} ": " {negative}</p> })}
                <p class="small" data-testid="gallery-recipe">{rest}</p>
                {picture.from_image.then(|| view! { <p class="small">{t().link.from_image}</p> })}
                <div class="buttons">
                    <button
                        type="button"
                        class="primary"
                        data-testid="gallery-take"
                        on:click=move |_| {
                            close();
                            studio.take_gallery_recipe(place);
                        }
                    >
                        {t().gallery.take}
                    </button>
                    <a class="button" href=picture_path(place) download data-testid="gallery-save">
                        {t().gallery.save}
                    </a>
                    <button type="button" class="quiet" data-testid="gallery-close" on:click=move |_| close()>
                        {t().gallery.close}
                    </button>
                </div>
            </div>
        })
    };
    view! {
        <dialog
            node_ref=dialog
            class="ask gallery-one"
            aria-labelledby="gallery-one"
            on:close=move |_| opened.set(None)
        >
            {picture}
        </dialog>
    }
}

/// What stands before the chapters of training, in a gallery.
#[component]
pub fn OwnHand() -> impl IntoView {
    view! {
        <div class="own-hand" data-testid="own-hand">
            <h2>{t().gallery.own_title}</h2>
            <p>{t().gallery.own_lead}</p>
            <p class="small">{t().private}</p>
        </div>
    }
}
