//! Names of factors: what the tools call them, and which module of a model they mean.
//!
//! Inside Atelier a module is called by its diffusers path with the folder's name before it:
//! `unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q`. Kohya's spelling turns dots
//! into underscores, which cannot be undone without knowing the model's modules.

use std::collections::{BTreeMap, BTreeSet};

use atelier_weights::shown;

use crate::error::AdapterError;

/// What a tensor is to its module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Down,
    Up,
    Alpha,
}

impl Part {
    pub fn name(self) -> &'static str {
        match self {
            Part::Down => "down",
            Part::Up => "up",
            Part::Alpha => "alpha",
        }
    }
}

/// Endings of a tensor's name, and its part. Sources: sd-scripts' `networks/lora.py`, diffusers'
/// `utils/state_dict_utils.py` (its `*_TO_PEFT` maps), PEFT's `save_and_load.py`.
const ENDINGS: [(&str, Part); 9] = [
    (".lora_down.weight", Part::Down),
    (".lora_up.weight", Part::Up),
    (".lora.down.weight", Part::Down),
    (".lora.up.weight", Part::Up),
    (".lora_linear_layer.down.weight", Part::Down),
    (".lora_linear_layer.up.weight", Part::Up),
    (".lora_A.weight", Part::Down),
    (".lora_B.weight", Part::Up),
    (".alpha", Part::Alpha),
];

/// How a dotted piece of a tensor's name begins with other methods, and what they are called.
const OTHER_METHODS: [(&str, &str); 13] = [
    ("hada_", "a LoHa adapter"),
    ("lokr_", "a LoKr adapter"),
    ("oft_", "an OFT adapter"),
    ("boft_", "a BOFT adapter"),
    ("dora_scale", "a DoRA adapter"),
    ("lora_magnitude_vector", "a DoRA adapter"),
    ("lora_mid", "a LoCon adapter in Tucker form"),
    ("lora_embedding_", "an adapter of word embeddings"),
    ("on_input", "an IA3 adapter"),
    ("ia3_", "an IA3 adapter"),
    ("emb_params", "a textual inversion"),
    ("string_to_param", "a textual inversion"),
    ("bundle_emb", "an adapter with a textual inversion inside"),
];

/// Last pieces of the names of whole weight differences, which some extraction tools write.
const DIFFERENCES: [&str; 4] = ["diff", "diff_b", "w_norm", "b_norm"];

/// A tensor's name taken apart: the module as the file spells it, and the part.
pub(crate) fn split(key: &str) -> Result<(&str, Part), AdapterError> {
    for piece in key.split('.') {
        if let Some((_, kind)) = OTHER_METHODS
            .iter()
            .find(|(mark, _)| piece.starts_with(mark))
        {
            return Err(AdapterError::Unsupported { kind });
        }
    }
    if key
        .rsplit('.')
        .next()
        .is_some_and(|last| DIFFERENCES.contains(&last))
    {
        return Err(AdapterError::Unsupported {
            kind: "an adapter with whole weight differences",
        });
    }
    for (ending, part) in ENDINGS {
        if let Some(module) = key.strip_suffix(ending) {
            return Ok((module, part));
        }
    }
    // `lora_A.<adapter>.weight`, as a model's own state dict has it.
    if let Some(name) = key.strip_suffix(".weight") {
        for (mark, part) in [(".lora_A.", Part::Down), (".lora_B.", Part::Up)] {
            if let Some((module, adapter)) = name.rsplit_once(mark)
                && !adapter.contains('.')
            {
                return Ok((module, part));
            }
        }
        // `...attn1.processor.to_q_lora.down.weight`, as diffusers once had it.
        for (ending, part) in [("_lora.down", Part::Down), ("_lora.up", Part::Up)] {
            if let Some(module) = name.strip_suffix(ending) {
                return Ok((module, part));
            }
        }
    }
    if key.contains("lora") {
        return Err(AdapterError::UnknownKey { key: shown(key) });
    }
    Err(AdapterError::WholeModel { key: shown(key) })
}

/// The modules of a model, to be found by any tool's spelling.
pub(crate) struct Modules<'a> {
    paths: BTreeSet<&'a str>,
    kohya: BTreeMap<String, &'a str>,
}

impl<'a> Modules<'a> {
    /// # Errors
    /// [`AdapterError::Ambiguous`] when two paths have one spelling.
    pub fn new(known: &'a [String]) -> Result<Self, AdapterError> {
        let paths: BTreeSet<&str> = known.iter().map(String::as_str).collect();
        let mut spelled: BTreeMap<String, &str> = BTreeMap::new();
        for &path in &paths {
            for name in kohya_spellings(path).flat_map(with_and_without_text_model) {
                if let Some(first) = spelled.insert(name, path) {
                    return Err(AdapterError::Ambiguous {
                        first: shown(first),
                        second: shown(path),
                    });
                }
            }
        }
        Ok(Modules {
            paths,
            kohya: spelled,
        })
    }

    /// The module that a file's spelling means, if the model has it.
    pub fn find(&self, module: &str) -> Option<&'a str> {
        if let Some(path) = self.kohya.get(module) {
            return Some(path);
        }
        let path = diffusers_path(module);
        self.paths.get(path.as_str()).copied()
    }
}

/// Kohya's prefix and the folder that it stands for. `lora_te1_` is what SDXL's files say.
const PREFIXES: [(&str, &str); 4] = [
    ("lora_unet_", "unet."),
    ("lora_te_", "text_encoder."),
    ("lora_te1_", "text_encoder."),
    ("lora_te2_", "text_encoder_2."),
];

fn kohya_spellings(path: &str) -> impl Iterator<Item = String> {
    PREFIXES.into_iter().filter_map(move |(prefix, folder)| {
        let rest = path.strip_prefix(folder)?;
        Some(format!("{prefix}{}", rest.replace('.', "_")))
    })
}

/// A text encoder's module as files have it, and as those of today's transformers have it, which left a wrapper out.
fn with_and_without_text_model(name: String) -> impl Iterator<Item = String> {
    let without = name
        .contains("_text_model_")
        .then(|| name.replacen("_text_model_", "_", 1));
    [name].into_iter().chain(without)
}

/// Kohya's spelling of a module's path, as files are written. `two_encoders` is for models with
/// a second text encoder.
pub(crate) fn kohya(path: &str, two_encoders: bool) -> Result<String, AdapterError> {
    kohya_spellings(path)
        .find(|name| !(two_encoders && name.starts_with("lora_te_")))
        .ok_or_else(|| AdapterError::NoName {
            module: shown(path),
        })
}

/// A dotted spelling in today's form: with the folder, without PEFT's wrapper, and without the
/// attention processors of old diffusers.
fn diffusers_path(module: &str) -> String {
    let module = module.strip_prefix("base_model.model.").unwrap_or(module);
    let with_folder = |folder: &str| module.starts_with(folder);
    let text = with_folder("text_encoder.") || with_folder("text_encoder_2.");
    let mut path = if text || with_folder("unet.") {
        module.to_owned()
    } else {
        // `UNet2DConditionModel.save_attn_procs` leaves the folder out.
        format!("unet.{module}")
    };
    // Today's transformers have left a wrapper out.
    if let Some((folder, rest)) = path.split_once(".encoder.layers.")
        && text
        && !folder.ends_with(".text_model")
    {
        path = format!("{folder}.text_model.encoder.layers.{rest}");
    }
    let projections = [
        (".to_q", ".to_q", ".q_proj"),
        (".to_k", ".to_k", ".k_proj"),
        (".to_v", ".to_v", ".v_proj"),
        (".to_out", ".to_out.0", ".out_proj"),
    ];
    for (old, unet, encoder) in projections {
        if let Some(attention) = path.strip_suffix(old) {
            let attention = attention.strip_suffix(".processor").unwrap_or(attention);
            path = format!("{attention}{}", if text { encoder } else { unet });
            break;
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    const Q: &str = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q";
    const OUT: &str = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0";
    const TEXT: &str = "text_encoder.text_model.encoder.layers.0.self_attn.q_proj";

    fn find(key: &str) -> Option<(String, Part)> {
        let known = [Q, OUT, TEXT].map(String::from);
        let modules = Modules::new(&known).unwrap();
        let (module, part) = split(key).unwrap();
        modules.find(module).map(|path| (path.to_owned(), part))
    }

    #[test]
    fn every_tools_spelling_is_understood() {
        let block = "down_blocks.0.attentions.0.transformer_blocks.0.attn1";
        let cases = [
            ("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.lora_down.weight".into(), Q, Part::Down),
            ("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_out_0.alpha".into(), OUT, Part::Alpha),
            ("lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_up.weight".into(), TEXT, Part::Up),
            ("lora_te1_text_model_encoder_layers_0_self_attn_q_proj.lora_up.weight".into(), TEXT, Part::Up),
            (format!("unet.{block}.to_q.lora.down.weight"), Q, Part::Down),
            (format!("unet.{block}.to_q.lora_A.weight"), Q, Part::Down),
            (format!("unet.{block}.to_out.0.lora_B.default_0.weight"), OUT, Part::Up),
            (format!("unet.{block}.processor.to_q_lora.up.weight"), Q, Part::Up),
            (format!("{block}.processor.to_out_lora.up.weight"), OUT, Part::Up),
            (format!("base_model.model.{block}.to_q.lora_A.weight"), Q, Part::Down),
            (format!("{TEXT}.lora_linear_layer.down.weight"), TEXT, Part::Down),
            ("text_encoder.text_model.encoder.layers.0.self_attn.to_q_lora.down.weight".into(), TEXT, Part::Down),
            ("text_encoder.encoder.layers.0.self_attn.q_proj.lora_linear_layer.down.weight".into(), TEXT, Part::Down),
            ("lora_te_encoder_layers_0_self_attn_q_proj.lora_up.weight".into(), TEXT, Part::Up),
        ];
        for (key, path, part) in cases {
            assert_eq!(find(&key), Some((path.to_owned(), part)), "{key}");
        }
        assert_eq!(find("lora_unet_mid_block_x.lora_up.weight"), None);
    }

    #[test]
    fn other_things_are_named() {
        assert!(matches!(
            split("lora_unet_x.hada_w1_a"),
            Err(AdapterError::Unsupported {
                kind: "a LoHa adapter"
            })
        ));
        assert!(matches!(
            split("model.diffusion_model.input_blocks.0.0.weight"),
            Err(AdapterError::WholeModel { .. })
        ));
        assert!(matches!(
            split("lora_unet_x.lora_sideways.weight"),
            Err(AdapterError::UnknownKey { .. })
        ));
    }

    #[test]
    fn one_spelling_for_two_modules_is_an_error() {
        let known = ["unet.a.b_c", "unet.a_b.c"].map(String::from);
        assert!(matches!(
            Modules::new(&known),
            Err(AdapterError::Ambiguous { .. })
        ));
    }

    #[test]
    fn kohyas_spelling_is_written() {
        assert_eq!(
            kohya(TEXT, false).unwrap(),
            "lora_te_text_model_encoder_layers_0_self_attn_q_proj"
        );
        assert!(kohya(TEXT, true).unwrap().starts_with("lora_te1_"));
        assert!(kohya("vae.x", false).is_err());
    }
}
