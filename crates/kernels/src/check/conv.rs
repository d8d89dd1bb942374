//! Convolutions, linear layers and their branches.

use burn::tensor::{Device, Tensor, f16};

use super::{Answer, CLOSE, Extent, NEAR, noise, note, tensor};
use crate::{
    BLOCK, ConvGeometry, FrozenWeight, KernelError, LowRank, Plus, Precision, VIEW_ALIGNMENT, conv,
    gather_into, ops::Addition, view,
};

/// The first of them is the scale of a batch of one or of odd many; otherwise each half of the batch has one.
const SCALES: [f32; 2] = [0.7, -0.4];

#[derive(Clone, Copy, Debug)]
struct Case {
    batch: usize,
    side: [usize; 2],
    channels: usize,
    outputs: usize,
    rank: usize,
    geometry: ConvGeometry,
    precision: Precision,
    addition: Addition,
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
            upsample: false,
        },
        precision: Precision::F32,
        addition: Addition::Nothing,
    };
    let kept = |precision, case| Case { precision, ..case };
    let plus = |addition, case| Case { addition, ..case };
    let enlarged = |case: Case| Case {
        geometry: ConvGeometry {
            upsample: true,
            ..case.geometry
        },
        ..case
    };
    let [f16, int8] = [Precision::F16, Precision::Int8];
    let [residual, per_image] = [Addition::Residual, Addition::PerImage];
    let mut cases = vec![
        plus(residual, case(2, [8, 8], [32, 32, 8], [3, 1, 1, 1])),
        // Rank 0: without a branch.
        kept(f16, case(2, [16, 8], [64, 64, 0], [1, 1, 0, 0])),
        case(1, [7, 5], [3, 10, 4], [3, 2, 1, 1]),
    ];
    if extent == Extent::Full {
        cases.extend([
            kept(f16, case(2, [16, 8], [64, 64, 8], [1, 1, 0, 0])),
            case(2, [8, 8], [16, 24, 1], [3, 1, 1, 1]),
            case(1, [7, 5], [3, 10, 4], [3, 1, 1, 1]),
            case(2, [8, 6], [8, 3, 5], [3, 2, 1, 1]),
            case(1, [9, 8], [4, 9, 1], [3, 2, 0, 1]),
            case(3, [4, 4], [12, 20, 4], [1, 1, 0, 0]),
            case(1, [1, 1], [1, 1, 1], [1, 1, 0, 0]),
            case(1, [33, 1], [7, 17, 5], [1, 1, 0, 0]),
            case(1, [5, 5], [6, 5, 3], [1, 2, 0, 0]),
            case(1, [40, 40], [20, 12, 16], [3, 1, 1, 1]),
            case(2, [8, 8], [32, 32, 8], [3, 1, 1, 1]),
            plus(residual, case(3, [5, 4], [12, 20, 4], [1, 1, 0, 0])),
            plus(per_image, case(3, [4, 4], [12, 20, 4], [3, 1, 1, 1])),
            plus(per_image, case(2, [5, 3], [8, 7, 2], [1, 1, 0, 0])),
            enlarged(case(2, [4, 4], [16, 8, 4], [3, 1, 1, 1])),
            enlarged(case(1, [3, 5], [3, 5, 2], [3, 1, 1, 1])),
            kept(f16, case(2, [6, 5], [36, 20, 4], [3, 2, 1, 1])),
            kept(f16, case(1, [3, 3], [7, 5, 2], [3, 1, 1, 1])),
            kept(int8, case(2, [16, 8], [64, 64, 8], [1, 1, 0, 0])),
            kept(int8, case(1, [5, 5], [132, 18, 4], [3, 1, 1, 1])),
            kept(int8, case(1, [9, 1], [12, 6, 3], [1, 1, 0, 0])),
            kept(
                int8,
                plus(
                    residual,
                    enlarged(case(1, [3, 3], [68, 9, 4], [3, 1, 1, 1])),
                ),
            ),
        ]);
    }
    cases
}

/// What a case computes, in f64.
struct Expected {
    out: Vec<f64>,
    x: Vec<f64>,
    plus: Vec<f64>,
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
        let shift = u32::from(geometry.upsample);
        for place in 0..batch * oh * ow {
            let (b, y, x) = (place / (oh * ow), place / ow % oh, place % ow);
            for tap in 0..k * k {
                let iy = (y * geometry.stride + tap / k).wrapping_sub(geometry.pad_begin);
                let ix = (x * geometry.stride + tap % k).wrapping_sub(geometry.pad_begin);
                // What wrapped lies beyond every side.
                let (iy, ix) = (iy >> shift, ix >> shift);
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

    /// Where in what is added the value for a place of the result lies.
    fn at_plus(&self, at_out: usize) -> usize {
        let [oh, ow] = self.out();
        let (row, o) = (at_out / self.outputs, at_out % self.outputs);
        match self.addition {
            Addition::Nothing | Addition::Residual => at_out,
            Addition::PerImage => row / (oh * ow) * self.outputs + o,
        }
    }

    /// The scales of its branch.
    fn scales(&self) -> &'static [f32] {
        &SCALES[..1 + usize::from(self.batch.is_multiple_of(2))]
    }

    /// For input, weight, bias, addition, factors and the gradient of the result; `rank` 0 for no branch.
    fn expected(&self, [x, w, bias, plus, down, up, probe]: [&[f32]; 7], rank: usize) -> Expected {
        let outputs = self.outputs;
        let rows = probe.len() / outputs;
        let scales = self.scales();
        let scale = |row: usize| f64::from(scales[row * scales.len() / rows]);
        let branch = Case {
            outputs: rank,
            ..*self
        };
        let mut middle = vec![0.0; rows * rank];
        branch.products(|at_middle, at_x, at_down| {
            let scale = scale(at_middle / rank);
            middle[at_middle] += scale * f64::from(x[at_x]) * f64::from(down[at_down]);
        });
        let mut expected = Expected {
            out: (0..probe.len())
                .map(|i| f64::from(bias[i % outputs]) + f64::from(plus[self.at_plus(i)]))
                .collect(),
            x: vec![0.0; x.len()],
            plus: vec![0.0; plus.len()],
            down: vec![0.0; down.len()],
            up: vec![0.0; up.len()],
        };
        let mut middle_grad = vec![0.0; middle.len()];
        for (at_out, &g) in probe.iter().enumerate() {
            let (row, o, g) = (at_out / outputs, at_out % outputs, f64::from(g));
            expected.plus[self.at_plus(at_out)] += g;
            for r in 0..rank {
                let (at_up, at_middle) = (o * rank + r, row * rank + r);
                expected.out[at_out] += middle[at_middle] * f64::from(up[at_up]);
                expected.up[at_up] += g * middle[at_middle];
                middle_grad[at_middle] += scale(row) * g * f64::from(up[at_up]);
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

/// `w`, `[rows, channels]`, rounded to what `precision` keeps without a change.
fn on_grid(w: &[f32], precision: Precision, channels: usize) -> Vec<f32> {
    match precision {
        _ if !channels.is_multiple_of(4) => w.to_vec(),
        Precision::F32 => w.to_vec(),
        Precision::F16 => w.iter().map(|&x| f16::from_f32(x).to_f32()).collect(),
        Precision::Int8 => w
            .chunks(channels)
            .flat_map(|row| row.chunks(BLOCK))
            .flat_map(|block| {
                let largest = block.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
                block
                    .iter()
                    .map(move |x| (x / largest * 127.0).round() / 127.0 * largest)
            })
            .collect(),
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
            precision,
            addition,
        } = case;
        let what = |part: &str| format!("{part} of {case:?}");
        let [oh, ow] = case.out();
        let taps = geometry.kernel * geometry.kernel;
        let x = noise(batch * h * w * channels, 1);
        let rough = noise(outputs * taps * channels, 2);
        let weight = on_grid(&rough, precision, channels);
        let bias = noise(outputs, 3);
        let probe = noise(batch * oh * ow * outputs, 4);
        let down = noise(rank * taps * channels, 5);
        let up = noise(outputs * rank, 6);
        let plus = match addition {
            Addition::Nothing => vec![0.0; probe.len()],
            Addition::Residual => noise(probe.len(), 7),
            Addition::PerImage => noise(batch * outputs, 7),
        };
        let bare = case.expected([&x, &weight, &bias, &plus, &[], &[], &probe], 0);
        let full = case.expected([&x, &weight, &bias, &plus, &down, &up, &probe], rank);

        let x = tensor(&x, [batch, h, w, channels], device).autodiff();
        let frozen = |values: &[f32]| {
            let values = tensor(values, [outputs, taps, channels], device).autodiff();
            FrozenWeight::new(values, precision)
        };
        let frozen_weight = frozen(&weight);
        let bias = tensor(&bias, [outputs], device).autodiff();
        let probe = tensor(&probe, [batch, oh, ow, outputs], device).autodiff();
        let added: Tensor<1> = tensor(&plus, [plus.len()], device).autodiff();
        let plus = |added: Tensor<1>| match addition {
            Addition::Nothing => Plus::Nothing,
            Addition::Residual => Plus::Residual(added.reshape([batch, oh, ow, outputs])),
            Addition::PerImage => Plus::PerImage(added.reshape([batch, outputs])),
        };
        // Places for the factors' gradients in one buffer.
        let up_at = down.len().next_multiple_of(VIEW_ALIGNMENT);
        let flat = Tensor::<1>::zeros([up_at + up.len()], device);
        let places = || {
            [(0, down.len()), (up_at, up.len())]
                .map(|(start, length)| view(flat.clone(), start, length).autodiff())
        };
        let branch = |placed: bool| LowRank {
            down: tensor(&down, [rank, taps, channels], device)
                .autodiff()
                .require_grad(),
            up: tensor(&up, [outputs, rank], device)
                .autodiff()
                .require_grad(),
            scale: tensor(case.scales(), [case.scales().len()], device).autodiff(),
            gradients: placed.then(places),
        };
        let run = |x: &Tensor<4>, added: &Tensor<1>, branch: Option<&LowRank>| {
            let (x, bias, plus) = (x.clone(), bias.clone(), plus(added.clone()));
            conv(x, &frozen_weight, bias, branch, plus, geometry)
        };

        let leaf = x.clone().require_grad();
        let leaf_plus = added.clone().require_grad();
        let y = run(&leaf, &leaf_plus, None);
        note(answers, what("result"), y.clone(), &bare.out, CLOSE).await?;
        let gradients = (y * probe.clone()).sum().backward();
        if let Some(found) = leaf.grad(&gradients) {
            note(answers, what("gradient of x"), found, &bare.x, CLOSE).await?;
        }
        if addition != Addition::Nothing {
            // One that is not there is an answer too, and a wrong one.
            let found = leaf_plus.grad(&gradients);
            let found = found.unwrap_or_else(|| tensor(&[], [0], device));
            note(
                answers,
                what("gradient of what is added"),
                found,
                &bare.plus,
                CLOSE,
            )
            .await?;
        }
        if rough != weight && extent == Extent::Full {
            // The project's bound for kernels in f16; int8 by block meets it too.
            let y = conv(
                x.clone(),
                &frozen(&rough),
                bias.clone(),
                None,
                plus(added.clone()),
                geometry,
            );
            note(answers, what("rounded result"), y, &bare.out, 5e-4).await?;
        }

        if rank == 0 {
            continue;
        }
        // With a gradient for x, and without one, as in a model's first layer; factors' gradients
        // where there is room, and in their places.
        for (leaf, placed) in [(x.clone().require_grad(), false), (x.clone(), true)] {
            let branch = branch(placed);
            let y = run(&leaf, &added, Some(&branch));
            note(answers, what("adapted result"), y.clone(), &full.out, CLOSE).await?;
            let gradients = (y * probe.clone()).sum().backward();
            let found = [
                branch.down.grad(&gradients).map(|g| g.flatten::<1>(0, 2)),
                branch.up.grad(&gradients).map(|g| g.flatten::<1>(0, 1)),
            ]
            .map(|found| found.unwrap_or_else(|| tensor(&[], [0], device)));
            let found = match placed {
                false => found,
                true => {
                    let [of_down, of_up] = found;
                    let all = gather_into(flat.clone(), vec![(0, of_down), (up_at, of_up)]);
                    [(0, down.len()), (up_at, up.len())]
                        .map(|(start, length)| all.clone().narrow(0, start, length))
                }
            };
            let expected = [&full.down, &full.up];
            for ((name, found), expected) in ["down", "up"].into_iter().zip(found).zip(expected) {
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
