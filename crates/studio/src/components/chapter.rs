use leptos::prelude::*;

/// A part of the page: what it is on the left (above, in a narrow window), what one does on the right.
#[component]
pub fn Chapter(
    id: &'static str,
    title: &'static str,
    lead: &'static str,
    #[prop(optional)] small: &'static str,
    children: Children,
) -> impl IntoView {
    let heading = format!("{id}-title");
    let labelled_by = heading.clone();
    view! {
        <section class="chapter" id=id aria-labelledby=labelled_by>
            <div class="margin">
                <h2 id=heading>{title}</h2>
                <p>{lead}</p>
                {(!small.is_empty()).then(|| view! { <p class="small">{small}</p> })}
            </div>
            <div class="matter">{children()}</div>
        </section>
    }
}
