use atelier_link::Recipe;
use leptos::prelude::*;

use crate::{
    store::{EngineState, Offered},
    strings::t,
    studio::Studio,
};

/// A recipe that a link or a picture brought: all of it to be read first, then the choice.
#[component]
pub fn RecipeOffer() -> impl IntoView {
    let studio = expect_context::<Studio>();
    let store = studio.store;
    let ready = move || store.engine.get() == EngineState::Ready && store.is_idle();
    move || {
        let offered = store.offered.get()?;
        let title = match &offered.file {
            Some(name) => (t().link.offered_by_file)(name),
            None => t().link.offered_by_link.to_owned(),
        };
        let label = match offered.adapter {
            Some(_) => t().link.take_over_with_adapter,
            None => t().link.take_over,
        };
        let is_file = offered.file.is_some();
        let take = move |_| {
            if ready() {
                studio.take_over();
            }
        };
        Some(view! {
            <section class="offer" aria-labelledby="offer-title" data-testid="recipe-offer">
                <h2 id="offer-title" tabindex="-1">{title}</h2>
                <p class="small">{t().link.nothing_yet}</p>
                <Facts recipe=offered.recipe.clone() />
                <Adapter offered />
                <div class="buttons">
                    <button
                        type="button"
                        class="primary"
                        data-testid="recipe-take"
                        aria-disabled=move || (!ready()).then_some("true")
                        on:click=take
                    >
                        {move || match ready() || store.engine.get() == EngineState::Ready {
                            true => label,
                            false => t().make_needs_engine,
                        }}
                    </button>
                    {is_file
                        .then(|| {
                            view! {
                                <button
                                    type="button"
                                    class="button"
                                    data-testid="recipe-as-work"
                                    on:click=move |_| studio.offered_as_work()
                                >
                                    {t().link.as_work}
                                </button>
                            }
                        })}
                    <button
                        type="button"
                        class="quiet"
                        data-testid="recipe-dismiss"
                        on:click=move |_| studio.dismiss_offer()
                    >
                        {t().link.not_now}
                    </button>
                </div>
            </section>
        })
    }
}

/// The recipe in words. All of it comes from a stranger, and all of it is text.
#[component]
fn Facts(recipe: Recipe) -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let negative = recipe.settings.negative_prompt.clone();
    let (model, hash) = (recipe.model.clone(), recipe.model_hash.clone());
    let other_model = move || {
        let here = store.model.get()?;
        let other = match &hash {
            Some(hash) => !here.hash.is_empty() && !hash.matches(&here.hash),
            None => !model.is_empty() && model != here.name,
        };
        other.then(|| (t().link.other_model)(&model))
    };
    let side = recipe.side;
    let other_side = move || {
        let here = store.model.get()?.resolution;
        let side = side.filter(|side| *side != here)?;
        Some((t().link.other_side)(side))
    };
    let prompt = recipe.settings.prompt.clone();
    let rest = (t().recipe)(&atelier_protocol::SampleSettings {
        prompt: String::new(),
        ..recipe.settings.clone()
    });
    view! {
        <dl class="facts">
            <div>
                <dt>{t().prompt}</dt>
                <dd data-testid="recipe-prompt">{prompt}</dd>
            </div>
            {(!negative.is_empty())
                .then(|| {
                    view! {
                        <div>
                            <dt>{t().negative}</dt>
                            <dd>{negative}</dd>
                        </div>
                    }
                })}
            <div>
                <dt>{t().details}</dt>
                <dd>{rest}</dd>
            </div>
            {(!recipe.model.is_empty())
                .then(|| {
                    view! {
                        <div>
                            <dt>{t().link.made_by_model}</dt>
                            <dd>{recipe.model.clone()}</dd>
                        </div>
                    }
                })}
        </dl>
        {move || other_model().map(|text| view! { <p class="calm">{text}</p> })}
        {move || other_side().map(|text| view! { <p class="small">{text}</p> })}
        {recipe.from_image.then(|| view! { <p class="calm">{t().link.from_image}</p> })}
    }
}

/// Whether the adapter is here, comes along, or must be had first.
#[component]
fn Adapter(offered: Offered) -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let named = offered.recipe.adapters.first().cloned()?;
    let more = offered.recipe.adapters.len() > 1;
    let bytes = offered.adapter.as_ref().map(|a| a.len() as f64);
    let title = named.title.clone();
    let recipe = offered.recipe;
    let state = move || match (bytes, store.shelved_as(&recipe)) {
        (Some(bytes), _) => (t().link.adapter_travels)(&title, bytes),
        (None, Some(_)) => (t().link.adapter_here)(&title),
        (None, None) => (t().link.adapter_missing)(&title),
    };
    Some(view! {
        <dl class="facts">
            <div>
                <dt>{t().link.adapter}</dt>
                <dd data-testid="recipe-adapter">{state}</dd>
            </div>
        </dl>
        {named
            .address
            .filter(|_| bytes.is_none())
            .map(|address| {
                view! {
                    <p class="small">
                        {t().link.adapter_at} " "
                        <a href=address.clone() target="_blank" rel="noreferrer noopener">
                            {address.clone()}
                        </a>
                    </p>
                }
            })}
        {more.then(|| view! { <p class="small">{t().link.more_adapters}</p> })}
    })
}
