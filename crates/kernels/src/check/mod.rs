//! Known answers: every kernel on small inputs, against the definition written out in f64.
//!
//! Engines ask for [`known_answers`] when they open a device, so that a driver that compiles wrongly is
//! found before an artist's work goes through it; the tests ask for all cases, natively and in the
//! browser.

mod adamw;
mod attention;
mod conv;
mod geglu;
mod norm;

use burn::tensor::{Device, Tensor, TensorData};

use crate::KernelError;

/// How many cases are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Those that meet each kernel once, for the start of an engine.
    Quick,
    /// Ragged, odd and extreme ones too.
    Full,
}

/// Computes every case on `device` and compares; how many answers were right.
///
/// # Errors
/// [`KernelError::WrongAnswer`] names the first that was not; or the device fails.
pub async fn known_answers(device: &Device, extent: Extent) -> Result<usize, KernelError> {
    let mut answers = Vec::new();
    conv::ask(device, extent, &mut answers).await?;
    norm::ask(device, extent, &mut answers).await?;
    geglu::ask(device, extent, &mut answers).await?;
    attention::ask(device, extent, &mut answers).await?;
    adamw::ask(device, &mut answers).await?;
    // Not a number is wrong too, and it is above no bound.
    let wrong = |answer: &&Answer| answer.error.is_nan() || answer.error >= answer.bound;
    match answers.iter().find(wrong) {
        None => Ok(answers.len()),
        Some(wrong) => Err(KernelError::WrongAnswer {
            what: wrong.what.clone(),
            error: wrong.error,
        }),
    }
}

/// The bound of the project for kernels in f32 is 1e-6; these computations stay far below it, so that
/// one wrong term among many is seen too.
const CLOSE: f64 = 1e-10;
/// For what is a sum of sums that nearly cancel.
const NEAR: f64 = 1e-8;

struct Answer {
    what: String,
    /// Mean squared error over mean square.
    error: f64,
    bound: f64,
}

/// Reads `found` and notes how far it is from `expected`.
async fn note<const D: usize>(
    answers: &mut Vec<Answer>,
    what: String,
    found: Tensor<D>,
    expected: &[f64],
    bound: f64,
) -> Result<(), KernelError> {
    let found = values(found).await?;
    let square = |sum: f64, value: f64| sum + value * value;
    let size = expected.iter().copied().fold(0.0, square);
    let differences = found.iter().zip(expected).map(|(&f, e)| f64::from(f) - e);
    let error = differences.fold(0.0, square);
    // Gradients of a softmax that has chosen vanish, and rounding of values near 1 is what remains.
    let size = size.max(1e-4 * expected.len() as f64);
    let error = match found.len() == expected.len() {
        true => error / size,
        false => f64::INFINITY,
    };
    answers.push(Answer { what, error, bound });
    Ok(())
}

async fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, KernelError> {
    Ok(tensor.into_data_async().await?.iter::<f32>().collect())
}

fn tensor<const D: usize>(values: &[f32], shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

/// Numbers that repeat nowhere soon, between -1 and 1.
fn noise(length: usize, seed: u32) -> Vec<f32> {
    (0..length)
        .map(|i| ((i as f32 + 1.0) * 12.9898 + seed as f32 * 78.233).sin())
        .collect()
}
