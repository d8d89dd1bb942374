//! config.json files that must be refused, and with what words.

use atelier_models::{AutoencoderTinyConfig, BertConfig, ModelError, UNet2DConditionConfig};
use serde_json::{Value, json};

use crate::common::{Outcome, text};

/// The golden config with one option changed.
fn changed(file: &str, option: &str, value: Value) -> Result<String, Box<dyn std::error::Error>> {
    let mut config: Value = serde_json::from_str(&text(file)?)?;
    config[option] = value;
    Ok(config.to_string())
}

#[test]
fn unsupported_options_are_refused_by_name_and_value() -> Outcome {
    for (option, value) in [
        ("class_embed_type", json!("timestep")),
        ("only_cross_attention", json!([true, false, false])),
        ("resnet_out_scale_factor", json!(1.41)),
        ("mid_block_type", json!("UNetMidBlock2DSimpleCrossAttn")),
        (
            "down_block_types",
            json!(["DownBlock2D", "AttnDownBlock2D", "DownBlock2D"]),
        ),
        ("_class_name", json!("UNet2DModel")),
    ] {
        let json = changed("unet/config.json", option, value.clone())?;
        match UNet2DConditionConfig::from_json(&json) {
            Err(error @ ModelError::UnsupportedOption { .. }) => {
                let sentence = error.to_string();
                assert!(sentence.contains(option), "{sentence}");
                assert!(sentence.contains(&value.to_string()), "{sentence}");
            }
            other => return Err(format!("{option}: {other:?}").into()),
        }
    }
    let json = changed("vae_tiny/config.json", "act_fn", json!("gelu"))?;
    let refused = AutoencoderTinyConfig::from_json(&json);
    assert!(matches!(refused, Err(ModelError::UnsupportedOption { .. })));
    let json = changed(
        "bert/config.json",
        "position_embedding_type",
        json!("relative_key"),
    )?;
    let refused = BertConfig::from_json(&json);
    assert!(matches!(refused, Err(ModelError::UnsupportedOption { .. })));
    Ok(())
}

#[test]
fn values_that_change_nothing_are_accepted() -> Outcome {
    for (option, value) in [
        ("only_cross_attention", json!([false, false, false])),
        ("resnet_out_scale_factor", json!(1)),
        ("mid_block_type", json!(null)),
        ("act_fn", json!("swish")),
        ("upcast_attention", json!(true)),
        ("an_option_of_tomorrow", json!({"a": [1]})),
    ] {
        UNet2DConditionConfig::from_json(&changed("unet/config.json", option, value)?)?;
    }
    Ok(())
}

#[test]
fn numbers_that_make_no_network_are_refused() -> Outcome {
    for (option, value) in [
        ("block_out_channels", json!([])),
        ("block_out_channels", json!([16, 32])),
        ("block_out_channels", json!([15, 32, 48])),
        ("block_out_channels", json!([1_u64 << 62, 32, 48])),
        ("in_channels", json!(0)),
        ("cross_attention_dim", json!(u32::MAX)),
    ] {
        let json = changed("unet/config.json", option, value.clone())?;
        let refused = UNet2DConditionConfig::from_json(&json);
        assert!(
            matches!(refused, Err(ModelError::BadConfig { .. })),
            "{option}: {value}"
        );
    }
    for json in [
        "",
        "[]",
        "{\"in_channels\": \"four\"}",
        "{\"in_channels\": -4}",
    ] {
        let refused = UNet2DConditionConfig::from_json(json);
        assert!(matches!(refused, Err(ModelError::BadJson { .. })), "{json}");
    }
    Ok(())
}

/// What config.json promises and the weights do not keep ends in an error, not in a loop or a panic.
#[test]
fn absurd_numbers_end_at_the_first_missing_tensor() -> Outcome {
    use crate::common::{Golden, cpu};
    use atelier_models::UNet2DConditionModel;
    for (option, value) in [
        ("layers_per_block", json!(u32::MAX)),
        ("layers_per_block", json!([1, 1])),
        ("transformer_layers_per_block", json!(u32::MAX)),
        ("attention_head_dim", json!(0)),
        ("attention_head_dim", json!(7)),
        ("norm_num_groups", json!(0)),
        ("norm_num_groups", json!(7)),
        ("time_embedding_dim", json!(12)),
        ("mid_block_type", json!(null)),
    ] {
        let json = changed("unet/config.json", option, value.clone())?;
        let config = UNet2DConditionConfig::from_json(&json)?;
        let weights = Golden::read("unet/diffusion_pytorch_model.safetensors")?;
        let loaded = UNet2DConditionModel::load(config, weights.weights(&cpu().device)?);
        assert!(loaded.is_err(), "{option}: {value}");
    }
    Ok(())
}
