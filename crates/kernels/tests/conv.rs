//! Convolutions and linear layers, forward and backward, against sums in f64.

mod common;

use atelier_kernels::{ConvGeometry, conv, linear};
use common::{assert_close, devices, noise, tensor, values};

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

#[test]
fn conv_and_its_gradients_follow_the_sums() {
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
        let x = noise(batch * h * w * channels, 1);
        let weight = noise(outputs * taps * channels, 2);
        let bias = noise(outputs, 3);
        let probe = noise(batch * oh * ow * outputs, 4);

        let mut out: Vec<f64> = (0..probe.len())
            .map(|i| f64::from(bias[i % outputs]))
            .collect();
        let mut grad_x = vec![0.0; x.len()];
        let mut grad_w = vec![0.0; weight.len()];
        case.products(|at_out, at_x, at_w| {
            let [x, w, g] = [x[at_x], weight[at_w], probe[at_out]].map(f64::from);
            out[at_out] += x * w;
            grad_x[at_x] += g * w;
            grad_w[at_w] += g * x;
        });

        for device in devices() {
            let what = |part: &str| format!("case {i}, {part} on {device:?}");
            let inner_bias = tensor(&bias, [outputs], &device);
            let x_inner = tensor(&x, [batch, h, w, channels], &device);
            let w_inner = tensor(&weight, [outputs, taps, channels], &device);
            let plain = conv(
                x_inner.clone(),
                w_inner.clone(),
                Some(inner_bias.clone()),
                geometry,
            );
            assert_eq!(plain.dims(), [batch, oh, ow, outputs]);
            assert_close(&values(plain), &out, &what("forward"));

            let x = x_inner.autodiff().require_grad();
            let w = w_inner.autodiff().require_grad();
            let y = conv(x.clone(), w.clone(), Some(inner_bias.autodiff()), geometry);
            let probe = tensor(&probe, [batch, oh, ow, outputs], &device).autodiff();
            let gradients = (y * probe).sum().backward();
            assert_close(
                &values(x.grad(&gradients).unwrap()),
                &grad_x,
                &what("gradient of x"),
            );
            assert_close(
                &values(w.grad(&gradients).unwrap()),
                &grad_w,
                &what("gradient of w"),
            );
        }
    }
}

#[test]
fn a_frozen_weight_gets_no_gradient_and_the_input_one() {
    for device in devices() {
        let x = tensor(&noise(6 * 8, 1), [6, 8], &device)
            .autodiff()
            .require_grad();
        let w = tensor(&noise(5 * 8, 2), [5, 8], &device);
        let y = linear(x.clone(), w.clone().autodiff(), None);
        let gradients = y.sum().backward();
        assert!(w.grad(&gradients).is_none());
        let columns: Vec<f64> = (0..48)
            .map(|i| (0..5).map(|o| f64::from(noise(40, 2)[o * 8 + i % 8])).sum())
            .collect();
        assert_close(
            &values(x.grad(&gradients).unwrap()),
            &columns,
            "gradient of x",
        );
    }
}

#[test]
fn linear_keeps_leading_axes() {
    for device in devices() {
        let x = noise(2 * 3 * 5 * 4, 1);
        let w = noise(7 * 4, 2);
        let y = linear(
            tensor(&x, [2, 3, 5, 4], &device),
            tensor(&w, [7, 4], &device),
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
    }
}
