use std::collections::BTreeMap;
use std::error::Error;

use atelier_models::{LowRank, ModelError, ProjectionKind, UNet2DConditionModel};
use burn::tensor::{Device, Tensor};

use crate::common::{Golden, Outcome, Place, check, cpu, gpu};
use crate::unet::load;

/// alpha / rank of the golden adapters.
const SCALE: f32 = 8.0 / 4.0;

fn kohya(path: &str) -> String {
    format!("lora_unet_{}", path.replace('.', "_"))
}

/// A factor that gets a gradient, where the device has autodiff.
fn leaf<const D: usize>(factor: Tensor<D>) -> Tensor<D> {
    match factor.is_autodiff() {
        true => factor.require_grad(),
        false => factor,
    }
}

/// Puts the golden adapter on `unet`; returns the branches by their kohya names.
fn adapt(
    unet: &mut UNet2DConditionModel,
    adapter: &Golden,
    scale: Tensor<1>,
    device: &Device,
) -> Result<BTreeMap<String, LowRank>, Box<dyn Error>> {
    let mut branches = BTreeMap::new();
    for projection in unet.adaptable() {
        let name = kohya(&projection.path);
        let (down, up) = (
            format!("{name}.lora_down.weight"),
            format!("{name}.lora_up.weight"),
        );
        if adapter.shape(&down).is_err() {
            continue;
        }
        let scale = scale.clone();
        // Files have the kernel's places last, the branch has the channels there.
        let (down, up) = match projection.kind {
            ProjectionKind::Linear { .. } => {
                let down: Tensor<2> = adapter.tensor(&down, device)?;
                (down.unsqueeze_dim::<3>(1), adapter.tensor(&up, device)?)
            }
            ProjectionKind::Conv { .. } => {
                let [down, up] = [down, up].map(|name| adapter.tensor::<4>(&name, device));
                let up = up?;
                let [outputs, rank, ..] = up.dims();
                let down = down?.flatten::<3>(2, 3).swap_dims(1, 2);
                (down, up.reshape([outputs, rank]))
            }
        };
        let branch = LowRank {
            down: leaf(down),
            up: leaf(up),
            scale,
            gradients: None,
        };
        unet.set_branch(&projection.path, branch.clone())?;
        branches.insert(name, branch);
    }
    // Three entries a layer: down, up, alpha.
    assert_eq!(branches.len() * 3, adapter.names().count());
    Ok(branches)
}

fn outputs_agree(base: &str, folder: &str, place: Place) -> Outcome {
    let device = &place.device;
    let adapter = Golden::read(&format!("{folder}/adapter.safetensors"))?;
    let io = Golden::read(&format!("{folder}/io.safetensors"))?;
    let mut unet = load(base, device)?;
    let untouched = unet.clone();
    let run = |unet: &UNet2DConditionModel| -> Result<Tensor<4>, Box<dyn Error>> {
        Ok(unet.forward(
            io.tensor("sample", device)?,
            io.tensor("timestep", device)?,
            io.tensor("encoder_hidden_states", device)?,
        ))
    };
    for (strength, name) in [(1.0, "output_strength_1"), (0.5, "output_strength_0_5")] {
        let scale = Tensor::from_floats([SCALE * strength], device);
        adapt(&mut unet, &adapter, scale, device)?;
        check(
            &format!("{folder} {name}"),
            &place,
            run(&unet)?,
            io.values(name)?,
        )?;
    }
    let base = io.values("output_base")?;
    check(
        &format!("{folder} clone from before"),
        &place,
        run(&untouched)?,
        base,
    )?;
    unet.clear_branches();
    check(&format!("{folder} cleared"), &place, run(&unet)?, base)
}

#[test]
fn lora_agrees_on_the_cpu() -> Outcome {
    outputs_agree("unet", "lora", cpu())
}

#[test]
fn lora_agrees_on_the_gpu() -> Outcome {
    outputs_agree("unet", "lora", gpu())
}

#[test]
fn lora_on_convolutions_agrees_on_the_cpu() -> Outcome {
    outputs_agree("unet_sd", "lora_sd", cpu())
}

#[test]
fn lora_on_convolutions_agrees_on_the_gpu() -> Outcome {
    outputs_agree("unet_sd", "lora_sd", gpu())
}

/// One training step: the loss, and its gradient to every factor.
fn gradients_agree(mut place: Place) -> Outcome {
    let inner = place.device.clone();
    let device = &inner.clone().autodiff();
    let adapter = Golden::read("lora/adapter.safetensors")?;
    let train = Golden::read("lora/train.safetensors")?;
    // Frozen weights without autodiff, factors with it.
    let mut unet = load("unet", &inner)?;
    let scale = Tensor::from_floats([SCALE], &inner);
    let branches = adapt(&mut unet, &adapter, scale, device)?;
    let prediction = unet.forward(
        train.tensor("noisy_latents", &inner)?,
        train.tensor("timesteps", &inner)?,
        train.tensor("encoder_hidden_states", &inner)?,
    );
    let predicted = train.values("prediction")?;
    check(
        "lora prediction",
        &place,
        prediction.clone().inner(),
        predicted,
    )?;
    let error = prediction - train.tensor::<4>("target", &inner)?;
    let loss = (error.clone() * error).mean();
    check(
        "lora loss",
        &place,
        loss.clone().inner(),
        train.values("loss")?,
    )?;

    let gradients = loss.backward();
    // The largest gradients are about 0.1, where the outputs are about 1.
    place.tolerance /= 10.0;
    for (name, branch) in branches {
        let down = branch.down.grad(&gradients).ok_or("no gradient of down")?;
        let up = branch.up.grad(&gradients).ok_or("no gradient of up")?;
        let title = |part: &str| format!("grad.{name}.lora_{part}.weight");
        check(&title("down"), &place, down, train.values(&title("down"))?)?;
        check(&title("up"), &place, up, train.values(&title("up"))?)?;
    }
    Ok(())
}

#[test]
fn gradients_agree_on_the_cpu() -> Outcome {
    gradients_agree(cpu())
}

#[test]
fn gradients_agree_on_the_gpu() -> Outcome {
    gradients_agree(gpu())
}

#[test]
fn refuses_branches_that_do_not_fit() -> Outcome {
    let device = cpu().device;
    let mut unet = load("unet", &device)?;
    let path = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k";
    let found = (unet.adaptable().into_iter()).find(|projection| projection.path == path);
    let Some(ProjectionKind::Linear { inputs, outputs }) = found.map(|found| found.kind) else {
        return Err(format!("{path} is no linear layer").into());
    };
    let branch = |inputs: usize, (down, up): (usize, usize), outputs: usize| LowRank {
        down: Tensor::zeros([down, 1, inputs], &device),
        up: Tensor::zeros([outputs, up], &device),
        scale: Tensor::ones([1], &device),
        gradients: None,
    };
    unet.set_branch(path, branch(inputs, (2, 2), outputs))?;
    for (path, branch) in [
        (path, branch(inputs, (2, 3), outputs)),
        (path, branch(inputs + 1, (2, 2), outputs)),
        ("conv_in", branch(inputs, (2, 2), outputs)),
    ] {
        let refused = unet.set_branch(path, branch);
        assert!(matches!(refused, Err(ModelError::WrongBranch { .. })));
    }
    let refused = unet.set_branch("mid_block.attn", branch(inputs, (2, 2), outputs));
    assert!(matches!(refused, Err(ModelError::UnknownPath { .. })));
    Ok(())
}
