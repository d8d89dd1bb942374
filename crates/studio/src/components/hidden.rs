use std::time::Duration;

use leptos::{ev, prelude::*};
use web_sys::VisibilityState;

use crate::{
    store::{Activity, Place, Tone},
    strings::t,
    studio::Studio,
};

/// A page that was frozen hears of the steps of meanwhile a moment after it is seen again.
const A_MOMENT: Duration = Duration::from_secs(1);
/// What is hidden for less than this, in milliseconds, is not worth a word.
const WORTH_A_WORD: f64 = 5e3;

/// Training goes on in a hidden tab as long as the browser lets it; when the artist is back, the
/// page says what happened. True while something has ended that they have not seen.
pub fn watch(studio: Studio) -> RwSignal<bool> {
    let store = studio.store;
    let unseen_end = RwSignal::new(false);
    // Step and time at which a run was last in sight.
    let left_at = StoredValue::new(None::<(u32, f64)>);
    let step = move || store.run.with_untracked(|r| r.as_ref().map(|r| r.step));
    let training = move || matches!(store.activity.get_untracked(), Activity::Training(_));
    let hidden = || document().visibility_state() == VisibilityState::Hidden;

    let handle = window_event_listener_untyped("visibilitychange", move |_| {
        if hidden() {
            left_at.set_value(
                step()
                    .filter(|_| training())
                    .map(|s| (s, js_sys::Date::now())),
            );
            studio.write_now();
            return;
        }
        unseen_end.set(false);
        let Some((from, when)) = left_at.try_update_value(Option::take).flatten() else {
            return;
        };
        if js_sys::Date::now() - when < WORTH_A_WORD {
            return;
        }
        set_timeout(
            move || {
                let Some(now) = step() else { return };
                let text = match now > from {
                    true => (t().keep.went_on_hidden)(from, now),
                    false if training() => (t().keep.held_while_hidden)(now),
                    false => return,
                };
                store.notify(Place::Train, Tone::Calm, text);
            },
            A_MOMENT,
        );
    });
    // It listens as long as the page lives.
    std::mem::forget(handle);
    // `pagehide` is the last that a phone's browser tells of.
    window_event_listener(ev::pagehide, move |_| studio.write_now());

    Effect::new(move |was_busy: Option<bool>| {
        let busy = !store.is_idle();
        if was_busy == Some(true) && !busy && hidden() {
            unseen_end.set(true);
        }
        busy
    });
    unseen_end
}
