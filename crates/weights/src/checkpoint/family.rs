use super::{Folder, Source, text, unet, vae};
use crate::WeightsError;

/// The families of models that are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Stable Diffusion 1.x: OpenAI's CLIP-L.
    Sd1,
    /// Stable Diffusion 2.x: OpenCLIP-H.
    Sd2,
}

/// What begins the name of some tensor in other models, and what they are called.
const OTHERS: [(&str, &str); 22] = [
    ("conditioner.embedders.1.", "Stable Diffusion XL"),
    (
        "conditioner.embedders.0.model.",
        "Stable Diffusion XL's refiner",
    ),
    ("conditioner.", "Stable Diffusion XL"),
    ("model.diffusion_model.joint_blocks.", "Stable Diffusion 3"),
    ("joint_blocks.", "Stable Diffusion 3"),
    ("model.diffusion_model.double_blocks.", "Flux"),
    ("double_blocks.", "Flux"),
    (
        "model.diffusion_model.label_emb.",
        "a model with class embeddings (an upscaler, unCLIP or XL)",
    ),
    ("control_model.", "a ControlNet"),
    ("controlnet_cond_embedding.", "a ControlNet"),
    ("lora_unet_", "a LoRA adapter, not a whole model"),
    ("lora_te", "a LoRA adapter, not a whole model"),
    ("base_model.model.", "a LoRA adapter, not a whole model"),
    ("unet.", "a LoRA adapter, not a whole model"),
    ("emb_params", "a textual inversion, not a whole model"),
    ("encoder.down.", "an autoencoder alone, not a whole model"),
    (
        "encoder.down_blocks.",
        "an autoencoder alone, not a whole model",
    ),
    ("text_model.", "a text encoder alone, not a whole model"),
    (
        "down_blocks.",
        "the UNet of a diffusers folder, not a whole model",
    ),
    ("text_encoders.", "Stable Diffusion 3"),
    ("transformer.", "a diffusion transformer"),
    (
        "model.diffusion_model.transformer_blocks.",
        "a diffusion transformer",
    ),
];

impl Family {
    /// Told by the text encoder's layout, after everything else has been told by name.
    pub(super) fn of(source: &Source<'_>) -> Result<Self, WeightsError> {
        for (prefix, family) in OTHERS {
            if source.any(prefix) {
                return Err(WeightsError::Family { family });
            }
        }
        let first = "model.diffusion_model.input_blocks.0.0.weight";
        match source.tensor(first).and_then(|info| info.shape.get(1)) {
            None | Some(4 | 9) => {}
            Some(5) => return family("Stable Diffusion 2's depth model"),
            Some(7) => return family("Stable Diffusion's upscaler"),
            Some(8) => return family("InstructPix2Pix"),
            Some(_) => return family("a model with other inputs than Stable Diffusion's"),
        }
        let parts = [
            (
                Folder::Unet,
                unet::PREFIX,
                "the UNet (model.diffusion_model.*)",
            ),
            (
                Folder::Vae,
                vae::PREFIX,
                "the autoencoder (first_stage_model.*)",
            ),
            (
                Folder::TextEncoder,
                text::PREFIX,
                "the text encoder (cond_stage_model.*)",
            ),
        ];
        let missing: Vec<&str> = (parts.iter())
            .filter(|(_, prefix, _)| !source.any(prefix))
            .map(|&(_, _, spoken)| spoken)
            .collect();
        match missing.len() {
            0 => {}
            3 => return family("no Stable Diffusion checkpoint"),
            _ => {
                return Err(WeightsError::MissingParts {
                    parts: missing.join(" and "),
                });
            }
        }
        if source.any(text::OPEN_CLIP) {
            Ok(Family::Sd2)
        } else if source.any(text::CLIP) {
            Ok(Family::Sd1)
        } else {
            family("a model with another text encoder")
        }
    }
}

fn family(family: &'static str) -> Result<Family, WeightsError> {
    Err(WeightsError::Family { family })
}
