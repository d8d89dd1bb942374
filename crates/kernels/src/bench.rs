//! How fast the operations are: at the models' shapes, beside burn's own and beside the adapter's
//! multiply-adds, all measured in one run.
//!
//! Each is recorded once alone and once repeated, and the difference of the two replays is its time: in a
//! browser launching costs more than most of them take.

use burn::{
    backend::Dispatch,
    tensor::{Device, Tensor, activation, module, ops::ConvOptions},
};
use web_time::Instant;

use crate::{
    ConvGeometry, FrozenWeight, KernelError, Plus, Precision, Recorded, attention, conv, geglu,
    group_norm, linear,
    ops::{PEAK_CHAINS, PeakOps},
};

/// One operation at one shape.
#[derive(Clone, Debug)]
pub struct Row {
    pub operation: &'static str,
    pub shape: String,
    /// Multiplications and additions; 0 where memory is what counts.
    pub gflop: f64,
    pub seconds: f64,
    /// The same by burn's own operations.
    pub stock_seconds: f64,
}

impl Row {
    pub fn gflops(&self) -> f64 {
        self.gflop / self.seconds
    }
}

/// Whose shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shapes {
    Sketch,
    StableDiffusion,
}

/// What an adapter can do at most, in GFLOP/s: independent multiply-adds in registers.
pub async fn fma_peak(device: &Device) -> Result<f64, KernelError> {
    const THREADS: usize = 8192;
    const ROUNDS: usize = 2048;
    let seed = Tensor::<1>::from_floats([0.999, 0.5], device);
    let run = move || {
        let seed = seed.clone().into_dispatch();
        Tensor::<1>::from_dispatch(<Dispatch as PeakOps>::fma_peak(seed, THREADS, ROUNDS))
    };
    let seconds = time(device, run).await?;
    Ok((THREADS * ROUNDS * PEAK_CHAINS * 4 * 2) as f64 / seconds / 1e9)
}

/// Measures every operation; `tell` hears of each as it is done.
///
/// # Errors
/// When the device fails.
pub async fn bench(
    device: &Device,
    shapes: Shapes,
    mut tell: impl FnMut(&Row),
) -> Result<Vec<Row>, KernelError> {
    let mut rows = Vec::new();
    let mut done = |row: Row| {
        tell(&row);
        rows.push(row);
    };
    let sketch = shapes == Shapes::Sketch;
    for [batch, side, channels] in match sketch {
        true => [[4, 8, 96], [4, 4, 160]],
        false => [[1, 64, 320], [1, 16, 1280]],
    } {
        let shape = format!("{batch} x {side} x {side} x {channels}");
        let gflop = (2 * batch * side * side * channels * channels * 9) as f64 / 1e9;
        let x = random([batch, side, side, channels], device);
        let frozen = |w: Tensor<3>| FrozenWeight::new(w, Precision::F32);
        let w: Tensor<3> = random([channels, 9, channels], device);
        let tracked_w = frozen(w.clone().autodiff());
        let w = frozen(w);
        let bias = random([channels], device);
        let geometry = ConvGeometry {
            kernel: 3,
            stride: 1,
            pad_begin: 1,
            pad_end: 1,
            upsample: false,
        };
        let ours = {
            let x = x.clone();
            move |tracked| {
                let bias = bias.clone();
                let none = Plus::Nothing;
                match tracked {
                    false => conv(x.clone(), &w, bias, None, none, geometry).flatten(0, 3),
                    true => gradient(x.clone(), |x| {
                        conv(x, &tracked_w, bias.autodiff(), None, none, geometry)
                    }),
                }
            }
        };
        let x = random([batch, channels, side, side], device);
        let w = random([channels, channels, 3, 3], device);
        let stock = move |tracked| {
            let options = ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
            match tracked {
                false => module::conv2d(x.clone(), w.clone(), None, options).flatten(0, 3),
                true => gradient(x.clone(), |x| {
                    module::conv2d(x, w.clone().autodiff(), None, options)
                }),
            }
        };
        both(
            device,
            "convolution 3x3",
            shape,
            gflop,
            1.0,
            ours,
            stock,
            &mut done,
        )
        .await?;
    }
    for [rows, inputs, outputs] in match sketch {
        true => [[64, 160, 1280], [64, 640, 160]],
        false => [[4096, 320, 2560], [1024, 640, 640]],
    } {
        let gflop = (2 * rows * inputs * outputs) as f64 / 1e9;
        let x: Tensor<2> = random([rows, inputs], device);
        let w: Tensor<2> = random([outputs, inputs], device);
        let bias = random([outputs], device);
        for (precision, name) in [
            (Precision::F32, "f32"),
            (Precision::F16, "f16"),
            (Precision::Int8, "int8"),
        ] {
            let shape = format!("{rows} x {inputs} to {outputs}, {name}");
            let ours = {
                let (x, bias) = (x.clone(), bias.clone());
                let w = w.clone().reshape([outputs, 1, inputs]);
                let tracked_w = FrozenWeight::new(w.clone().autodiff(), precision);
                let w = FrozenWeight::new(w, precision);
                move |tracked| match tracked {
                    false => linear(x.clone(), &w, bias.clone(), None, None).flatten(0, 1),
                    true => gradient(x.clone(), |x| {
                        linear(x, &tracked_w, bias.clone().autodiff(), None, None)
                    }),
                }
            };
            let (x, w) = (x.clone(), w.clone());
            let stock = move |tracked| match tracked {
                false => x.clone().matmul(w.clone().transpose()).flatten(0, 1),
                true => gradient(x.clone(), |x| x.matmul(w.clone().autodiff().transpose())),
            };
            both(device, "linear", shape, gflop, 1.0, ours, stock, &mut done).await?;
        }
    }
    for [rows, n] in match sketch {
        true => [[256, 384], [64, 640]],
        false => [[4096, 1280], [256, 5120]],
    } {
        let x: Tensor<2> = random([rows, 2 * n], device);
        let ours = {
            let x = x.clone();
            move |tracked| match tracked {
                false => geglu(x.clone()).flatten(0, 1),
                true => gradient(x.clone(), geglu),
            }
        };
        let stock = move |tracked| {
            let plain =
                move |x: Tensor<2>| x.clone().narrow(1, 0, n) * activation::gelu(x.narrow(1, n, n));
            match tracked {
                false => plain(x.clone()).flatten(0, 1),
                true => gradient(x.clone(), plain),
            }
        };
        let shape = format!("{rows} x {}", 2 * n);
        both(device, "GEGLU", shape, 0.0, 1.0, ours, stock, &mut done).await?;
    }
    for [batch, queries, keys, heads, head_dim] in match sketch {
        true => [[4, 16, 16, 5, 32], [4, 64, 16, 3, 32]],
        false => [[1, 1024, 1024, 8, 80], [1, 1024, 77, 8, 80]],
    } {
        let shape = format!("{batch} x {queries} by {keys}, {heads} heads of {head_dim}");
        let gflop = (4 * batch * queries * keys * heads * head_dim) as f64 / 1e9;
        let width = heads * head_dim;
        let q = random([batch, queries, width], device);
        let [k, v] = [1, 2].map(|_| random([batch, keys, width], device));
        let ours = {
            let (q, k, v) = (q.clone(), k.clone(), v.clone());
            move |tracked| match tracked {
                false => attention(q.clone(), k.clone(), v.clone(), None, heads).flatten(0, 2),
                true => gradient(q.clone(), |q| {
                    let [k, v] = [&k, &v].map(|x| x.clone().autodiff().require_grad());
                    attention(q, k, v, None, heads)
                }),
            }
        };
        let stock = move |tracked| {
            let split = |x: Tensor<3>| {
                let [batch, tokens, _] = x.dims();
                x.reshape([batch, tokens, heads, head_dim]).swap_dims(1, 2)
            };
            let plain = move |q: Tensor<3>, k: Tensor<3>, v: Tensor<3>| {
                let scale = 1.0 / (head_dim as f64).sqrt();
                let scores = split(q).matmul(split(k).swap_dims(2, 3)) * scale;
                activation::softmax(scores, 3).matmul(split(v))
            };
            match tracked {
                false => plain(q.clone(), k.clone(), v.clone()).flatten(0, 3),
                true => gradient(q.clone(), |q| {
                    let [k, v] = [&k, &v].map(|x| x.clone().autodiff().require_grad());
                    plain(q, k, v)
                }),
            }
        };
        // Backward makes the probabilities again, and five products where forward has two.
        both(
            device,
            "attention",
            shape,
            gflop,
            2.5,
            ours,
            stock,
            &mut done,
        )
        .await?;
    }
    for [batch, places, channels] in match sketch {
        true => [[4, 64, 96], [4, 16, 160]],
        false => [[1, 4096, 320], [1, 256, 1280]],
    } {
        let shape = format!("{batch} x {places} x {channels}, 32 groups");
        let x: Tensor<3> = random([batch, places, channels], device);
        let [weight, bias]: [Tensor<1>; 2] = [1, 2].map(|_| random([channels], device));
        let ours = {
            let (x, weight, bias) = (x.clone(), weight.clone(), bias.clone());
            move |tracked| match tracked {
                false => {
                    let (weight, bias) = (weight.clone(), bias.clone());
                    group_norm(x.clone(), weight, bias, 32, 1e-5, true).flatten(0, 2)
                }
                true => gradient(x.clone(), |x| {
                    let (weight, bias) = (weight.clone().autodiff(), bias.clone().autodiff());
                    group_norm(x, weight, bias, 32, 1e-5, true)
                }),
            }
        };
        let stock = move |tracked| {
            let plain = |x: Tensor<3>, weight: Tensor<1>, bias: Tensor<1>| {
                let grouped = x
                    .reshape([batch, places, 32, channels / 32])
                    .swap_dims(1, 2)
                    .reshape([batch, 32, places * channels / 32]);
                let centred = grouped.clone() - grouped.mean_dim(2);
                let variance = (centred.clone() * centred.clone()).mean_dim(2);
                let y = (centred / (variance + 1e-5).sqrt())
                    .reshape([batch, 32, places, channels / 32])
                    .swap_dims(1, 2)
                    .reshape([batch, places, channels]);
                let wide = |x: Tensor<1>| x.reshape([1, 1, channels]);
                activation::silu(y * wide(weight) + wide(bias))
            };
            match tracked {
                false => plain(x.clone(), weight.clone(), bias.clone()).flatten(0, 2),
                true => gradient(x.clone(), |x| {
                    plain(x, weight.clone().autodiff(), bias.clone().autodiff())
                }),
            }
        };
        both(
            device,
            "group norm and SiLU",
            shape,
            0.0,
            1.0,
            ours,
            stock,
            &mut done,
        )
        .await?;
    }
    Ok(rows)
}

/// Forward, and backward as what a tracked run takes more. `backward` is how many times the arithmetic of
/// forward it has.
#[allow(clippy::too_many_arguments)]
async fn both(
    device: &Device,
    operation: &'static str,
    shape: String,
    gflop: f64,
    backward: f64,
    ours: impl Fn(bool) -> Tensor<1> + Clone + 'static,
    stock: impl Fn(bool) -> Tensor<1> + Clone + 'static,
    done: &mut impl FnMut(Row),
) -> Result<(), KernelError> {
    let mut times = [[0.0; 2]; 2];
    for (tracked, times) in [false, true].into_iter().zip(&mut times) {
        let (ours, stock) = (ours.clone(), stock.clone());
        *times = [
            time(device, move || ours(tracked)).await?,
            time(device, move || stock(tracked)).await?,
        ];
    }
    let [forward, whole] = times;
    done(Row {
        operation,
        shape: shape.clone(),
        gflop,
        seconds: forward[0],
        stock_seconds: forward[1],
    });
    done(Row {
        operation,
        shape: format!("{shape}, backward"),
        gflop: gflop * backward,
        seconds: (whole[0] - forward[0]).max(LEAST),
        stock_seconds: (whole[1] - forward[1]).max(LEAST),
    });
    Ok(())
}

/// The gradient of the sum of `run(x)` for x.
fn gradient<const D: usize, const E: usize>(
    x: Tensor<D>,
    run: impl FnOnce(Tensor<D>) -> Tensor<E>,
) -> Tensor<1> {
    let device = x.device();
    let leaf = x.autodiff().require_grad();
    let gradients = run(leaf.clone()).sum().backward();
    match leaf.grad(&gradients) {
        Some(gradient) => gradient.flatten(0, D - 1),
        None => Tensor::zeros([1], &device),
    }
}

/// A microsecond: below it a difference of two runs is noise.
const LEAST: f64 = 1e-6;

/// Seconds of one `run`.
async fn time(
    device: &Device,
    run: impl Fn() -> Tensor<1> + Clone + 'static,
) -> Result<f64, KernelError> {
    const REPEATS: usize = 17;
    let mut seconds = [0.0; 2];
    for (repeats, seconds) in [1, REPEATS].into_iter().zip(&mut seconds) {
        let run = run.clone();
        let mut recorded = Recorded::new(device, &[0.0; 64], move |inputs| {
            // Each result is looked at, so that none is left out.
            (0..repeats).fold(inputs.narrow(0, 0, 1), |sum, _| sum + run().narrow(0, 0, 1))
        })
        .await?;
        *seconds = f64::INFINITY;
        for _ in 0..5 {
            let start = Instant::now();
            recorded.run_and_read(&[0.0; 64]).await?;
            *seconds = seconds.min(start.elapsed().as_secs_f64());
        }
    }
    Ok(((seconds[1] - seconds[0]) / (REPEATS - 1) as f64).max(LEAST))
}

fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    let length = shape.iter().product();
    let values: Vec<f32> = (0..length).map(|i| (i as f32 * 12.9898).sin()).collect();
    Tensor::<1>::from_floats(&values[..], device).reshape(shape)
}
