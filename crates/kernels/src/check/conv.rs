//! Convolutions, linear layers and their branches.

use burn::tensor::Device;

use super::{Answer, CLOSE, Extent, NEAR, noise, note, tensor};
use crate::{ConvGeometry, KernelError, LowRank, conv};

const SCALE: f32 = 0.7;

#[derive(Clone, Copy, Debug)]
struct Case {
    batch: usize,
    side: [usize; 2],
    channels: usize,
    outputs: usize,
    rank: usize,
    geometry: ConvGeometry,
}

/// The first are whole tiles with and without gathering, and what fits no lane. Then odd sides, few
/// channels, padding on one side alone, fewer outputs than a tile has, and a single value.
fn cases(extent: Extent) -> Vec<Case> {
    let case = |batch,
                side,
                [channels, outputs, rank]: [usize; 3],
                [kernel, stride, before, after]: [usize; 4]| Case {
        batch,
        side,
        channels,
        outputs,
        rank,
        geometry: ConvGeometry {
            kernel,
            stride,
            pad_begin: before,
            pad_end: after,
        },
    };
    let mut cases = vec![
        case(2, [8, 8], [32, 32, 8], [3, 1, 1, 1]),
        case(2, [16, 8], [64, 64, 8], [1, 1, 0, 0]),
        case(1, [7, 5], [3, 10, 4], [3, 2, 1, 1]),
    ];
    if extent == Extent::Full {
        cases.extend([
            case(2, [8, 8], [16, 24, 1], [3, 1, 1, 1]),
            case(1, [7, 5], [3, 10, 4], [3, 1, 1, 1]),
            case(2, [8, 6], [8, 3, 5], [3, 2, 1, 1]),
            case(1, [9, 8], [4, 9, 1], [3, 2, 0, 1]),
            case(3, [4, 4], [12, 20, 4], [1, 1, 0, 0]),
            case(1, [1, 1], [1, 1, 1], [1, 1, 0, 0]),
            case(1, [33, 1], [7, 17, 5], [1, 1, 0, 0]),
            case(1, [5, 5], [6, 5, 3], [1, 2, 0, 0]),
            case(1, [40, 40], [20, 12, 16], [3, 1, 1, 1]),
        ]);
    }
    cases
}

/// What a case computes, in f64.
struct Expected {
    out: Vec<f64>,
    x: Vec<f64>,
    down: Vec<f64>,
    up: Vec<f64>,
}

impl Case {
    fn out(&self) -> [usize; 2] {
        self.side.map(|side| self.geometry.out(side))
    }

    /// Calls `each` with the places of output, input and weight of every product in the sum.
    fn products(&self, mut each: impl FnMut(usize, usize, usize)) {
        let Case {
            batch,
            side: [h, w],
            channels,
            outputs,
            geometry,
            ..
        } = *self;
        let [oh, ow] = self.out();
        let k = geometry.kernel;
        for place in 0..batch * oh * ow {
            let (b, y, x) = (place / (oh * ow), place / ow % oh, place % ow);
            for tap in 0..k * k {
                let iy = (y * geometry.stride + tap / k).wrapping_sub(geometry.pad_begin);
                let ix = (x * geometry.stride + tap % k).wrapping_sub(geometry.pad_begin);
                if iy >= h || ix >= w {
                    continue;
                }
                for o in 0..outputs {
                    for c in 0..channels {
                        let at_x = ((b * h + iy) * w + ix) * channels + c;
                        each(place * outputs + o, at_x, (o * k * k + tap) * channels + c);
                    }
                }
            }
        }
    }

    /// For input, weight, bias, factors and the gradient of the result; `rank` 0 for no branch.
    fn expected(&self, [x, w, bias, down, up, probe]: [&[f32]; 6], rank: usize) -> Expected {
        let outputs = self.outputs;
        let rows = probe.len() / outputs;
        let scale = f64::from(SCALE);
        let branch = Case {
            outputs: rank,
            ..*self
        };
        let mut middle = vec![0.0; rows * rank];
        branch.products(|at_middle, at_x, at_down| {
            middle[at_middle] += scale * f64::from(x[at_x]) * f64::from(down[at_down]);
        });
        let mut expected = Expected {
            out: (0..probe.len())
                .map(|i| f64::from(bias[i % outputs]))
                .collect(),
            x: vec![0.0; x.len()],
            down: vec![0.0; down.len()],
            up: vec![0.0; up.len()],
        };
        let mut middle_grad = vec![0.0; middle.len()];
        for (at_out, &g) in probe.iter().enumerate() {
            let (row, o, g) = (at_out / outputs, at_out % outputs, f64::from(g));
            for r in 0..rank {
                let (at_up, at_middle) = (o * rank + r, row * rank + r);
                expected.out[at_out] += middle[at_middle] * f64::from(up[at_up]);
                expected.up[at_up] += g * middle[at_middle];
                middle_grad[at_middle] += scale * g * f64::from(up[at_up]);
            }
        }
        self.products(|at_out, at_x, at_w| {
            let [x, w, g] = [x[at_x], w[at_w], probe[at_out]].map(f64::from);
            expected.out[at_out] += x * w;
            expected.x[at_x] += g * w;
        });
        branch.products(|at_middle, at_x, at_down| {
            expected.x[at_x] += middle_grad[at_middle] * f64::from(down[at_down]);
            expected.down[at_down] += middle_grad[at_middle] * f64::from(x[at_x]);
        });
        expected
    }
}

pub async fn ask(
    device: &Device,
    extent: Extent,
    answers: &mut Vec<Answer>,
) -> Result<(), KernelError> {
    for case in cases(extent) {
        let Case {
            batch,
            side: [h, w],
            channels,
            outputs,
            rank,
            geometry,
        } = case;
        let what = |part: &str| format!("{part} of {case:?}");
        let [oh, ow] = case.out();
        let taps = geometry.kernel * geometry.kernel;
        let x = noise(batch * h * w * channels, 1);
        let weight = noise(outputs * taps * channels, 2);
        let bias = noise(outputs, 3);
        let probe = noise(batch * oh * ow * outputs, 4);
        let down = noise(rank * taps * channels, 5);
        let up = noise(outputs * rank, 6);
        let bare = case.expected([&x, &weight, &bias, &[], &[], &probe], 0);
        let full = case.expected([&x, &weight, &bias, &down, &up, &probe], rank);

        let x = tensor(&x, [batch, h, w, channels], device).autodiff();
        let weight = tensor(&weight, [outputs, taps, channels], device).autodiff();
        let bias = tensor(&bias, [outputs], device).autodiff();
        let probe = tensor(&probe, [batch, oh, ow, outputs], device).autodiff();
        let branch = || LowRank {
            down: tensor(&down, [rank, taps, channels], device)
                .autodiff()
                .require_grad(),
            up: tensor(&up, [outputs, rank], device)
                .autodiff()
                .require_grad(),
            scale: tensor(&[SCALE], [1], device).autodiff(),
        };

        let leaf = x.clone().require_grad();
        let y = conv(leaf.clone(), weight.clone(), bias.clone(), None, geometry);
        note(answers, what("result"), y.clone(), &bare.out, CLOSE).await?;
        let gradients = (y * probe.clone()).sum().backward();
        if let Some(found) = leaf.grad(&gradients) {
            note(answers, what("gradient of x"), found, &bare.x, CLOSE).await?;
        }

        // With a gradient for x, and without one, as in a model's first layer.
        for leaf in [x.clone().require_grad(), x.clone()] {
            let branch = branch();
            let y = conv(
                leaf.clone(),
                weight.clone(),
                bias.clone(),
                Some(&branch),
                geometry,
            );
            note(answers, what("adapted result"), y.clone(), &full.out, CLOSE).await?;
            let gradients = (y * probe.clone()).sum().backward();
            for (name, found, expected) in [
                (
                    "down",
                    branch.down.grad(&gradients).map(|g| g.flatten::<1>(0, 2)),
                    &full.down,
                ),
                (
                    "up",
                    branch.up.grad(&gradients).map(|g| g.flatten::<1>(0, 1)),
                    &full.up,
                ),
            ] {
                // One that is not there is an answer too, and a wrong one.
                let found = found.unwrap_or_else(|| tensor(&[], [0], device));
                note(
                    answers,
                    what(&format!("gradient of {name}")),
                    found,
                    expected,
                    NEAR,
                )
                .await?;
            }
            if let Some(found) = leaf.grad(&gradients) {
                note(
                    answers,
                    what("adapted gradient of x"),
                    found,
                    &full.x,
                    CLOSE,
                )
                .await?;
            }
        }
    }
    Ok(())
}
