//! AdamW, as PyTorch documents it, on gradients that were gathered.

use burn::tensor::{Device, Tensor};

use super::{Answer, CLOSE, noise, note, tensor};
use crate::{AdamW, AdamWState, KernelError, Rates, adamw, gather_into, view, write_into};

const LENGTH: usize = 640;
const RATE: f64 = 1e-2;
/// So many values have a rate of their own.
const FIRST: usize = 256;
const RATE_OF_FIRST: f64 = 3e-3;
const STEPS: u32 = 3;

fn definition(state: &mut [Vec<f64>; 3], grad: &[f32], config: &AdamW, step: i32) {
    let norm = grad
        .iter()
        .map(|&g| f64::from(g).powi(2))
        .sum::<f64>()
        .sqrt();
    let clip = (f64::from(config.max_norm) / (norm + 1e-6)).min(1.0);
    let (b1, b2) = (f64::from(config.beta1), f64::from(config.beta2));
    let [p, m, v] = state;
    for (i, &g) in grad.iter().enumerate() {
        let g = f64::from(g) * clip;
        let rate = if i < FIRST { RATE_OF_FIRST } else { RATE };
        p[i] *= 1.0 - rate * f64::from(config.weight_decay);
        m[i] = b1 * m[i] + (1.0 - b1) * g;
        v[i] = b2 * v[i] + (1.0 - b2) * g * g;
        let (m_hat, v_hat) = (m[i] / (1.0 - b1.powi(step)), v[i] / (1.0 - b2.powi(step)));
        p[i] -= rate * m_hat / (v_hat.sqrt() + f64::from(config.epsilon));
    }
}

pub async fn ask(device: &Device, answers: &mut Vec<Answer>) -> Result<(), KernelError> {
    let config = AdamW::default();
    let start = noise(LENGTH, 1);
    let flat = |values: &[f32]| tensor(values, [values.len()], device);
    let mut expected = [
        start.iter().map(|&x| f64::from(x)).collect(),
        vec![0.0; LENGTH],
        vec![0.0; LENGTH],
    ];
    // By way of another's place, as adapters are exchanged.
    let param = write_into(flat(&noise(LENGTH, 2)), flat(&start));
    let mut state = AdamWState::new(param);
    for step in 1..=STEPS {
        let grad = noise(LENGTH, 10 + step);
        definition(&mut expected, &grad, &config, step as i32);
        let pieces = grad.chunks(LENGTH / 10).enumerate();
        let pieces = pieces
            .map(|(i, piece)| (i * piece.len(), flat(piece)))
            .collect();
        let grad = gather_into(Tensor::zeros([LENGTH], device), pieces);
        let rates = Rates {
            rate: RATE as f32,
            first: FIRST,
            of_first: RATE_OF_FIRST as f32,
        };
        let hyper = flat(&config.hyper(true, rates, step));
        (state, _) = adamw(state, grad, hyper);
    }
    let [param, first, second] = &expected;
    note(
        answers,
        "AdamW's first moments".into(),
        state.first,
        first,
        CLOSE,
    )
    .await?;
    note(
        answers,
        "AdamW's second moments".into(),
        state.second,
        second,
        CLOSE,
    )
    .await?;
    let part = view(state.param.clone(), 64, 100);
    note(
        answers,
        "a view of AdamW's factors".into(),
        part,
        &param[64..164],
        CLOSE,
    )
    .await?;
    note(answers, "AdamW's factors".into(), state.param, param, CLOSE).await?;
    Ok(())
}
