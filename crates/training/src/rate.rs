/// Learning rate of step `step` (counted from 0) of `steps`: a linear warm-up over the first
/// twentieth, at most 50 steps, then a cosine down to a tenth of `peak`.
pub fn learning_rate(peak: f32, step: u32, steps: u32) -> f32 {
    let warm_up = (steps / 20).clamp(1, 50);
    if step < warm_up {
        return peak * (step + 1) as f32 / warm_up as f32;
    }
    let left = steps.saturating_sub(warm_up).max(1);
    let done = f64::from(step - warm_up) / f64::from(left);
    let cosine = 0.5 * (1.0 + (std::f64::consts::PI * done.min(1.0)).cos());
    (f64::from(peak) * (0.1 + 0.9 * cosine)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_to_the_peak_and_falls_to_a_tenth() {
        let rates: Vec<f32> = (0..200)
            .map(|step| learning_rate(1e-3, step, 200))
            .collect();
        assert!(rates[0] > 0.0 && rates[0] < rates[5]);
        assert!((rates[9] - 1e-3).abs() < 1e-9);
        assert!(rates.windows(2).skip(9).all(|pair| pair[1] <= pair[0]));
        assert!((learning_rate(1e-3, 200, 200) - 1e-4).abs() < 1e-8);
    }

    #[test]
    fn one_step_is_enough() {
        assert_eq!(learning_rate(1e-3, 0, 1), 1e-3);
    }
}
