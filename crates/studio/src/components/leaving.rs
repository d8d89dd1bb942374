use leptos::{ev, prelude::*};

use crate::{
    language::Spoken,
    store::{Activity, Store},
    strings::t,
};

/// Warns before the page is left with something unsaved, and shows progress in the tab's title.
///
/// `unseen_end` is true while something has ended that the artist has not seen.
pub fn watch(store: Store, unseen_end: RwSignal<bool>) {
    window_event_listener(ev::beforeunload, move |event| {
        if store.would_lose() {
            event.prevent_default();
            // Older browsers ask only where a value is set.
            event.set_return_value(t().would_lose);
        }
    });

    let share = Memo::new(move |_| match store.activity.get() {
        Activity::Training(_) => store
            .run
            .with(|r| r.as_ref().map(|r| 100 * r.step / r.steps.max(1))),
        Activity::Sampling(_) => store
            .sampling
            .with(|s| s.map(|s| (100.0 * s.fraction()) as u32)),
        Activity::Idle => None,
    });
    let spoken = expect_context::<Spoken>();
    Effect::new(move |_| {
        spoken.0.track();
        let title = match share.get() {
            Some(percent) => format!("{percent} % · {}", t().name),
            None if unseen_end.get() => format!("{} · {}", t().keep.title_done, t().name),
            None if store
                .run
                .with(|r| r.as_ref().is_some_and(|r| r.is_paused())) =>
            {
                format!("{} · {}", t().keep.title_paused, t().name)
            }
            None => match store.page_title() {
                Some(title) => title,
                None => return,
            },
        };
        document().set_title(&title);
    });
}
