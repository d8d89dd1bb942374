use super::{Move, lambda};
use crate::Level;

/// Zhao et al., "UniPC: A Unified Predictor-Corrector Framework for Fast Sampling of Diffusion
/// Models" (arXiv 2302.04867), of order 2 on denoised latents with B(h) = exp(-h) - 1 (bh2): each
/// step first corrects its latents by what the network says of them (UniC), then predicts the next
/// ones (UniP). The first step and the last predict in first order.
///
/// The corrector starts over from the step before, whose own prediction is what it is given; the
/// difference of the two is in denoised latents alone, so the step before need not be kept.
pub(crate) fn uni_pc(levels: &[Level]) -> Vec<Move> {
    let last = levels.len().saturating_sub(2);
    let mut before: Option<Prediction> = None;
    let mut moves = Vec::with_capacity(levels.len());
    for (i, &[now, next]) in levels.array_windows().enumerate() {
        let prediction = Prediction::new(
            now,
            next,
            before.as_ref().filter(|_| i != last).map(|p| p.h),
        );
        let mut step = Move {
            latents: next.sigma / now.sigma,
            denoised: prediction.weight * (1.0 - prediction.slope),
            previous_denoised: prediction.weight * prediction.slope,
            ..Move::from(now)
        };
        if let Some(before) = &before {
            let weight = step.latents * before.weight;
            let [now, earlier] = before.correction();
            step.denoised += weight * now;
            step.previous_denoised -= weight * (now + earlier);
            step.earlier_denoised = weight * earlier;
        }
        moves.push(step);
        before = Some(prediction);
    }
    moves
}

/// next = sigma_next / sigma * latents + weight * (D + slope * (D_previous - D))
struct Prediction {
    /// lambda's growth over the step.
    h: f64,
    /// alpha_next * (1 - exp(-h)), written so that it holds for a sigma_next of 0.
    weight: f64,
    /// 0 in first order.
    slope: f64,
    /// (lambda_previous - lambda) / h; `None` in first order.
    r: Option<f64>,
}

impl Prediction {
    fn new(now: Level, next: Level, h_previous: Option<f64>) -> Self {
        let h = lambda(next) - lambda(now);
        // Timesteps that rounding made equal leave nothing to extrapolate from.
        let r = h_previous
            .filter(|&previous| previous != 0.0 && h != 0.0)
            .map(|previous| -previous / h);
        Self {
            h,
            weight: next.alpha - now.alpha * (next.sigma / now.sigma),
            slope: r.map_or(0.0, |r| 0.5 / r),
            r,
        }
    }

    /// What UniC adds to the predicted latents, over `weight`: of (D_now - D), and of (D_previous -
    /// D), where D is what the prediction started from and D_now what the network made of it.
    fn correction(&self) -> [f64; 2] {
        let Some(r) = self.r else {
            return [if self.h == 0.0 { 0.0 } else { 0.5 }, 0.0];
        };
        // The paper's R_p and b of order 2, at -h: rho_1 + rho_2 = b_1, r rho_1 + rho_2 = b_2
        let b_h = libm::expm1(-self.h);
        let phi_2 = b_h / -self.h - 1.0;
        let phi_3 = phi_2 / -self.h - 0.5;
        let (b_1, b_2) = (phi_2 / b_h, 2.0 * phi_3 / b_h);
        let rho_1 = (b_1 - b_2) / (1.0 - r);
        [b_1 - rho_1, rho_1 / r - self.slope]
    }
}
