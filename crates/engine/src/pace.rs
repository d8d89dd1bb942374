//! How fast this device is, and what that makes of a run: learned from the runs that there were.

use atelier_protocol::TrainingSettings;
use atelier_training::Work;

use crate::keep::Keep;

/// Multiplications and additions a second of training steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace(f64);

/// The forward pass alone is this much faster than a step, whose gradients make their sums in smaller pieces
/// (docs/BENCH.md: a step takes 2.55 passes where its products alone would take 2.24).
const FORWARD: f64 = 1.14;
/// The name that it is kept by.
const NAME: &str = "pace";

impl Pace {
    /// Of a training step.
    pub fn of_step(work: f64, seconds: f64) -> Self {
        Self(work / seconds.max(1e-9))
    }

    /// Of `passes` samples through the UNet.
    pub fn of_forward(work: &Work, passes: u32, seconds: f64) -> Self {
        Self::of_step(work.forward * f64::from(passes) / FORWARD, seconds)
    }

    /// What a run takes from its first step to its last, with pictures of the model's own before, if any. Each preview
    /// puts `passes` samples through the UNet, those pictures `own` together.
    pub fn seconds(self, work: &Work, settings: &TrainingSettings, passes: u32, own: u64) -> f64 {
        let steps = 1..=settings.steps;
        let validations = steps
            .clone()
            .filter(|&step| settings.validates_after(step))
            .count();
        let steps_taken =
            f64::from(settings.steps) + (validations * work.validation_steps as usize) as f64;
        let previews = match settings.preview_every {
            0 => 0,
            _ => steps.filter(|&step| settings.previews_after(step)).count(),
        };
        let drawn = previews * settings.preview_prompts.len() * passes as usize;
        let forwards = drawn as f64 + own as f64;
        (steps_taken * work.step + forwards * work.forward / FORWARD) / self.0
    }
}

/// That of this session, or of one before.
pub(crate) async fn known(slot: &mut Option<Pace>, keep: Option<&dyn Keep>) -> Option<Pace> {
    if let (None, Some(keep)) = (&slot, keep) {
        let bytes = keep.get(NAME).await.and_then(|bytes| bytes.try_into().ok());
        let pace = bytes.map(f64::from_le_bytes);
        *slot = pace
            .filter(|pace| pace.is_finite() && *pace > 0.0)
            .map(Pace);
    }
    *slot
}

/// Remembers what was measured.
pub(crate) async fn learn(slot: &mut Option<Pace>, pace: Pace, keep: Option<&dyn Keep>) {
    *slot = Some(pace);
    if let Some(keep) = keep {
        keep.put(NAME, &pace.0.to_le_bytes()).await;
    }
}

#[cfg(test)]
mod tests {
    use atelier_protocol::Preset;

    use super::*;

    #[test]
    fn a_run_is_its_steps_its_looks_and_its_pictures() {
        let work = Work {
            forward: 1e9,
            step: 1e10,
            validation_steps: 2,
        };
        let settings = TrainingSettings {
            steps: 100,
            preview_every: 50,
            preview_prompts: vec!["a".into(), "b".into()],
            ..Preset::Quick.settings()
        };
        // 100 steps, 10 looks of 2 steps, twice 2 pictures of 24 passes.
        let steps = 120.0 * 1e10;
        let pictures = 96.0 * 1e9 / FORWARD;
        let pace = Pace::of_step(1e10, 0.5);
        let seconds = pace.seconds(&work, &settings, 24, 0);
        assert!((seconds - (steps + pictures) / 2e10).abs() < 1e-6);
        let forward = Pace::of_forward(&work, 2, 2.0 / FORWARD / 20.0);
        assert!((forward.0 / pace.0 - 1.0).abs() < 1e-6);
    }
}
