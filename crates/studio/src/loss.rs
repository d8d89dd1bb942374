//! The loss over the steps, kept so that drawing it costs the same after ten steps and ten thousand.

/// Weight of the past in the smoothed loss: about the last twenty steps speak.
const SMOOTHING: f32 = 0.95;

/// Loss of one training run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LossCurve {
    steps: Vec<u32>,
    raw: Vec<f32>,
    smooth: Vec<f32>,
    /// Running mean before the correction for its start at 0 (Kingma and Ba 2014, section 3).
    mean: f32,
    validation: Vec<(u32, f32)>,
}

/// What to draw: (step, loss) pairs, few enough for an SVG path.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traces {
    pub raw: Vec<(f32, f32)>,
    pub smooth: Vec<(f32, f32)>,
    pub validation: Vec<(f32, f32)>,
    /// Lowest and highest loss worth showing, with some air.
    pub range: (f32, f32),
}

impl LossCurve {
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty() && self.validation.is_empty()
    }

    /// A training step's loss; what is no number is left out.
    pub fn push(&mut self, step: u32, loss: f32) {
        if !loss.is_finite() {
            return;
        }
        self.mean = SMOOTHING * self.mean + (1.0 - SMOOTHING) * loss;
        self.steps.push(step);
        self.raw.push(loss);
        let counted = 1.0 - SMOOTHING.powi(self.raw.len().min(1_000) as i32);
        self.smooth.push(self.mean / counted);
    }

    pub fn push_validation(&mut self, step: u32, loss: f32) {
        if loss.is_finite() {
            self.validation.push((step, loss));
        }
    }

    /// Training went back to `step`: what came after did not happen.
    pub fn go_back(&mut self, step: u32) {
        let keep = self.steps.partition_point(|s| *s <= step);
        let raw = std::mem::take(&mut self.raw);
        let steps = std::mem::take(&mut self.steps);
        self.smooth.clear();
        self.mean = 0.0;
        for (s, loss) in steps.into_iter().zip(raw).take(keep) {
            self.push(s, loss);
        }
        self.validation.retain(|(s, _)| *s <= step);
    }

    /// Steps up to `last` and their losses.
    pub fn raw_until(&self, last: u32) -> (&[u32], &[f32]) {
        let end = self.steps.partition_point(|s| *s <= last);
        (&self.steps[..end], &self.raw[..end])
    }

    pub fn validation_until(&self, last: u32) -> Vec<(u32, f32)> {
        let until = self.validation.iter().filter(|(s, _)| *s <= last);
        until.copied().collect()
    }

    /// Whether training has begun to copy: the last few validations were all worse than the best one, clearly so the
    /// latest. It has long been rising by then (docs/STYLEBENCH.md, "Copying"): a hand is learned better for a while after
    /// single works are predicted worse.
    pub fn copies(&self) -> bool {
        /// Validations in a row that must be worse.
        const RISES: usize = 3;
        /// The latest must be worse by this share.
        const CLEARLY: f32 = 0.25;
        let losses: Vec<f32> = self.validation.iter().map(|v| v.1).collect();
        let Some(split) = losses.len().checked_sub(RISES).filter(|s| *s > 0) else {
            return false;
        };
        let best = losses[..split]
            .iter()
            .copied()
            .fold(f32::INFINITY, f32::min);
        let latest = losses[losses.len() - 1];
        losses[split..].iter().all(|l| *l > best) && latest > best * (1.0 + CLEARLY)
    }

    /// The smoothed loss now.
    pub fn latest(&self) -> Option<f32> {
        self.smooth.last().copied()
    }

    pub fn first_validation(&self) -> Option<f32> {
        self.validation.first().map(|v| v.1)
    }

    pub fn latest_validation(&self) -> Option<f32> {
        self.validation.last().map(|v| v.1)
    }

    /// At most about `points` points a line. Raw losses keep the lowest and highest of each stretch.
    pub fn traces(&self, points: usize) -> Traces {
        let stride = self.raw.len().div_ceil(points.max(2)).max(1);
        let mut traces = Traces::default();
        for (at, (steps, (raw, smooth))) in self
            .steps
            .chunks(stride)
            .zip(self.raw.chunks(stride).zip(self.smooth.chunks(stride)))
            .enumerate()
        {
            let (first, last) = (steps[0] as f32, steps[steps.len() - 1] as f32);
            let low = raw.iter().copied().fold(f32::INFINITY, f32::min);
            let high = raw.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            if stride == 1 {
                traces.raw.push((first, raw[0]));
            } else if at % 2 == 0 {
                traces.raw.extend([(first, low), (last, high)]);
            } else {
                traces.raw.extend([(first, high), (last, low)]);
            }
            traces.smooth.push((last, smooth[smooth.len() - 1]));
        }
        traces.validation = self
            .validation
            .iter()
            .map(|(s, l)| (*s as f32, *l))
            .collect();

        let worth = traces.smooth.iter().chain(&traces.validation).map(|p| p.1);
        let (low, high) = worth.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), l| {
            (low.min(l), high.max(l))
        });
        if low <= high {
            let air = ((high - low) * 0.15).max(high.abs() * 0.02).max(1e-4);
            traces.range = ((low - air).max(0.0), high + air);
        }
        traces
    }
}

/// An SVG path through the points, on a plane `size` large: steps from the left, losses of `range`
/// from the bottom. What lies beyond the range is drawn at its edge.
pub fn path(points: &[(f32, f32)], steps: f32, range: (f32, f32), size: (f32, f32)) -> String {
    use std::fmt::Write;
    let mut path = String::with_capacity(points.len() * 14);
    let span = (range.1 - range.0).max(f32::MIN_POSITIVE);
    for (i, (step, loss)) in points.iter().enumerate() {
        let x = size.0 * (step / steps.max(1.0)).clamp(0.0, 1.0);
        let y = size.1 * (1.0 - ((loss - range.0) / span).clamp(0.0, 1.0));
        let command = if i == 0 { 'M' } else { 'L' };
        // Writing to a String does not fail.
        _ = write!(path, "{command}{x:.1} {y:.1}");
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_has_no_start_at_zero() {
        let mut curve = LossCurve::default();
        for step in 1..=50 {
            curve.push(step, 0.5);
        }
        // A constant loss must stay itself; float rounding of the running mean aside.
        assert!(curve.smooth.iter().all(|s| (s - 0.5).abs() < 1e-4));
    }

    #[test]
    fn drawing_stays_cheap() {
        let mut curve = LossCurve::default();
        for step in 1..=10_000 {
            curve.push(step, 1.0 / step as f32);
        }
        let traces = curve.traces(200);
        assert!(traces.smooth.len() <= 200 && traces.raw.len() <= 400);
        assert_eq!(traces.smooth.last().map(|p| p.0), Some(10_000.0));
    }

    #[test]
    fn going_back_forgets() {
        let mut curve = LossCurve::default();
        for step in 1..=10 {
            curve.push(step, step as f32);
        }
        curve.push_validation(0, 1.0);
        curve.push_validation(8, 2.0);
        let mut short = LossCurve::default();
        for step in 1..=5 {
            short.push(step, step as f32);
        }
        short.push_validation(0, 1.0);
        curve.go_back(5);
        assert_eq!(curve, short);
    }

    #[test]
    fn copying_is_told_from_wavering() {
        let curve = |losses: &[f32]| {
            let mut curve = LossCurve::default();
            for (i, loss) in losses.iter().enumerate() {
                curve.push_validation(10 * i as u32, *loss);
            }
            curve.copies()
        };
        assert!(curve(&[0.20, 0.15, 0.12, 0.125, 0.13, 0.16]));
        assert!(
            !curve(&[0.20, 0.15, 0.12, 0.125, 0.13, 0.14]),
            "rises as it does where the hand is still learned"
        );
        assert!(
            !curve(&[0.20, 0.15, 0.12, 0.15, 0.16]),
            "only two are worse"
        );
        assert!(
            !curve(&[0.20, 0.15, 0.12, 0.13, 0.119, 0.16]),
            "a new best between"
        );
        assert!(!curve(&[0.12, 0.1201, 0.1202, 0.1201]), "lies still");
        assert!(!curve(&[]));
    }

    #[test]
    fn paths_stay_on_their_plane() {
        let points = [(0.0, 1.0), (5.0, 0.5), (10.0, 9.0)];
        let drawn = path(&points, 10.0, (0.0, 1.0), (100.0, 50.0));
        assert_eq!(drawn, "M0.0 0.0L50.0 25.0L100.0 0.0");
    }

    #[test]
    fn not_a_number_is_left_out() {
        let mut curve = LossCurve::default();
        curve.push(1, f32::NAN);
        curve.push_validation(1, f32::INFINITY);
        assert!(curve.is_empty());
        assert_eq!(curve.traces(10), Traces::default());
    }
}
