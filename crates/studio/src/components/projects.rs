use leptos::{html, prelude::*};

use super::{fold::Fold, picker::Picker};
use crate::{
    store::{Keeping, Place},
    strings::t,
    studio::Studio,
};

/// Which project is open, whether it is safe, and what can be done with it.
#[component]
pub fn Projects() -> impl IntoView {
    let store = expect_context::<Studio>().store;
    let state = move || match store.keeping.get() {
        Keeping::Opening => ("opening", t().keep.opening),
        Keeping::Kept => ("kept", t().keep.kept),
        Keeping::Writing => ("writing", t().keep.writing),
        Keeping::Failed => ("failed", t().keep.failed),
        Keeping::Off => ("off", t().keep.off),
    };
    let on = move || store.keeping.get() != Keeping::Off;
    view! {
        <Fold
            label=t().keep.project
            testid="project"
            place=Place::Project
            line=view! {
                <b data-testid="project-name">{store.project_name}</b>
                <span class="small keeping" data-testid="keeping" data-state=move || state().0>
                    {move || state().1}
                </span>
            }
        >
            <Show when=on>
                <ProjectMenu />
            </Show>
        </Fold>
    }
}

#[component]
fn ProjectMenu() -> impl IntoView {
    let studio = expect_context::<Studio>();
    let store = studio.store;
    let free = Memo::new(move |_| store.can_switch());
    let room = move || {
        let room = store.room.get()?;
        Some((t().keep.room)(room.used, room.persisted))
    };
    view! {
        <div class="project-menu">
            <label class="field">
                <span class="label">{t().keep.name}</span>
                <input
                    type="text"
                    maxlength="80"
                    autocomplete="off"
                    data-testid="project-rename"
                    prop:value=store.project_name
                    on:change=move |e| studio.rename_project(&event_target_value(&e))
                />
            </label>
            <Show when=move || store.projects.with(|p| p.len() > 1)>
                <Switch free />
            </Show>
            <fieldset class="buttons" disabled=move || !free.get()>
                <legend class="visually-hidden">{t().keep.project}</legend>
                <button type="button" class="button" data-testid="project-new" on:click=move |_| studio.new_project()>
                    {t().keep.new}
                </button>
                <button
                    type="button"
                    class="button"
                    data-testid="project-export"
                    on:click=move |_| studio.export_project()
                >
                    {t().keep.export}
                </button>
                <Picker label=t().keep.import testid="project-import" accept_types=".zip"
                    picked=move |files| files.into_iter().take(1).for_each(|file| studio.import_project(file)) />
                <Delete />
            </fieldset>
            <p class="small" data-testid="room">{room}</p>
        </div>
    }
}

/// The list of projects.
#[component]
fn Switch(free: Memo<bool>) -> impl IntoView {
    let studio = expect_context::<Studio>();
    let store = studio.store;
    view! {
        <label class="field">
            <span class="label">{t().keep.switch}</span>
            <select
                data-testid="project-switch"
                disabled=move || !free.get()
                on:change=move |e| {
                    if let Ok(id) = event_target_value(&e).parse() {
                        studio.open_project(id);
                    }
                }
            >
                <For each=move || store.projects.get() key=|p| (p.id, p.name.clone()) let(entry)>
                    <option
                        value=entry.id.to_string()
                        prop:selected=move || store.project.get() == Some(entry.id)
                    >
                        {entry.name.clone()}
                    </option>
                </For>
            </select>
        </label>
    }
}

/// Deleting asks once more, in the page's own words.
#[component]
fn Delete() -> impl IntoView {
    let studio = expect_context::<Studio>();
    let dialog = NodeRef::<html::Dialog>::new();
    let ask = move |_| {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.show_modal().ok();
        }
    };
    let close = move || {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
    };
    view! {
        <button type="button" class="quiet" data-testid="project-delete" on:click=ask>
            {t().keep.delete}
        </button>
        <dialog node_ref=dialog class="ask" aria-labelledby="delete-sure">
            <p id="delete-sure">
                {move || (t().keep.delete_sure)(&studio.store.project_name.get())}
            </p>
            <div class="buttons">
                <button
                    type="button"
                    class="primary"
                    data-testid="project-delete-yes"
                    on:click=move |_| {
                        close();
                        studio.delete_project();
                    }
                >
                    {t().keep.delete_yes}
                </button>
                <button type="button" class="button" on:click=move |_| close()>
                    {t().keep.cancel}
                </button>
            </div>
        </dialog>
    }
}
