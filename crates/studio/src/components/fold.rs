use leptos::prelude::*;

use super::notices::Notices;
use crate::store::Place;

/// A line on something of the whole page's, such as the open project; unfolded, what can be done with it.
#[component]
pub fn Fold(
    label: &'static str,
    testid: &'static str,
    place: Place,
    /// What the line says beside its label.
    line: impl IntoView + 'static,
    #[prop(optional)] toggled: Option<Callback<()>>,
    children: Children,
) -> impl IntoView {
    let toggle = move |_| {
        if let Some(toggled) = toggled {
            toggled.run(());
        }
    };
    view! {
        <section class="project" aria-label=label data-testid=testid>
            <details class="fold project-fold" data-testid=format!("{testid}-menu") on:toggle=toggle>
                <summary>
                    <span class="project-line">
                        <span class="label">{label}</span>
                        {line}
                    </span>
                </summary>
                {children()}
            </details>
            <Notices place />
        </section>
    }
}
