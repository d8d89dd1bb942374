//! How far something that takes time has come, and how long it will still take.

use atelier_protocol::Stage;

/// Progress of one [`Stage`], with the time it began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Meter {
    pub stage: Stage,
    pub done: u64,
    /// 0: not known yet.
    pub total: u64,
    /// Milliseconds on the page's clock when it began, and what was done by then.
    began: (f64, u64),
    now: f64,
}

impl Meter {
    pub fn new(stage: Stage, done: u64, total: u64, now: f64) -> Self {
        Self {
            stage,
            done,
            total,
            began: (now, done),
            now,
        }
    }

    /// The meter after another report; a new one when the stage is another or started over.
    pub fn advanced(self, stage: Stage, done: u64, total: u64, now: f64) -> Self {
        if stage != self.stage || done < self.done {
            return Self::new(stage, done, total, now);
        }
        Self {
            done,
            total,
            now,
            ..self
        }
    }

    /// Between 0 and 1; none while the total is not known.
    pub fn fraction(&self) -> Option<f64> {
        (self.total > 0).then(|| (self.done as f64 / self.total as f64).min(1.0))
    }

    /// At the pace so far. None within the first second, which says little.
    pub fn seconds_left(&self) -> Option<f64> {
        let seconds = (self.now - self.began.0) / 1e3;
        let done = self
            .done
            .checked_sub(self.began.1)
            .filter(|done| *done > 0)?;
        if seconds < 1.0 || self.total == 0 {
            return None;
        }
        Some(self.total.saturating_sub(self.done) as f64 * seconds / done as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_follows_the_pace() {
        let meter = Meter::new(Stage::Download, 0, 100, 0.0);
        assert_eq!(meter.seconds_left(), None);
        let meter = meter.advanced(Stage::Download, 25, 100, 5_000.0);
        assert_eq!(meter.seconds_left(), Some(15.0));
        assert_eq!(meter.fraction(), Some(0.25));
    }

    #[test]
    fn another_stage_starts_over() {
        let meter = Meter::new(Stage::Download, 0, 100, 0.0);
        let meter = meter.advanced(Stage::Warmup, 1, 0, 9_000.0);
        assert_eq!(meter.seconds_left(), None);
        assert_eq!(meter.fraction(), None);
    }
}
