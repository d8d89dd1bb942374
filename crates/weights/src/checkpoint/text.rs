use super::{Family, Folder, Rename, Shape, Source, layer};
use crate::WeightsError;

pub(super) const PREFIX: &str = "cond_stage_model.";
pub(super) const CLIP: &str = "cond_stage_model.transformer.";
pub(super) const OPEN_CLIP: &str = "cond_stage_model.model.";
const MOST: usize = 64;
/// Stable Diffusion 2.x reads OpenCLIP-H's embeddings before its last layer, of 24, which diffusers'
/// text encoder therefore has not.
const OPEN_CLIP_LAYERS: usize = 23;

/// What the names and shapes of a text encoder say of its configuration.
#[derive(Clone, Debug)]
pub(crate) struct Structure {
    family: Family,
    /// Whether CLIP's names have `text_model.` in them; old mergers leave it out.
    short: bool,
    pub width: usize,
    pub intermediate: usize,
    pub layers: usize,
    pub vocabulary: usize,
    pub positions: usize,
}

/// What is in the file and not in diffusers' text encoder.
pub(super) fn is_unused(name: &str, family: Family) -> bool {
    match family {
        Family::Sd1 => {
            name.ends_with("embeddings.position_ids")
                || name.ends_with(".logit_scale")
                || name.ends_with("text_projection.weight")
        }
        Family::Sd2 => name.strip_prefix(OPEN_CLIP).is_some_and(|rest| {
            rest == "text_projection"
                || rest == "logit_scale"
                || rest == "attn_mask"
                || rest.starts_with("visual.")
                || rest
                    .strip_prefix("transformer.resblocks.")
                    .and_then(|rest| rest.split('.').next()?.parse().ok())
                    .is_some_and(|layer: usize| layer == OPEN_CLIP_LAYERS)
        }),
    }
}

impl Structure {
    pub fn read(source: &Source<'_>, family: Family) -> Result<Self, WeightsError> {
        let size = |name: String, axis| source.size(Folder::TextEncoder, &name, axis);
        match family {
            Family::Sd1 => {
                let short = source.any(&format!("{CLIP}embeddings."));
                let root = root(short);
                let first = format!("{root}encoder.layers.0.mlp.fc1.weight");
                Ok(Self {
                    family,
                    short,
                    width: size(format!("{root}embeddings.token_embedding.weight"), 1)?,
                    intermediate: size(first, 0)?,
                    layers: source.count(MOST, |i| format!("{root}encoder.layers.{i}.")),
                    vocabulary: size(format!("{root}embeddings.token_embedding.weight"), 0)?,
                    positions: size(format!("{root}embeddings.position_embedding.weight"), 0)?,
                })
            }
            Family::Sd2 => Ok(Self {
                family,
                short: false,
                width: size(format!("{OPEN_CLIP}token_embedding.weight"), 1)?,
                intermediate: size(
                    format!("{OPEN_CLIP}transformer.resblocks.0.mlp.c_fc.weight"),
                    0,
                )?,
                layers: OPEN_CLIP_LAYERS,
                vocabulary: size(format!("{OPEN_CLIP}token_embedding.weight"), 0)?,
                positions: size(format!("{OPEN_CLIP}positional_embedding"), 0)?,
            }),
        }
    }

    /// Every parameter, in the file's names and transformers'.
    pub fn names(&self) -> Vec<Rename> {
        match self.family {
            Family::Sd1 => self.clip(),
            Family::Sd2 => self.open_clip(),
        }
    }

    fn clip(&self) -> Vec<Rename> {
        let root = root(self.short);
        let mut names = Vec::new();
        let put = |names: &mut Vec<Rename>, part: &str| {
            layer(
                names,
                &format!("{root}{part}"),
                &format!("text_model.{part}"),
            );
        };
        for table in ["token_embedding", "position_embedding"] {
            names.push(Rename::same(
                format!("{root}embeddings.{table}.weight"),
                format!("text_model.embeddings.{table}.weight"),
            ));
        }
        put(&mut names, "final_layer_norm");
        for index in 0..self.layers {
            for part in [
                "self_attn.q_proj",
                "self_attn.k_proj",
                "self_attn.v_proj",
                "self_attn.out_proj",
                "layer_norm1",
                "layer_norm2",
                "mlp.fc1",
                "mlp.fc2",
            ] {
                put(&mut names, &format!("encoder.layers.{index}.{part}"));
            }
        }
        names
    }

    fn open_clip(&self) -> Vec<Rename> {
        let mut names = Vec::new();
        for (from, to) in [
            (
                "token_embedding.weight",
                "embeddings.token_embedding.weight",
            ),
            (
                "positional_embedding",
                "embeddings.position_embedding.weight",
            ),
            ("ln_final.weight", "final_layer_norm.weight"),
            ("ln_final.bias", "final_layer_norm.bias"),
        ] {
            names.push(Rename::same(
                format!("{OPEN_CLIP}{from}"),
                format!("text_model.{to}"),
            ));
        }
        for index in 0..self.layers {
            let from = format!("{OPEN_CLIP}transformer.resblocks.{index}");
            let to = format!("text_model.encoder.layers.{index}");
            for (old, new) in [
                ("ln_1", "layer_norm1"),
                ("ln_2", "layer_norm2"),
                ("mlp.c_fc", "mlp.fc1"),
                ("mlp.c_proj", "mlp.fc2"),
                ("attn.out_proj", "self_attn.out_proj"),
            ] {
                layer(&mut names, &format!("{from}.{old}"), &format!("{to}.{new}"));
            }
            for kind in ["weight", "bias"] {
                for (third, projection) in (0..).zip(["q_proj", "k_proj", "v_proj"]) {
                    names.push(Rename {
                        from: format!("{from}.attn.in_proj_{kind}"),
                        to: format!("{to}.self_attn.{projection}.{kind}"),
                        shape: Shape::Third { index: third },
                    });
                }
            }
        }
        names
    }
}

fn root(short: bool) -> String {
    if short {
        CLIP.to_owned()
    } else {
        format!("{CLIP}text_model.")
    }
}
