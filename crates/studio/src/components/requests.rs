use leptos::{html, prelude::*};

use crate::{
    gate::{self, Gatekeeper},
    requests::{Line, Request, Who, lines},
    strings::t,
};

/// "What left this machine": every request of this visit, and what keeps others from being made.
#[component]
pub fn Requests() -> impl IntoView {
    let requests = expect_context::<RwSignal<Vec<Request>>>();
    let gatekeeper = expect_context::<Gatekeeper>();
    let listed = Memo::new(move |_| requests.with(|r| lines(r)));
    let site = gate::address_of("./");
    let own = move |line: &Line| line.url.starts_with(&site);
    let sum = {
        let own = own.clone();
        move || {
            listed.with(|lines| {
                let (mut ours, mut others, mut stopped, mut bytes) = (0, 0, 0, 0.0);
                for line in lines {
                    match line {
                        Line { blocked: true, .. } => stopped += line.times,
                        line if own(line) => ours += line.times,
                        _ => others += line.times,
                    }
                    bytes += line.bytes;
                }
                (t().requests_sum)(ours, others, stopped, bytes)
            })
        }
    };
    let row = move |line: Line| {
        // The library asks others at the artist's word alone.
        let asked_for = line.who.contains(&Who::Library);
        let alarming = line.blocked || !own(&line) && !asked_for;
        let path = line.url.strip_prefix(&gate::address_of("./"));
        let shown = match path {
            Some("") => "./".to_owned(),
            Some(path) => path.to_owned(),
            None => line.url.clone(),
        };
        let came = match &line {
            Line { blocked: true, .. } => t().was_stopped.to_owned(),
            Line { kept: true, .. } => t().from_copy.to_owned(),
            line => (t().came)(line.bytes),
        };
        let by: Vec<&str> = line.who.iter().map(|who| name(*who)).collect();
        view! {
            <tr class:wrong=alarming data-testid="request">
                <th scope="row" title=line.url.clone()>
                    <bdi>{shown}</bdi>
                    {(line.times > 1).then(|| format!(" × {}", line.times))}
                </th>
                <td>{by.join(", ")}</td>
                <td>{came}</td>
            </tr>
        }
    };
    let folded = NodeRef::<html::Details>::new();
    let open = RwSignal::new(false);
    view! {
        <details
            class="fold requests"
            id="requests"
            data-testid="requests"
            node_ref=folded
            on:toggle=move |_| open.set(folded.get_untracked().is_some_and(|d| d.open()))
        >
            <summary>{t().requests_title}</summary>
            <div class="requests-matter">
                <p>{t().requests_lead}</p>
                <p data-testid="requests-guard">
                    {if gate::is_guarded() { t().requests_guarded } else { t().requests_unguarded }}
                </p>
                <p class="requests-sum" data-testid="requests-sum">{sum}</p>
                <Show when=move || open.get()>
                    <div class="requests-list" tabindex="0" role="region" aria-label=t().requests_title>
                        <table>
                            <thead>
                                <tr>
                                    <th scope="col">{t().requests_address}</th>
                                    <th scope="col">{t().requests_by}</th>
                                    <th scope="col">{t().requests_came}</th>
                                </tr>
                            </thead>
                            <tbody>
                                {
                                    let row = row.clone();
                                    move || listed.get().into_iter().map(row.clone()).collect_view()
                                }
                            </tbody>
                        </table>
                    </div>
                </Show>
                <p class="small" data-testid="site-kept">
                    {move || gatekeeper.kept.get().map(|(kept, of)| (t().kept)(kept, of))}
                </p>
                <p class="small">{t().requests_host}</p>
            </div>
        </details>
    }
}

fn name(who: Who) -> &'static str {
    match who {
        Who::Page => t().who_page,
        Who::Engine => t().who_engine,
        Who::Library => t().who_library,
        Who::Gatekeeper => t().who_gatekeeper,
    }
}

/// Leads to the list, opened.
#[component]
pub fn RequestsLink() -> impl IntoView {
    let unfold = move |_| {
        if let Some(list) = document().get_element_by_id("requests") {
            list.set_attribute("open", "").ok();
        }
    };
    view! {
        <a href="#requests" data-testid="requests-link" on:click=unfold>{t().requests_see}</a>
    }
}
