//! AdamW, views, writes in place, and recording, on the CPU and on the GPU (lavapipe where there is
//! no other).

mod common;

use std::{cell::RefCell, rc::Rc, sync::Mutex};

use atelier_kernels::{AdamW, AdamWState, Recorded, adamw, gather_into, settle, view, write_into};
use burn::tensor::{Device, Tensor};
use common::{devices, noise, tensor, values};
use pollster::block_on;

/// One capture at a time: test threads share the device's streams.
static GPU: Mutex<()> = Mutex::new(());

/// AdamW as PyTorch documents it, in f64.
fn oracle(state: &mut [Vec<f64>; 3], grad: &[f32], config: &AdamW, lr: f64, step: i32) {
    let norm = grad
        .iter()
        .map(|&g| f64::from(g).powi(2))
        .sum::<f64>()
        .sqrt();
    let clip = (f64::from(config.max_norm) / (norm + 1e-6)).min(1.0);
    let (b1, b2) = (f64::from(config.beta1), f64::from(config.beta2));
    let [p, m, v] = state;
    for i in 0..grad.len() {
        let g = f64::from(grad[i]) * clip;
        p[i] *= 1.0 - lr * f64::from(config.weight_decay);
        m[i] = b1 * m[i] + (1.0 - b1) * g;
        v[i] = b2 * v[i] + (1.0 - b2) * g * g;
        let m_hat = m[i] / (1.0 - b1.powi(step));
        let v_hat = v[i] / (1.0 - b2.powi(step));
        p[i] -= lr * m_hat / (v_hat.sqrt() + f64::from(config.epsilon));
    }
}

#[test]
fn adamw_follows_the_oracle() {
    let _gpu = GPU.lock().unwrap_or_else(|e| e.into_inner());
    // A length that is no multiple of a workgroup; clipping that bites in one case and not in the other.
    for (length, max_norm) in [
        (1000, 0.5),
        (257, 1e9),
        (1, 1.0),
        (20_000, 1.0),
        (20_001, 1.0),
    ] {
        for device in devices() {
            let config = AdamW {
                max_norm,
                ..AdamW::default()
            };
            let start = noise(length, 1);
            let mut expected = [
                start.iter().map(|&x| f64::from(x)).collect(),
                vec![0.0; length],
                vec![0.0; length],
            ];
            let mut state = AdamWState::new(Tensor::from_floats(&start[..], &device));
            for step in 1..=5 {
                let grad = noise(length, 10 + step);
                let hyper = config.hyper(true, 1e-2, step);
                oracle(&mut expected, &grad, &config, 1e-2, step as i32);
                let (next, squared_norm) = adamw(
                    state,
                    Tensor::from_floats(&grad[..], &device),
                    Tensor::from_floats(&hyper[..], &device),
                );
                state = next;
                let norm: f64 = grad.iter().map(|&g| f64::from(g).powi(2)).sum();
                assert!((f64::from(values(squared_norm)[0]) - norm).abs() <= 1e-5 * norm);
            }
            // f32 against f64 over five steps of 1e-2: a few units in the last place of values near 1.
            for (found, expected) in values(state.param).iter().zip(&expected[0]) {
                assert!(
                    (f64::from(*found) - expected).abs() < 2e-6,
                    "{found} {expected}"
                );
            }
            for (found, expected) in values(state.second).iter().zip(&expected[2]) {
                assert!(
                    (f64::from(*found) - expected).abs() < 1e-7,
                    "{found} {expected}"
                );
            }
        }
    }
}

#[test]
fn adamw_leaves_the_state_alone_when_it_must() {
    let _gpu = GPU.lock().unwrap_or_else(|e| e.into_inner());
    for device in devices() {
        let start = noise(100, 3);
        for (active, poison) in [(false, 0.5), (true, f32::NAN), (true, f32::INFINITY)] {
            let state = AdamWState::new(Tensor::from_floats(&start[..], &device));
            let mut grad = noise(100, 4);
            grad[17] = poison;
            let hyper = AdamW::default().hyper(active, 1e-2, 1);
            let (state, _) = adamw(
                state,
                Tensor::from_floats(&grad[..], &device),
                Tensor::from_floats(&hyper[..], &device),
            );
            assert_eq!(values(state.param), start);
            assert!(values(state.first).iter().all(|&m| m == 0.0));
        }
    }
}

#[test]
fn views_are_ranges_and_see_what_is_written() {
    let _gpu = GPU.lock().unwrap_or_else(|e| e.into_inner());
    for device in devices() {
        let all = noise(200, 5);
        let flat = Tensor::<1>::from_floats(&all[..], &device);
        assert_eq!(values(view(flat.clone(), 64, 100)), all[64..164]);
        assert_eq!(values(view(flat.clone(), 192, 8)), all[192..]);
        let other = noise(200, 6);
        let flat = write_into(flat, Tensor::from_floats(&other[..], &device));
        assert_eq!(values(view(flat.clone(), 128, 3)), other[128..131]);
        assert_eq!(values(flat), other);
    }
}

/// A step with state: loss of a small regression, gradients, AdamW.
fn regression(
    device: &Device,
) -> (
    Rc<RefCell<AdamWState>>,
    impl Fn(Tensor<1>) -> Tensor<1> + 'static,
) {
    let start = noise(64 * 8, 7);
    let state = Rc::new(RefCell::new(AdamWState::new(Tensor::from_floats(
        &start[..],
        device,
    ))));
    let shared = state.clone();
    let device = device.clone();
    let step = move |inputs: Tensor<1>| {
        let x = view(inputs.clone(), 0, 16 * 64)
            .reshape([16, 64])
            .autodiff();
        let hyper = view(inputs, 1024, AdamW::HYPER);
        let weight = view(shared.borrow().param.clone(), 0, 512)
            .autodiff()
            .require_grad();
        let y = x.matmul(weight.clone().reshape([64, 8])).tanh();
        let loss = (y - 0.25).powi_scalar(2).mean();
        let gradients = loss.backward();
        let gradient = weight.grad(&gradients).expect("the weight took part");
        settle(&device).unwrap();
        let held = shared.borrow().clone();
        let (next, norm) = adamw(held, gradient, hyper);
        *shared.borrow_mut() = next;
        Tensor::cat(vec![loss.without_autodiff(), norm], 0)
    };
    (state, step)
}

fn regression_inputs(step: u32, active: bool) -> Vec<f32> {
    let mut inputs = noise(1024, step);
    inputs.extend(AdamW::default().hyper(active, 1e-2, step));
    inputs
}

#[test]
fn a_replayed_training_step_equals_the_eager_one_bit_for_bit() {
    let _gpu = GPU.lock().unwrap_or_else(|e| e.into_inner());
    for device in devices() {
        let (recorded_state, closure) = regression(&device);
        let mut recorded = block_on(Recorded::new(
            &device,
            &regression_inputs(1, false),
            closure,
        ))
        .unwrap();
        let on_gpu = device != Device::flex();
        assert_eq!(recorded.is_replayed(), on_gpu, "capture on {device:?}");

        let (eager_state, eager) = regression(&device);
        let mut losses = Vec::new();
        for step in 1..=10 {
            let inputs = regression_inputs(step, true);
            let replayed = block_on(recorded.run_and_read(&inputs)).unwrap();
            let expected = values(eager(Tensor::from_floats(&inputs[..], &device)));
            assert_eq!(replayed, expected, "step {step} on {device:?}");
            losses.push(replayed[0]);
        }
        assert!(losses[9] < losses[0], "{losses:?}");
        let replayed = values(recorded_state.borrow().param.clone());
        assert_eq!(replayed, values(eager_state.borrow().param.clone()));
        assert_ne!(replayed, noise(512, 7));
    }
}

#[test]
fn a_wrong_number_of_inputs_is_an_error() {
    let device = Device::flex();
    let mut recorded = block_on(Recorded::new(&device, &[0.0; 4], |inputs| inputs * 2.0)).unwrap();
    assert!(recorded.run(&[1.0; 5]).is_err());
    assert_eq!(
        block_on(recorded.run_and_read(&[1.0; 4])).unwrap(),
        [2.0; 4]
    );
}

#[test]
fn pieces_are_gathered_in_place() {
    let _gpu = GPU.lock().unwrap_or_else(|e| e.into_inner());
    for device in devices() {
        for count in [2, 6, 8, 10] {
            // Lengths around a workgroup's, gaps between them.
            let lengths = (0..count).map(|i| [1, 64, 256, 300][i % 4]);
            let mut start = 0;
            let mut pieces = Vec::new();
            let mut expected = Vec::new();
            for (i, length) in lengths.enumerate() {
                let piece = noise(length, i as u32);
                expected.resize(start, -1.0);
                expected.extend(&piece);
                pieces.push((start, tensor(&piece, [length], &device)));
                start = (start + length + 1).next_multiple_of(64);
            }
            expected.resize(start, -1.0);
            let flat = tensor(&vec![-1.0; start], [start], &device);
            let gathered = gather_into(flat.clone(), pieces);
            assert_eq!(values(gathered), expected, "{count} pieces on {device:?}");
        }
    }
}
