//! That a model's forward can be recorded and replayed: nothing in it reads from or uploads to the device.

use std::error::Error;

use burn::tensor::{Tensor, capture};

use crate::common::{Golden, Outcome, gpu};
use crate::unet::load;

fn bits<const D: usize>(tensor: Tensor<D>) -> Result<Vec<u32>, Box<dyn Error>> {
    let values: Vec<f32> = tensor.try_into_vec_as()?;
    Ok(values.into_iter().map(f32::to_bits).collect())
}

#[test]
fn a_replayed_unet_gives_the_same_bits() -> Outcome {
    let device = gpu().device;
    let unet = load("unet", &device)?;
    let io = Golden::read("unet/io.safetensors")?;
    let sample = io.tensor::<4>("sample", &device)?;
    let timesteps = io.tensor::<1>("timestep", &device)?;
    let text = io.tensor::<3>("encoder_hidden_states", &device)?;
    let forward = || unet.forward(sample.clone(), timesteps.clone(), text.clone());
    let eager = bits(forward())?;
    let mut graph = capture(&device, forward);
    assert!(graph.is_hardware(), "the forward was not recorded");
    for _ in 0..2 {
        // Safety: the weights and inputs are borrowed by the closure until here, and nothing else is running.
        let replayed = unsafe { graph.replay() };
        assert_eq!(bits(replayed.clone())?, eager);
    }
    Ok(())
}

#[test]
fn a_replayed_gradient_gives_the_same_bits() -> Outcome {
    let device = gpu().device;
    let unet = load("unet", &device)?;
    let io = Golden::read("unet/io.safetensors")?;
    let leaf = io.tensor::<4>("sample", &device)?.autodiff().require_grad();
    let timesteps = io.tensor::<1>("timestep", &device)?;
    let text = io.tensor::<3>("encoder_hidden_states", &device)?;
    let step = || {
        let output = unet.forward(leaf.clone(), timesteps.clone(), text.clone());
        let gradients = (output.clone() * output).sum().backward();
        leaf.grad(&gradients)
    };
    let eager = bits(step().ok_or("no gradient")?)?;
    let mut graph = capture(&device, step);
    assert!(graph.is_hardware(), "the step was not recorded");
    // Safety: as above.
    let replayed = unsafe { graph.replay() };
    assert_eq!(bits(replayed.clone().ok_or("no gradient")?)?, eager);
    Ok(())
}
