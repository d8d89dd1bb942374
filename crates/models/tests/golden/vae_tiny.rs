use atelier_models::{AutoencoderTiny, AutoencoderTinyConfig};

use crate::common::{Golden, Outcome, Place, check, cpu, gpu, text};

fn agrees(place: Place) -> Outcome {
    let config = AutoencoderTinyConfig::from_json(&text("vae_tiny/config.json")?)?;
    assert_eq!(config.scaling_factor, 0.75);
    assert_eq!(config.pixels_per_latent(), 8);
    let weights = Golden::read("vae_tiny/diffusion_pytorch_model.safetensors")?;
    let vae = AutoencoderTiny::load(config, weights.weights(&place.device)?)?;
    let io = Golden::read("vae_tiny/io.safetensors")?;

    let latents = vae.encode(io.tensor("x", &place.device)?);
    check("latents", &place, latents, io.values("latents")?)?;
    for (from, to) in [
        ("latents", "reconstruction"),
        ("far_latents", "far_decoded"),
    ] {
        let decoded = vae.decode(io.tensor(from, &place.device)?);
        check(to, &place, decoded, io.values(to)?)?;
    }
    Ok(())
}

#[test]
fn autoencoder_agrees_on_the_cpu() -> Outcome {
    agrees(cpu())
}

#[test]
fn autoencoder_agrees_on_the_gpu() -> Outcome {
    agrees(gpu())
}
