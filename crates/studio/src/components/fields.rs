use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

use crate::format::number;

/// A line of text.
#[component]
pub fn TextField(
    label: &'static str,
    #[prop(optional)] help: Option<&'static str>,
    testid: &'static str,
    /// Characters that it takes at most.
    most: u32,
    #[prop(into)] value: Signal<String>,
    set: impl Fn(String) + 'static,
) -> impl IntoView {
    view! {
        <label class="field">
            <span class="label">{label}</span>
            <input
                type="text"
                dir="auto"
                maxlength=most
                autocomplete="off"
                data-testid=testid
                prop:value=value
                on:input=move |e| set(event_target_value(&e))
            />
            {help.map(|help| view! { <span class="help">{help}</span> })}
        </label>
    }
}

/// A number with a sentence on what it does. What is no number, or out of range, is put right when
/// the field is left.
#[component]
pub fn NumberField(
    label: &'static str,
    help: &'static str,
    testid: &'static str,
    #[prop(into)] value: Signal<f64>,
    min: f64,
    max: f64,
    step: f64,
    set: impl Fn(f64) + 'static,
) -> impl IntoView {
    let changed = move |event: web_sys::Event| {
        let entered = event_target_value(&event)
            .trim()
            .replace(',', ".")
            .parse::<f64>();
        let now = value.get_untracked();
        let next = entered
            .ok()
            .filter(|n| n.is_finite())
            .map_or(now, |n| n.clamp(min, max));
        let next = if step.fract() == 0.0 {
            next.round()
        } else {
            next
        };
        set(next);
        if let Some(input) = event
            .target()
            .and_then(|t| t.dyn_into::<HtmlInputElement>().ok())
        {
            input.set_value(&number(next));
        }
    };
    let help_id = format!("{testid}-help");
    view! {
        <label class="field">
            <span class="label">{label}</span>
            <input
                type="number"
                inputmode="decimal"
                data-testid=testid
                aria-describedby=help_id.clone()
                min=number(min)
                max=number(max)
                step=if step.fract() == 0.0 { number(step) } else { "any".to_owned() }
                prop:value=move || number(value.get())
                on:change=changed
            />
            <span class="help" id=help_id>{help}</span>
        </label>
    }
}

/// One of several ways to go, of which a group of this name takes one.
#[component]
pub fn ChoiceCard(
    group: &'static str,
    testid: &'static str,
    title: &'static str,
    what: &'static str,
    #[prop(into)] chosen: Signal<bool>,
    choose: impl Fn() + 'static,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <label class="choice" for=testid>
            <input
                type="radio"
                name=group
                id=testid
                data-testid=testid
                prop:checked=chosen
                on:change=move |_| choose()
            />
            <span class="choice-title">{title}</span>
            <span class="choice-what">{what}</span>
            {children.map(|children| view! { <span class="choice-more">{children()}</span> })}
        </label>
    }
}

/// A yes or no with a sentence.
#[component]
pub fn CheckField(
    #[prop(into)] label: Signal<String>,
    #[prop(optional)] help: &'static str,
    testid: &'static str,
    #[prop(into)] value: Signal<bool>,
    set: impl Fn(bool) + 'static,
) -> impl IntoView {
    view! {
        <label class="field check">
            <input
                type="checkbox"
                data-testid=testid
                prop:checked=value
                on:change=move |e| set(event_target_checked(&e))
            />
            <span class="label">{label}</span>
            {(!help.is_empty()).then(|| view! { <span class="help">{help}</span> })}
        </label>
    }
}
