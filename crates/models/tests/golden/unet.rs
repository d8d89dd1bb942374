use std::error::Error;

use atelier_models::{UNet2DConditionConfig, UNet2DConditionModel};
use burn::tensor::Device;

use crate::common::{Golden, Outcome, Place, check, cpu, gpu, text};

pub fn load(folder: &str, device: &Device) -> Result<UNet2DConditionModel, Box<dyn Error>> {
    let config = UNet2DConditionConfig::from_json(&text(&format!("{folder}/config.json"))?)?;
    let weights = Golden::read(&format!("{folder}/diffusion_pytorch_model.safetensors"))?;
    Ok(UNet2DConditionModel::load(
        config,
        weights.weights(device)?,
    )?)
}

/// Outputs, and the gradient of `(output * probe).sum()` to the sample.
fn agrees(folder: &str, place: Place) -> Outcome {
    // The weights are on the plain device and the sample alone has autodiff: burn lets the two meet.
    let unet = load(folder, &place.device)?;
    let io = Golden::read(&format!("{folder}/io.safetensors"))?;
    for case in ["", "_1"] {
        let sample = io.tensor::<4>("sample", &place.device)?;
        let timesteps = io.tensor::<1>(&format!("timestep{case}"), &place.device)?;
        let text = io.tensor::<3>("encoder_hidden_states", &place.device)?;
        let expected = io.values(&format!("output{case}"))?;
        let output = unet.forward(sample.clone(), timesteps.clone(), text.clone());
        check(&format!("{folder} output{case}"), &place, output, expected)?;

        let leaf = sample.autodiff().require_grad();
        let output = unet.forward(leaf.clone(), timesteps, text);
        check(
            &format!("{folder} output{case} under autodiff"),
            &place,
            output.clone().inner(),
            expected,
        )?;
        let probe = io.tensor::<4>("probe", &place.device)?;
        let gradients = (output * probe).sum().backward();
        let gradient = leaf.grad(&gradients).ok_or("no gradient to the sample")?;
        let expected = io.values(&format!("grad_sample{case}"))?;
        check(
            &format!("{folder} grad_sample{case}"),
            &place,
            gradient,
            expected,
        )?;
    }
    Ok(())
}

#[test]
fn unet_agrees_on_the_cpu() -> Outcome {
    agrees("unet", cpu())
}

#[test]
fn unet_agrees_on_the_gpu() -> Outcome {
    agrees("unet", gpu())
}

#[test]
fn unet_sd_agrees_on_the_cpu() -> Outcome {
    agrees("unet_sd", cpu())
}

#[test]
fn unet_sd_agrees_on_the_gpu() -> Outcome {
    agrees("unet_sd", gpu())
}

/// All on a device with autodiff, as well: that is how training may hold them.
#[test]
fn weights_on_an_autodiff_device_get_no_gradient() -> Outcome {
    let place = cpu();
    let device = place.device.clone().autodiff();
    let unet = load("unet", &device)?;
    let io = Golden::read("unet/io.safetensors")?;
    let sample = io.tensor::<4>("sample", &device)?;
    let timesteps = io.tensor::<1>("timestep", &device)?;
    let text = io.tensor::<3>("encoder_hidden_states", &device)?;
    let output = unet.forward(sample.clone(), timesteps.clone(), text.clone());
    assert!(!output.is_tracked(), "no leaf, and yet a graph");
    let output = unet.forward(sample.require_grad(), timesteps, text);
    assert!(output.is_tracked());
    check(
        "unet, all with autodiff",
        &place,
        output.inner(),
        io.values("output")?,
    )
}

/// diffusers lists the same: every linear layer and convolution that has a weight of two axes or more.
#[test]
fn lists_every_projection_by_the_name_of_its_weight() -> Outcome {
    for folder in ["unet", "unet_sd"] {
        let unet = load(folder, &cpu().device)?;
        let mut listed: Vec<String> = (unet.adaptable().into_iter())
            .map(|projection| format!("{}.weight", projection.path))
            .collect();
        listed.sort();
        let weights = Golden::read(&format!("{folder}/diffusion_pytorch_model.safetensors"))?;
        let mut published = Vec::new();
        for name in weights.names() {
            if weights.shape(name)?.len() >= 2 {
                published.push(name.to_owned());
            }
        }
        assert_eq!(listed, published, "{folder}");
    }
    Ok(())
}
