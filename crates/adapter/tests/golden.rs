//! A kohya file on a UNet gives what peft computes with it, and comes back from our own file the same.

use std::path::PathBuf;

use atelier_adapter::{Lora, Metadata, Targets, UNET, attach};
use atelier_models::{TensorMap, UNet2DConditionConfig, UNet2DConditionModel};
use atelier_weights::{File, Limits, to_f32};
use burn::tensor::{Device, Tensor, TensorData};

fn golden(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden")).join(path)
}

fn read(path: &str) -> Vec<u8> {
    std::fs::read(golden(path)).unwrap()
}

fn load(folder: &str, device: &Device) -> UNet2DConditionModel {
    let config = String::from_utf8(read(&format!("{folder}/config.json"))).unwrap();
    let bytes = read(&format!("{folder}/diffusion_pytorch_model.safetensors"));
    let mut map = TensorMap::new();
    for (info, data) in File::parse(&bytes, Limits::BASE).unwrap().tensors() {
        let values = to_f32(info.dtype, data).unwrap();
        map.insert(&info.name, &info.shape, values, device).unwrap();
    }
    UNet2DConditionModel::load(UNet2DConditionConfig::from_json(&config).unwrap(), map).unwrap()
}

fn tensor<const D: usize>(file: &File, name: &str, device: &Device) -> Tensor<D> {
    let (info, data) = file.tensor(name).unwrap();
    Tensor::from_data(
        TensorData::new(to_f32(info.dtype, data).unwrap(), info.shape.clone()),
        device,
    )
}

/// Largest absolute difference.
fn difference(a: Tensor<4>, b: Tensor<4>) -> f32 {
    (a - b)
        .abs()
        .max()
        .into_data()
        .iter::<f32>()
        .next()
        .unwrap()
}

#[test]
fn an_adapter_changes_the_unet_as_it_does_in_peft() {
    // The project's bounds: sums in another order on the CPU, a GPU's exp and erf beside.
    for (device, tolerance) in [
        (Device::flex(), 1e-4),
        (Device::wgpu(Default::default()), 1e-3),
    ] {
        for (base, folder) in [("unet", "lora"), ("unet_sd", "lora_sd")] {
            let unet = load(base, &device);
            let bytes = read(&format!("{folder}/adapter.safetensors"));
            let (lora, _) = Lora::read(&bytes, &unet).unwrap();
            let io = read(&format!("{folder}/io.safetensors"));
            let io = File::parse(&io, Limits::BASE).unwrap();
            let flat = Tensor::<1>::from_floats(&lora.values[..], &device);
            for (strength, name) in [
                (0.0, "output_base"),
                (1.0, "output_strength_1"),
                (0.5, "output_strength_0_5"),
            ] {
                let scale = Tensor::<1>::from_floats([strength * lora.scale], &device);
                let mut adapted = unet.clone();
                attach(&mut adapted, UNET, &lora.layout, &flat, &scale).unwrap();
                let found = adapted
                    .forward(
                        tensor(&io, "sample", &device),
                        tensor(&io, "timestep", &device),
                        tensor(&io, "encoder_hidden_states", &device),
                    )
                    .without_autodiff();
                let off = difference(found, tensor(&io, name, &device));
                assert!(
                    off < tolerance,
                    "{folder} {name} on {device:?}: {off:e} off"
                );
            }
        }
    }
}

#[test]
fn a_file_holds_the_adapter_to_the_bit() {
    let device = Device::flex();
    for (base, folder) in [("unet", "lora"), ("unet_sd", "lora_sd")] {
        let unet = load(base, &device);
        let bytes = read(&format!("{folder}/adapter.safetensors"));
        let (lora, metadata) = Lora::read(&bytes, &unet).unwrap();
        let written = lora.to_file(&metadata).write_f32().unwrap();
        let (again, _) = Lora::read(&written, &unet).unwrap();
        assert_eq!(again, lora);
    }
}

#[test]
fn a_new_adapter_has_the_layout_of_its_file_and_changes_nothing() {
    let device = Device::flex();
    let unet = load("unet_sd", &device);
    for targets in [Targets::Transformers, Targets::TransformersAndConvolutions] {
        let lora = Lora::init(&unet, targets, 4, 8.0, 1).unwrap();
        assert_eq!(
            lora,
            Lora::init(&unet, targets, 4, 8.0, 1).unwrap(),
            "seeded"
        );
        assert_ne!(lora, Lora::init(&unet, targets, 4, 8.0, 2).unwrap());
        let file = lora.to_file(&Metadata::default());
        let (again, _) = Lora::read(&file.write().unwrap(), &unet).unwrap();
        assert_eq!(again.layout, lora.layout);
        assert!(lora.layout.slots.iter().all(|slot| {
            lora.values[slot.up.range()].iter().all(|&v| v == 0.0)
                && lora.values[slot.down.range()].iter().any(|&v| v != 0.0)
        }));
    }
}
