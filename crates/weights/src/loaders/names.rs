//! A LoRA file's names taken apart, and the modules they may mean.

use std::collections::BTreeSet;

use super::{Verdict, refuses};
use crate::checkpoint::module_names;
use crate::{Header, TensorInfo, shown};

/// What kohya's names begin with.
const KOHYA: [&str; 4] = ["lora_unet_", "lora_te_", "lora_te1_", "lora_te2_"];
/// Endings of the two factors' names: the down factor's, the up factor's.
const ENDINGS: [(&str, &str); 5] = [
    (".lora_down.weight", ".lora_up.weight"),
    (".lora.down.weight", ".lora.up.weight"),
    (".lora_A.weight", ".lora_B.weight"),
    ("_lora.down.weight", "_lora.up.weight"),
    (
        ".lora_linear_layer.down.weight",
        ".lora_linear_layer.up.weight",
    ),
];

/// A file's names, taken apart.
pub(super) struct Adapter<'a> {
    pub header: &'a Header,
    pub names: BTreeSet<&'a str>,
    /// Module, ending and tensor of each down factor.
    pub downs: Vec<(&'a str, &'static str, &'a TensorInfo)>,
    /// A factor whose other half is not there.
    pub unpaired: Option<&'a str>,
    /// A tensor that is neither factor nor alpha.
    pub other: Option<&'a str>,
    pub alphas: bool,
    pub modules: Modules,
}

impl<'a> Adapter<'a> {
    pub fn new(header: &'a Header) -> Self {
        let names: BTreeSet<&str> = header
            .tensors
            .iter()
            .map(|info| info.name.as_str())
            .collect();
        let mut file = Self {
            header,
            downs: Vec::new(),
            unpaired: None,
            other: None,
            alphas: false,
            modules: Modules::new(),
            names,
        };
        for info in &header.tensors {
            let name = info.name.as_str();
            if name.ends_with(".alpha") {
                file.alphas = true;
                continue;
            }
            let half = ENDINGS.into_iter().find_map(|(down, up)| {
                let as_down = name
                    .strip_suffix(down)
                    .map(|module| (module, down, up, true));
                as_down.or_else(|| {
                    name.strip_suffix(up)
                        .map(|module| (module, up, down, false))
                })
            });
            match half {
                None => file.other = file.other.or(Some(name)),
                Some((module, ending, other, is_down)) => {
                    if !file.names.contains(format!("{module}{other}").as_str()) {
                        file.unpaired = file.unpaired.or(Some(name));
                    }
                    if is_down {
                        file.downs.push((module, ending, info));
                    }
                }
            }
        }
        file
    }

    /// An up factor without its down factor.
    pub fn lone_up(&self) -> Option<&'a str> {
        self.names.iter().copied().find(|name| {
            ENDINGS.into_iter().any(|(down, up)| {
                let module = name.strip_suffix(up);
                module.is_some_and(|m| !self.names.contains(format!("{m}{down}").as_str()))
            })
        })
    }

    /// Whether a down factor's other half is there.
    pub fn is_paired(&self, module: &str, ending: &str) -> bool {
        let up = ENDINGS.iter().find(|(down, _)| *down == ending);
        up.is_some_and(|(_, up)| self.names.contains(format!("{module}{up}").as_str()))
    }

    pub fn all_kohya(&self) -> bool {
        let kohya = |name: &&str| KOHYA.iter().any(|prefix| name.starts_with(prefix));
        !self.names.is_empty() && self.names.iter().all(kohya)
    }

    /// Width of the text embeddings, by a key or value of cross-attention.
    pub fn text_width(&self) -> Option<usize> {
        let cross = |module: &str| {
            let module = module.replace(['.', '-'], "_");
            module.ends_with("attn2_to_k") || module.ends_with("attn2_to_v")
        };
        let (.., info) = self
            .downs
            .iter()
            .find(|(module, ending, _)| *ending == ".lora_down.weight" && cross(module))?;
        info.shape.get(1).copied()
    }

    /// How many of the modules are known by `known`.
    pub fn verdict(&self, known: impl Fn(&str, &str) -> bool) -> Verdict {
        let unknown = (self.downs.iter()).filter(|(module, ending, _)| !known(module, ending));
        let unknown: Vec<&str> = unknown.map(|&(module, ..)| module).collect();
        match unknown.first() {
            None if self.downs.is_empty() => refuses("it finds no LoRA in it"),
            None => Verdict::Loads,
            Some(first) if unknown.len() == self.downs.len() => refuses(format!(
                "it knows none of the names, for example \"{}\"",
                shown(first)
            )),
            Some(first) => Verdict::LoadsInPart(format!(
                "It leaves out {} of {} modules, which it does not know by their names, for example \"{}\".",
                unknown.len(),
                self.downs.len(),
                shown(first)
            )),
        }
    }
}

/// The modules of Stable Diffusion 1.x and 2.x, by their names.
pub(super) struct Modules {
    /// diffusers' paths: `down_blocks.0.attentions.0.proj_in`.
    pub diffusers: BTreeSet<String>,
    /// LDM's paths: `input_blocks.1.1.proj_in`.
    pub ldm: BTreeSet<String>,
    /// Both, dots turned to underscores.
    underscored: BTreeSet<String>,
    pub underscored_diffusers: BTreeSet<String>,
    /// `text_model.encoder.layers.0.mlp.fc1`, with dots and with underscores.
    pub text: BTreeSet<String>,
    underscored_text: BTreeSet<String>,
}

impl Modules {
    fn new() -> Self {
        let (ldm, diffusers): (BTreeSet<String>, BTreeSet<String>) =
            module_names().into_iter().unzip();
        let text: BTreeSet<String> = (0..24)
            .flat_map(|layer| {
                let parts = [
                    "self_attn.q_proj",
                    "self_attn.k_proj",
                    "self_attn.v_proj",
                    "self_attn.out_proj",
                    "mlp.fc1",
                    "mlp.fc2",
                ];
                parts.map(|part| format!("text_model.encoder.layers.{layer}.{part}"))
            })
            .collect();
        let underscored = |paths: &BTreeSet<String>| -> BTreeSet<String> {
            paths.iter().map(|path| path.replace('.', "_")).collect()
        };
        Self {
            underscored_diffusers: underscored(&diffusers),
            underscored: &underscored(&diffusers) | &underscored(&ldm),
            underscored_text: underscored(&text),
            diffusers,
            ldm,
            text,
        }
    }

    /// Kohya's names, of either layout of the UNet if `ldm`.
    pub fn kohya(&self, module: &str, ldm: bool) -> bool {
        let unet = if ldm {
            &self.underscored
        } else {
            &self.underscored_diffusers
        };
        let text = |prefix| {
            module
                .strip_prefix(prefix)
                .map(|rest| self.underscored_text.contains(rest))
        };
        match module.strip_prefix("lora_unet_") {
            Some(rest) => unet.contains(rest),
            None => text("lora_te_")
                .or_else(|| text("lora_te1_"))
                .unwrap_or(false),
        }
    }
}
