//! The configuration that a single file leaves out: what its shapes say, and for the rest what the
//! family's published models have.

use serde_json::{Value, json};

use super::{Family, text, unet, vae};

/// unet/config.json of stable-diffusion-v1-5 and stable-diffusion-2-1.
pub(super) fn unet(family: Family, made: &unet::Structure, v_prediction: bool) -> Value {
    let attends = |down: bool, depth: usize| match (down, depth) {
        (true, 0) => "DownBlock2D",
        (true, _) => "CrossAttnDownBlock2D",
        (false, 0) => "UpBlock2D",
        (false, _) => "CrossAttnUpBlock2D",
    };
    let down: Vec<_> = made.depths.iter().map(|&d| attends(true, d)).collect();
    let up: Vec<_> = made
        .depths
        .iter()
        .rev()
        .map(|&d| attends(false, d))
        .collect();
    // diffusers means the number of heads by it: 8 of any width, or heads of width 64.
    let heads = match family {
        Family::Sd1 => json!(8),
        Family::Sd2 => {
            let heads = made
                .block_out_channels
                .iter()
                .map(|&channels| (channels / 64).max(1));
            json!(heads.collect::<Vec<_>>())
        }
    };
    json!({
        "_class_name": "UNet2DConditionModel",
        "act_fn": "silu",
        "attention_head_dim": heads,
        "block_out_channels": made.block_out_channels,
        "center_input_sample": false,
        "cross_attention_dim": made.cross_attention_dim,
        "down_block_types": down,
        "downsample_padding": 1,
        "dual_cross_attention": false,
        "flip_sin_to_cos": true,
        "freq_shift": 0,
        "in_channels": made.in_channels,
        "layers_per_block": made.layers_per_block,
        "mid_block_scale_factor": 1,
        "norm_eps": 1e-5,
        "norm_num_groups": 32,
        "only_cross_attention": false,
        "out_channels": made.out_channels,
        "sample_size": if v_prediction { 96 } else { 64 },
        "up_block_types": up,
        "upcast_attention": family == Family::Sd2 && v_prediction,
        "use_linear_projection": made.use_linear_projection,
    })
}

/// vae/config.json of the same.
pub(super) fn vae(made: &vae::Structure) -> Value {
    let levels = made.block_out_channels.len();
    json!({
        "_class_name": "AutoencoderKL",
        "act_fn": "silu",
        "block_out_channels": made.block_out_channels,
        "down_block_types": vec!["DownEncoderBlock2D"; levels],
        "in_channels": 3,
        "latent_channels": made.latent_channels,
        "layers_per_block": made.layers_per_block,
        "norm_num_groups": 32,
        "out_channels": 3,
        "sample_size": 512,
        "scaling_factor": 0.18215,
        "up_block_types": vec!["UpDecoderBlock2D"; levels],
    })
}

/// text_encoder/config.json of the same.
pub(super) fn text_encoder(family: Family, made: &text::Structure) -> Value {
    json!({
        "architectures": ["CLIPTextModel"],
        "model_type": "clip_text_model",
        "bos_token_id": 0,
        "eos_token_id": 2,
        "hidden_act": match family {
            Family::Sd1 => "quick_gelu",
            Family::Sd2 => "gelu",
        },
        "hidden_size": made.width,
        "intermediate_size": made.intermediate,
        "layer_norm_eps": 1e-5,
        "max_position_embeddings": made.positions,
        // heads of width 64
        "num_attention_heads": (made.width / 64).max(1),
        "num_hidden_layers": made.layers,
        "pad_token_id": 1,
        "projection_dim": match family {
            Family::Sd1 => 768,
            Family::Sd2 => 512,
        },
        "vocab_size": made.vocabulary,
    })
}

/// scheduler/scheduler_config.json of the same.
pub(super) fn scheduler(v_prediction: bool) -> Value {
    json!({
        "_class_name": if v_prediction { "DDIMScheduler" } else { "PNDMScheduler" },
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "clip_sample": false,
        "num_train_timesteps": 1000,
        "prediction_type": if v_prediction { "v_prediction" } else { "epsilon" },
        "set_alpha_to_one": false,
        "skip_prk_steps": true,
        "steps_offset": 1,
        "trained_betas": null,
    })
}
