//! Which tools load a LoRA file for Stable Diffusion 1.x and 2.x, by its names, shapes and metadata.
//!
//! Each tool's rules are a function below. diffusers' are checked against diffusers itself
//! (tests/golden/loaders.json); those of ComfyUI, A1111's web UI and InvokeAI were read from their
//! sources (`comfy/lora.py`, `extensions-builtin/Lora/networks.py`, InvokeAI's model probes).

use std::collections::BTreeMap;

use crate::{Header, shown};

mod names;

use names::Adapter;

/// A tool that loads LoRA files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    Diffusers,
    ComfyUi,
    A1111,
    InvokeAi,
}

impl Tool {
    pub const ALL: [Tool; 4] = [Tool::Diffusers, Tool::ComfyUi, Tool::A1111, Tool::InvokeAi];

    /// As it is called.
    pub fn name(self) -> &'static str {
        match self {
            Tool::Diffusers => "diffusers",
            Tool::ComfyUi => "ComfyUI",
            Tool::A1111 => "A1111",
            Tool::InvokeAi => "InvokeAI",
        }
    }
}

/// What a tool does with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Loads,
    /// It loads, and leaves something out. Why, in a sentence.
    LoadsInPart(String),
    /// It refuses, or does nothing. Why, in a sentence.
    Refuses(String),
}

impl Verdict {
    /// Why the tool does not load all of it, or any.
    pub fn problem(&self) -> Option<&str> {
        match self {
            Self::Loads => None,
            Self::LoadsInPart(why) | Self::Refuses(why) => Some(why),
        }
    }
}

/// What each tool does with the LoRA file of this header, together with the model it was made for.
pub fn check_loaders(header: &Header) -> BTreeMap<Tool, Verdict> {
    let file = Adapter::new(header);
    Tool::ALL
        .into_iter()
        .map(|tool| {
            let verdict = match tool {
                Tool::Diffusers => diffusers(&file),
                Tool::ComfyUi => comfy_ui(&file),
                Tool::A1111 => a1111(&file),
                Tool::InvokeAi => invoke_ai(&file),
            };
            (tool, verdict)
        })
        .collect()
}

/// Width of the text embeddings that Stable Diffusion 1.x and 2.x are given.
const WIDTHS: [usize; 2] = [768, 1024];
fn refuses(why: impl Into<String>) -> Verdict {
    Verdict::Refuses(format!("It does not load: {}.", why.into()))
}

/// `StableDiffusionLoraLoaderMixin.load_lora_weights`.
fn diffusers(file: &Adapter<'_>) -> Verdict {
    let own_metadata = file.header.metadata.contains_key("lora_adapter_metadata");
    if let Some(wrong) = wrong_shape(file) {
        return wrong;
    }
    if file.all_kohya() {
        if let Some(name) = file.unpaired {
            return refuses(format!("\"{}\" has no other half", shown(name)));
        }
        // Whatever is left over after renaming is an error; DoRA's scales are taken out before.
        if let Some(name) = file.other.filter(|name| !name.contains("dora_scale")) {
            return refuses(format!("it does not know what \"{}\" is", shown(name)));
        }
        if file.alphas && own_metadata {
            return refuses(
                "it takes either alphas or its own lora_adapter_metadata, and not both",
            );
        }
        // The text encoder's layout is told by its output projections.
        let in_text = |module: &str| module.starts_with("lora_te");
        let text = || file.downs.iter().filter(|(module, ..)| in_text(module));
        let told = |module: &str| module.ends_with("_out_proj") || module.contains("_mlp_");
        if text().next().is_some() && !text().any(|(module, ..)| told(module)) {
            return refuses(
                "it wants an out_proj or mlp module wherever the text encoder is adapted",
            );
        }
        return file.verdict(|module, _| file.modules.kohya(module, false));
    }
    if let Some(name) = file.names.iter().find(|name| !name.contains("lora")) {
        return refuses(format!(
            "\"{}\" does not have \"lora\" in its name",
            shown(name)
        ));
    }
    file.verdict(|module, ending| {
        let path = module.replace(".processor.", ".");
        if let Some(path) = path.strip_prefix("unet.") {
            let path = match ending {
                "_lora.down.weight" if path.ends_with("to_out") => format!("{path}.0"),
                _ => path.to_owned(),
            };
            return file.modules.diffusers.contains(&path);
        }
        let text = path.strip_prefix("text_encoder.");
        text.is_some_and(|path| file.modules.text.contains(path))
    })
}

/// Factors that do not fit: what diffusers' strict loading stumbles over. Only what is known without
/// the model is looked at.
fn wrong_shape(file: &Adapter<'_>) -> Option<Verdict> {
    let width = file.text_width();
    let first = width.filter(|&width| WIDTHS.contains(&width)) == Some(WIDTHS[0]);
    for (module, _, info) in &file.downs {
        let path = module
            .strip_prefix("lora_unet_")
            .or(module.strip_prefix("unet."));
        let known = path
            .map(|path| path.replace('.', "_"))
            .is_some_and(|path| file.modules.underscored_diffusers.contains(&path));
        let projection = ["proj_in", "proj_out"]
            .iter()
            .any(|end| module.ends_with(end));
        // In 2.x they are linear.
        if known && projection && info.shape.len() != 4 && first {
            return Some(refuses(format!(
                "\"{}\" is a convolution in Stable Diffusion 1.x, and its factors must have four dimensions",
                shown(module)
            )));
        }
    }
    match width {
        Some(width) if !WIDTHS.contains(&width) => Some(refuses(format!(
            "it was made for text embeddings of width {width}, which neither Stable Diffusion 1.x (768) nor 2.x (1024) has"
        ))),
        _ => None,
    }
}

/// `comfy.lora.load_lora` and the key maps it is given.
fn comfy_ui(file: &Adapter<'_>) -> Verdict {
    // It goes by the up factors, and stumbles over one that is alone.
    if let Some(name) = file.lone_up() {
        return refuses(format!("\"{}\" has no other half", shown(name)));
    }
    if let Some(width) = file.text_width().filter(|width| !WIDTHS.contains(width)) {
        return refuses(format!(
            "no model it has takes text embeddings of width {width}"
        ));
    }
    file.verdict(|module, ending| {
        let modules = &file.modules;
        if !file.is_paired(module, ending) {
            return false;
        }
        if module.starts_with("lora_") {
            return ending == ".lora_down.weight" && modules.kohya(module, true);
        }
        if let Some(path) = module.strip_prefix("diffusion_model.") {
            return modules.ldm.contains(path);
        }
        if let Some(path) = module.strip_prefix("text_encoder.") {
            return modules.text.contains(path);
        }
        // diffusers' paths, the attention's as processors, with or without the folder.
        let path = module.strip_prefix("unet.").unwrap_or(module);
        let bare = path.replace(".processor.", ".");
        let bare = match bare.ends_with(".to_out") {
            true => format!("{bare}.0"),
            false => bare,
        };
        let attention = bare.contains(".to_");
        modules.diffusers.contains(&bare) && attention == path.contains(".processor.")
    })
}

/// `networks.load_network`.
fn a1111(file: &Adapter<'_>) -> Verdict {
    if let Some(name) = file.unpaired.filter(|name| name.starts_with("lora_")) {
        return refuses(format!("\"{}\" has no other half", shown(name)));
    }
    if let Some(width) = file.text_width().filter(|width| !WIDTHS.contains(width)) {
        return refuses(format!(
            "no model it has takes text embeddings of width {width}"
        ));
    }
    // A name is split at its first dot, so dotted paths have no module.
    let verdict = file.verdict(|module, ending| {
        ending == ".lora_down.weight" && !module.contains('.') && file.modules.kohya(module, true)
    });
    let second = match file.header.metadata.get("ss_v2").map(String::as_str) {
        Some("True") => Some(WIDTHS[1]),
        Some(_) => Some(WIDTHS[0]),
        None => None,
    };
    match (verdict, second, file.text_width()) {
        (Verdict::Loads, Some(said), Some(width)) if said != width => Verdict::LoadsInPart(
            "It loads, but is listed with the models of the other family, for ss_v2 in its metadata is wrong."
                .to_owned(),
        ),
        (verdict, ..) => verdict,
    }
}

/// InvokeAI's probe, which must know the base model before it loads anything.
fn invoke_ai(file: &Adapter<'_>) -> Verdict {
    if !file.all_kohya() {
        return refuses("it takes single files with kohya's names only");
    }
    if let Some(name) = file.unpaired {
        return refuses(format!("\"{}\" has no other half", shown(name)));
    }
    match file.text_width() {
        Some(width) if WIDTHS.contains(&width) => {
            file.verdict(|module, _| file.modules.kohya(module, false))
        }
        Some(width) => refuses(format!(
            "no model it has takes text embeddings of width {width}"
        )),
        None => refuses(
            "it tells the base model by an attn2_to_k or attn2_to_v module, and there is none",
        ),
    }
}
