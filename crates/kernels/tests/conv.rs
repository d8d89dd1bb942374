//! Convolutions and linear layers, forward and backward, against sums in f64.

mod common;

use atelier_kernels::{ConvGeometry, LowRank, conv, linear};
use common::{assert_close, assert_within, each_place, noise, tensor, values};

struct Case {
    batch: usize,
    side: [usize; 2],
    channels: usize,
    outputs: usize,
    geometry: ConvGeometry,
}

fn geometry(kernel: usize, stride: usize, pad_begin: usize, pad_end: usize) -> ConvGeometry {
    ConvGeometry {
        kernel,
        stride,
        pad_begin,
        pad_end,
    }
}

/// The shapes of the models, and ones that fit no tile: odd sides, one channel, three, more outputs than
/// a tile and fewer.
fn cases() -> Vec<Case> {
    let case = |batch, side, channels, outputs, geometry| Case {
        batch,
        side,
        channels,
        outputs,
        geometry,
    };
    vec![
        case(2, [8, 8], 16, 24, geometry(3, 1, 1, 1)),
        case(1, [7, 5], 3, 10, geometry(3, 1, 1, 1)),
        case(2, [8, 6], 8, 3, geometry(3, 2, 1, 1)),
        case(1, [9, 8], 4, 9, geometry(3, 2, 0, 1)),
        case(3, [4, 4], 12, 20, geometry(1, 1, 0, 0)),
        case(1, [1, 1], 1, 1, geometry(1, 1, 0, 0)),
        case(1, [33, 1], 7, 17, geometry(1, 1, 0, 0)),
        case(1, [5, 5], 6, 5, geometry(1, 2, 0, 0)),
    ]
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
        } = *self;
        let [oh, ow] = self.out();
        let k = geometry.kernel;
        for b in 0..batch {
            for y in 0..oh {
                for x in 0..ow {
                    for ky in 0..k {
                        for kx in 0..k {
                            let iy = (y * geometry.stride + ky).wrapping_sub(geometry.pad_begin);
                            let ix = (x * geometry.stride + kx).wrapping_sub(geometry.pad_begin);
                            if iy >= h || ix >= w {
                                continue;
                            }
                            for o in 0..outputs {
                                for c in 0..channels {
                                    each(
                                        ((b * oh + y) * ow + x) * outputs + o,
                                        ((b * h + iy) * w + ix) * channels + c,
                                        (o * k * k + ky * k + kx) * channels + c,
                                    );
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

const SCALE: f32 = 0.7;
/// Ranks of the branches tried: one, one that fits lanes, one that does not.
const RANKS: [usize; 3] = [1, 4, 5];

/// What a case computes, in f64, for inputs, weight, bias, down, up and the gradient of the result.
#[derive(Default)]
struct Expected {
    out: Vec<f64>,
    x: Vec<f64>,
    down: Vec<f64>,
    up: Vec<f64>,
}

impl Case {
    fn expected(&self, [x, w, bias, down, up, probe]: [&[f32]; 6], rank: usize) -> Expected {
        let outputs = self.outputs;
        let rows = probe.len() / outputs;
        let scale = f64::from(SCALE);
        let mut middle = vec![0.0; rows * rank];
        let branch = Case {
            outputs: rank,
            ..*self
        };
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
        for row in 0..rows {
            for o in 0..outputs {
                let g = f64::from(probe[row * outputs + o]);
                for r in 0..rank {
                    let (at_up, at_middle) = (o * rank + r, row * rank + r);
                    expected.out[row * outputs + o] += middle[at_middle] * f64::from(up[at_up]);
                    expected.up[at_up] += g * middle[at_middle];
                    middle_grad[at_middle] += scale * g * f64::from(up[at_up]);
                }
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

#[test]
fn layers_branches_and_their_gradients_follow_the_sums() {
    for (i, case) in cases().into_iter().enumerate() {
        let Case {
            batch,
            side: [h, w],
            channels,
            outputs,
            geometry,
        } = case;
        let [oh, ow] = case.out();
        let taps = geometry.kernel * geometry.kernel;
        let rank = RANKS[i % RANKS.len()];
        let x = noise(batch * h * w * channels, 1);
        let weight = noise(outputs * taps * channels, 2);
        let bias = noise(outputs, 3);
        let probe = noise(batch * oh * ow * outputs, 4);
        let down = noise(rank * taps * channels, 5);
        let up = noise(outputs * rank, 6);
        let bare = case.expected([&x, &weight, &bias, &[], &[], &probe], 0);
        let full = case.expected([&x, &weight, &bias, &down, &up, &probe], rank);

        each_place(|device, place| {
            let what = |part: &str| format!("case {i}, {part} on {place}");
            let x = tensor(&x, [batch, h, w, channels], device);
            let weight = tensor(&weight, [outputs, taps, channels], device);
            let bias = tensor(&bias, [outputs], device);
            let probe = tensor(&probe, [batch, oh, ow, outputs], device).autodiff();
            let branch = LowRank {
                down: tensor(&down, [rank, taps, channels], device),
                up: tensor(&up, [outputs, rank], device),
                scale: tensor(&[SCALE], [1], device),
            };

            let plain = conv(x.clone(), weight.clone(), bias.clone(), None, geometry);
            assert_eq!(plain.dims(), [batch, oh, ow, outputs]);
            assert_close(&values(plain), &bare.out, &what("forward"));
            let adapted = conv(
                x.clone(),
                weight.clone(),
                bias.clone(),
                Some(&branch),
                geometry,
            );
            assert_close(&values(adapted), &full.out, &what("forward with a branch"));

            let (weight, bias) = (weight.autodiff(), bias.autodiff());
            let leaf = x.clone().autodiff().require_grad();
            let y = conv(leaf.clone(), weight.clone(), bias.clone(), None, geometry);
            let gradients = (y * probe.clone()).sum().backward();
            assert!(weight.grad(&gradients).is_none(), "the weight is frozen");
            let found = values(leaf.grad(&gradients).unwrap());
            assert_close(&found, &bare.x, &what("gradient of x"));

            // With a gradient for x, and without one, as in a model's first layer.
            for leaf in [x.clone().autodiff().require_grad(), x.clone().autodiff()] {
                let branch = LowRank {
                    down: branch.down.clone().autodiff().require_grad(),
                    up: branch.up.clone().autodiff().require_grad(),
                    scale: branch.scale.clone().autodiff(),
                };
                let y = conv(
                    leaf.clone(),
                    weight.clone(),
                    bias.clone(),
                    Some(&branch),
                    geometry,
                );
                let gradients = (y * probe.clone()).sum().backward();
                let down = values(branch.down.grad(&gradients).unwrap());
                assert_within(1e-8, &down, &full.down, &what("gradient of down"));
                let up = values(branch.up.grad(&gradients).unwrap());
                assert_within(1e-8, &up, &full.up, &what("gradient of up"));
                if let Some(found) = leaf.grad(&gradients) {
                    assert_close(&values(found), &full.x, &what("gradient of x through both"));
                }
            }
        });
    }
}

#[test]
fn linear_keeps_leading_axes() {
    each_place(|device, _| {
        let x = noise(2 * 3 * 5 * 4, 1);
        let w = noise(7 * 4, 2);
        let y = linear(
            tensor(&x, [2, 3, 5, 4], device),
            tensor(&w, [7, 4], device),
            tensor(&[0.0; 7], [7], device),
            None,
        );
        assert_eq!(y.dims(), [2, 3, 5, 7]);
        let expected: Vec<f64> = (0..30)
            .flat_map(|row| (0..7).map(move |o| (row, o)))
            .map(|(row, o)| {
                (0..4)
                    .map(|c| f64::from(x[row * 4 + c]) * f64::from(w[o * 4 + c]))
                    .sum()
            })
            .collect();
        assert_close(&values(y), &expected, "linear");
    });
}
