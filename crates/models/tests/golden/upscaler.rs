use atelier_models::Upscaler;

use crate::common::{Golden, Outcome, Place, check, cpu, gpu};

fn agrees(place: Place) -> Outcome {
    let weights = Golden::read("upscaler/upscaler.safetensors")?;
    let upscaler = Upscaler::load(weights.weights(&place.device)?)?;
    let io = Golden::read("upscaler/golden.safetensors")?;
    let larger = upscaler.forward(io.tensor("input", &place.device)?);
    check("output", &place, larger, io.values("output")?)
}

#[test]
fn upscaler_agrees_on_the_cpu() -> Outcome {
    agrees(cpu())
}

#[test]
fn upscaler_agrees_on_the_gpu() -> Outcome {
    agrees(gpu())
}
