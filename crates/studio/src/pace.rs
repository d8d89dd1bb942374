//! How long a training run will still take, from when its events came.

use std::collections::VecDeque;

use atelier_protocol::TrainingSettings;

/// Steps that are averaged over: some checkpoints fall among them.
const STEPS: usize = 30;
/// Fewer steps than this say little.
const ENOUGH: usize = 3;

/// What the parts of a run take, in seconds, as measured so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pace {
    /// When the event before came, in milliseconds.
    last: Option<f64>,
    steps: VecDeque<f64>,
    validation: f64,
    previews: f64,
}

impl Pace {
    fn since_last(&mut self, now: f64) -> Option<f64> {
        let before = self.last.replace(now)?;
        Some((now - before).max(0.0) / 1e3)
    }

    /// Something was recorded, which is done once and not again.
    pub fn recorded(&mut self, now: f64) {
        self.last = Some(now);
    }

    pub fn trained(&mut self, now: f64) {
        if let Some(seconds) = self.since_last(now) {
            self.steps.push_back(seconds);
            if self.steps.len() > STEPS {
                self.steps.pop_front();
            }
        }
    }

    pub fn validated(&mut self, now: f64) {
        self.validation = self.since_last(now).unwrap_or(self.validation);
    }

    pub fn previewed(&mut self, now: f64) {
        self.previews = self.since_last(now).unwrap_or(self.previews);
    }

    /// The run is gone on with after a while: what its parts take is known, when they came is not.
    pub fn resumed(&mut self) {
        self.last = None;
        self.steps.clear();
    }

    /// Seconds from `step` to the end of a run with `settings`. None while there is too little to tell.
    pub fn left(&self, step: u32, settings: &TrainingSettings) -> Option<f32> {
        if self.steps.len() < ENOUGH {
            return None;
        }
        let mean = self.steps.iter().sum::<f64>() / self.steps.len() as f64;
        // What follows a step comes after it, so that of this one is still to come.
        let left = step..=settings.steps;
        let validations = left
            .clone()
            .filter(|s| *s > 0 && settings.validates_after(*s));
        let previews = left.filter(|s| *s > 0 && settings.previews_after(*s));
        let seconds = f64::from(settings.steps.saturating_sub(step)) * mean
            + validations.count() as f64 * self.validation
            + previews.count() as f64 * self.previews;
        Some(seconds as f32)
    }
}

#[cfg(test)]
mod tests {
    use atelier_protocol::Preset;

    use super::*;

    fn settings(steps: u32, preview_every: u32) -> TrainingSettings {
        TrainingSettings {
            steps,
            preview_every,
            ..Preset::Quick.settings()
        }
    }

    /// A run of 100 steps of 1 s, validation of 2 s every 10 and previews of 8 s every 20: after ten
    /// steps the estimate is right, though recording took two minutes.
    #[test]
    fn right_after_ten_steps() {
        let mut pace = Pace::default();
        let mut now = 0.0;
        pace.recorded(now);
        now += 2e3;
        pace.validated(now);
        now += 120e3;
        pace.recorded(now);
        now += 8e3;
        pace.previewed(now);
        assert_eq!(pace.left(0, &settings(100, 20)), None);
        for _ in 0..10 {
            now += 1e3;
            pace.trained(now);
        }
        // 90 steps, ten validations (the tenth step's is still to come), five times previews.
        assert_eq!(pace.left(10, &settings(100, 20)), Some(90.0 + 20.0 + 40.0));
        // Nothing but what belongs to the last step.
        assert_eq!(pace.left(100, &settings(100, 20)), Some(10.0));
        assert_eq!(pace.left(95, &settings(100, 0)), Some(5.0 + 2.0));
        // The end has a round of its own where it is not one of the others.
        assert_eq!(pace.left(91, &settings(95, 20)), Some(4.0 + 2.0 + 8.0));
        // Gone on with, it says nothing until it has seen some steps again.
        pace.resumed();
        assert_eq!(pace.left(10, &settings(100, 20)), None);
        for _ in 0..4 {
            now += 2e3;
            pace.trained(now);
        }
        assert_eq!(
            pace.left(14, &settings(100, 0)),
            Some(86.0 * 2.0 + 9.0 * 2.0)
        );
    }
}
