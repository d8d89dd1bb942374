//! The networks of small pipelines of the published layouts (SD 1.5, SD 2.1, SD-Turbo, BK-SDM, tiny-sd, LCM), as
//! diffusers saves them: half precision, shards, older names and all.

use std::error::Error;

use atelier_models::{
    AutoencoderKL, AutoencoderKLConfig, CLIPTextConfig, CLIPTextModel, TensorMap,
    UNet2DConditionConfig, UNet2DConditionModel,
};
use burn::tensor::{Device, Tensor};

use crate::common::{Golden, Outcome, Place, check, cpu, golden, gpu, text};

const KINDS: [&str; 6] = ["sd15", "sd21v", "turbo", "bk_small", "tiny_sd", "lcm"];

/// The tensors of all files of a part.
fn weights(folder: &str, device: &Device) -> Result<TensorMap, Box<dyn Error>> {
    let mut map = TensorMap::new();
    for entry in std::fs::read_dir(golden(folder))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".safetensors") {
            Golden::read(&format!("{folder}/{name}"))?.add_to(&mut map, device)?;
        }
    }
    Ok(map)
}

fn expected(kind: &str) -> Result<Golden, Box<dyn Error>> {
    Golden::read(&format!("pipelines/{kind}/expected.safetensors"))
}

fn text_encoder(kind: &str, device: &Device) -> Result<CLIPTextModel, Box<dyn Error>> {
    let folder = format!("pipelines/{kind}/text_encoder");
    let config = CLIPTextConfig::from_json(&text(&format!("{folder}/config.json"))?)?;
    Ok(CLIPTextModel::load(config, weights(&folder, device)?)?)
}

fn autoencoder(kind: &str, device: &Device) -> Result<AutoencoderKL, Box<dyn Error>> {
    let folder = format!("pipelines/{kind}/vae");
    let config = AutoencoderKLConfig::from_json(&text(&format!("{folder}/config.json"))?)?;
    Ok(AutoencoderKL::load(config, weights(&folder, device)?)?)
}

fn unet(kind: &str, device: &Device) -> Result<UNet2DConditionModel, Box<dyn Error>> {
    let folder = format!("pipelines/{kind}/unet");
    let config = UNet2DConditionConfig::from_json(&text(&format!("{folder}/config.json"))?)?;
    Ok(UNet2DConditionModel::load(
        config,
        weights(&folder, device)?,
    )?)
}

fn text_encoders_agree(place: Place) -> Outcome {
    for kind in KINDS {
        let (model, io) = (text_encoder(kind, &place.device)?, expected(kind)?);
        let ids = io.tensor::<2>("input_ids", &place.device)?.int();
        for skip in [0, 1] {
            let hidden = model.forward(ids.clone(), skip);
            let name = format!("hidden_{skip}");
            check(&format!("{kind} {name}"), &place, hidden, io.values(&name)?)?;
        }
    }
    Ok(())
}

#[test]
fn text_encoders_agree_on_the_cpu() -> Outcome {
    text_encoders_agree(cpu())
}

#[test]
fn text_encoders_agree_on_the_gpu() -> Outcome {
    text_encoders_agree(gpu())
}

fn autoencoders_agree(place: Place) -> Outcome {
    for kind in ["sd15", "tiny_sd"] {
        let (model, io) = (autoencoder(kind, &place.device)?, expected(kind)?);
        let pictures = || io.tensor::<4>("x", &place.device);
        let latents = || io.tensor::<4>("latents", &place.device);
        for (name, found) in [
            ("mean", model.encode(pictures()?)),
            ("decoded", model.decode(latents()?)),
            ("tiled_mean", model.encode_tiled(pictures()?, 4)),
            ("tiled_decoded", model.decode_tiled(latents()?, 4)),
        ] {
            check(&format!("{kind} {name}"), &place, found, io.values(name)?)?;
        }
    }
    Ok(())
}

#[test]
fn autoencoders_agree_on_the_cpu() -> Outcome {
    autoencoders_agree(cpu())
}

#[test]
fn autoencoders_agree_on_the_gpu() -> Outcome {
    autoencoders_agree(gpu())
}

/// A tile that holds the whole picture is the picture.
#[test]
fn one_tile_changes_nothing() -> Outcome {
    let place = cpu();
    let (model, io) = (autoencoder("sd15", &place.device)?, expected("sd15")?);
    let [pictures, latents] = ["x", "latents"].map(|name| io.tensor::<4>(name, &place.device));
    // Four thirds of the latents' 11 and 6, for what is beyond three quarters of a tile begins a second one.
    let mean = model.encode_tiled(pictures?, 8);
    check("mean in one tile", &place, mean, io.values("mean")?)?;
    let decoded = model.decode_tiled(latents?, 16);
    check(
        "decoded in one tile",
        &place,
        decoded,
        io.values("decoded")?,
    )
}

fn unets_agree(place: Place) -> Outcome {
    for kind in KINDS {
        let (model, io) = (unet(kind, &place.device)?, expected(kind)?);
        let sample = io.tensor::<4>("sample", &place.device)?;
        let timesteps = io.tensor::<1>("timestep", &place.device)?;
        let text = io.tensor::<3>("hidden_0", &place.device)?;
        let output = match model.config().time_cond_proj_dim {
            None => model.forward(sample, timesteps, text),
            Some(_) => {
                let scale: Tensor<1> = io.tensor("guidance_scale", &place.device)?;
                model.forward_guided(sample, timesteps, text, scale)
            }
        };
        check(
            &format!("{kind} output"),
            &place,
            output,
            io.values("output")?,
        )?;
    }
    Ok(())
}

#[test]
fn unets_agree_on_the_cpu() -> Outcome {
    unets_agree(cpu())
}

#[test]
fn unets_agree_on_the_gpu() -> Outcome {
    unets_agree(gpu())
}

/// Every linear layer of the encoder's layers, by the name of its weight.
#[test]
fn the_text_encoder_lists_its_projections() -> Outcome {
    let model = text_encoder("sd15", &cpu().device)?;
    let mut listed: Vec<String> = (model.adaptable().into_iter())
        .map(|projection| format!("{}.weight", projection.path))
        .collect();
    listed.sort();
    let file = Golden::read("pipelines/sd15/text_encoder/model.fp16.safetensors")?;
    let mut published: Vec<&str> = (file.names())
        .filter(|name| name.contains("_proj.weight") || name.contains(".fc"))
        .filter(|name| name.ends_with(".weight"))
        .collect();
    published.sort();
    assert_eq!(listed, published);
    Ok(())
}

/// What config.json promises and the weights do not keep ends in an error.
#[test]
fn absurd_numbers_are_refused() -> Outcome {
    let changed = |file: &str, option: &str, value: serde_json::Value| {
        let mut config: serde_json::Value = serde_json::from_str(&text(file)?)?;
        config[option] = value;
        Ok::<_, Box<dyn Error>>(config.to_string())
    };
    let device = cpu().device;
    for (option, value) in [
        ("hidden_size", 0.into()),
        ("num_attention_heads", 3.into()),
        ("num_hidden_layers", u32::MAX.into()),
        ("max_position_embeddings", u32::MAX.into()),
        ("vocab_size", u32::MAX.into()),
        ("hidden_act", "relu".into()),
        ("model_type", "t5".into()),
    ] {
        let json = changed("pipelines/sd15/text_encoder/config.json", option, value)?;
        let loaded = CLIPTextConfig::from_json(&json).and_then(|config| {
            let weights = weights("pipelines/sd15/text_encoder", &device);
            CLIPTextModel::load(config, weights.unwrap_or_default())
        });
        assert!(loaded.is_err(), "{option}");
    }
    for (option, value) in [
        ("block_out_channels", serde_json::json!([])),
        ("block_out_channels", serde_json::json!([4, 8, 8, 6])),
        ("norm_num_groups", 0.into()),
        ("layers_per_block", u32::MAX.into()),
        ("latent_channels", 0.into()),
        ("scaling_factor", 0.into()),
        ("act_fn", "gelu".into()),
        ("_class_name", "AutoencoderTiny".into()),
        (
            "down_block_types",
            serde_json::json!(["AttnDownEncoderBlock2D"]),
        ),
        ("use_quant_conv", false.into()),
    ] {
        let json = changed("pipelines/sd15/vae/config.json", option, value)?;
        let loaded = AutoencoderKLConfig::from_json(&json).and_then(|config| {
            let weights = weights("pipelines/sd15/vae", &device);
            AutoencoderKL::load(config, weights.unwrap_or_default())
        });
        assert!(loaded.is_err(), "{option}");
    }
    Ok(())
}
