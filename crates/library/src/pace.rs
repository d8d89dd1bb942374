use std::collections::VecDeque;

/// Seconds looked back on.
const WINDOW: f64 = 12.0;
/// Below so many seconds a pace says nothing.
const LEAST: f64 = 1.5;

/// How fast bytes come, by those of the last seconds.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    /// Time in seconds, and bytes that had come by then.
    seen: VecDeque<(f64, u64)>,
}

impl Pace {
    /// `done` bytes are there at `now` (seconds on any clock).
    pub fn saw(&mut self, now: f64, done: u64) {
        if self.seen.back().is_some_and(|(_, before)| *before > done) {
            // A file began anew.
            self.seen.clear();
        }
        self.seen.push_back((now, done));
        while self.seen.len() > 2 && self.seen.front().is_some_and(|(at, _)| now - at > WINDOW) {
            self.seen.pop_front();
        }
    }

    /// Seconds until `total` bytes are there; none while that is not known.
    pub fn seconds_left(&self, total: u64) -> Option<f64> {
        let ((began, first), (now, done)) = (self.seen.front()?, self.seen.back()?);
        let (seconds, bytes) = (now - began, done.saturating_sub(*first));
        let known = seconds >= LEAST && bytes > 0;
        known.then(|| total.saturating_sub(*done) as f64 * seconds / bytes as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_seconds_count() {
        let mut pace = Pace::default();
        pace.saw(0.0, 0);
        assert_eq!(pace.seconds_left(1000), None);
        pace.saw(1.0, 100);
        assert_eq!(pace.seconds_left(1000), None, "too soon");
        pace.saw(2.0, 200);
        assert_eq!(pace.seconds_left(1000), Some(8.0));
        // Ten times as fast from here on: the slow start is forgotten.
        for second in 3..=20u64 {
            pace.saw(second as f64, 200 + 1000 * (second - 2));
        }
        let left = pace.seconds_left(28_200).unwrap();
        assert!((left - 10.0).abs() < 1e-9, "{left}");
    }

    #[test]
    fn nothing_coming_is_no_pace() {
        let mut pace = Pace::default();
        pace.saw(0.0, 50);
        pace.saw(9.0, 50);
        assert_eq!(pace.seconds_left(100), None);
        pace.saw(10.0, 10);
        assert_eq!(pace.seconds_left(100), None, "begun anew");
    }
}
