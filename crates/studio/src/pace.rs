//! How long a training run will still take, from when its events came.

use std::collections::VecDeque;

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

    /// Seconds from `step` to the end, with validation and previews every so many steps (0: none)
    /// and at the end. None while there is too little to tell.
    pub fn left(&self, step: u32, steps: u32, preview_every: u32) -> Option<f32> {
        if self.steps.len() < ENOUGH {
            return None;
        }
        let mean = self.steps.iter().sum::<f64>() / self.steps.len() as f64;
        let rounds = match preview_every {
            0 => 0,
            every => {
                let last = u32::from(!steps.is_multiple_of(every));
                steps / every + last - (step / every).min(steps / every)
            }
        };
        let left = f64::from(steps.saturating_sub(step)) * mean
            + f64::from(rounds) * (self.validation + self.previews);
        Some(left as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run of 100 steps of 1 s, previews of 8 s and validation of 2 s every 20: after ten steps
    /// the estimate is right, though recording took two minutes.
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
        assert_eq!(pace.left(0, 100, 20), None);
        for _ in 0..10 {
            now += 1e3;
            pace.trained(now);
        }
        // 90 steps and five rounds of 10 s.
        assert_eq!(pace.left(10, 100, 20), Some(140.0));
        assert_eq!(pace.left(100, 100, 20), Some(0.0));
        assert_eq!(pace.left(90, 100, 0), Some(10.0));
        // The end has a round of its own where it is not one of the others.
        assert_eq!(pace.left(90, 95, 20), Some(15.0));
    }
}
