//! Single-file checkpoints in the layout of latent diffusion (LDM), which A1111 and ComfyUI use.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use crate::{Header, TensorInfo, WeightsError, shown};

mod config;
mod family;
mod text;
mod unet;
mod vae;

pub use family::Family;

/// The parts of a model that hold weights, by the names of diffusers' folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Folder {
    Unet,
    Vae,
    TextEncoder,
}

impl Folder {
    pub const ALL: [Folder; 3] = [Folder::Unet, Folder::Vae, Folder::TextEncoder];

    /// As in a diffusers model: `unet`, `vae`, `text_encoder`.
    pub fn name(self) -> &'static str {
        match self {
            Folder::Unet => "unet",
            Folder::Vae => "vae",
            Folder::TextEncoder => "text_encoder",
        }
    }

    /// In a sentence.
    fn spoken(self) -> &'static str {
        match self {
            Folder::Unet => "UNet",
            Folder::Vae => "autoencoder",
            Folder::TextEncoder => "text encoder",
        }
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A single-file Stable Diffusion 1.x or 2.x model, shown as the folders of a diffusers model: every
/// tensor by the name that diffusers and transformers give it, with its place in the file.
///
/// Made of the header alone. Nothing has to be computed of the data: fused projections are split by
/// rows, and 1x1 convolutions and linear layers hold the same numbers in the same order, so a
/// tensor is always one run of the file's bytes.
///
/// Sources: CompVis' latent-diffusion and Stability's stablediffusion (the layout), diffusers'
/// `convert_ldm_*_checkpoint` (the names, which the tests compare with).
#[derive(Clone, Debug)]
pub struct Checkpoint {
    family: Family,
    unet: unet::Structure,
    vae: vae::Structure,
    text: text::Structure,
    tensors: BTreeMap<Folder, Vec<TensorInfo>>,
    /// Whether the UNet predicts v; `None` where its weights have to say.
    v_prediction: Option<bool>,
    telltale: Option<TensorInfo>,
}

impl Checkpoint {
    /// Reads what a file's header lists.
    ///
    /// # Errors
    /// [`WeightsError::Family`] for other models, by name; [`WeightsError::MissingParts`],
    /// [`WeightsError::MissingTensors`], [`WeightsError::UnknownTensor`],
    /// [`WeightsError::WrongShape`] and [`WeightsError::WidthsDiffer`] for those that are not whole
    /// or not of one piece.
    pub fn read(header: &Header) -> Result<Self, WeightsError> {
        let source = Source::new(header);
        let family = Family::of(&source)?;
        let unet = unet::Structure::read(&source)?;
        let vae = vae::Structure::read(&source)?;
        let text = text::Structure::read(&source, family)?;
        if unet.cross_attention_dim != text.width {
            return Err(WeightsError::WidthsDiffer {
                unet: unet.cross_attention_dim,
                text: text.width,
            });
        }
        let mut taken = BTreeSet::new();
        let mut tensors = BTreeMap::new();
        for (folder, names) in [
            (Folder::Unet, unet.names()),
            (Folder::Vae, vae.names()),
            (Folder::TextEncoder, text.names()),
        ] {
            tensors.insert(folder, source.take(folder, names, &mut taken)?);
        }
        source.nothing_else(&taken, family)?;
        let v_prediction = match (family, source.metadata("modelspec.prediction_type")) {
            (_, Some("v")) => Some(true),
            (_, Some("epsilon")) | (Family::Sd1, _) => Some(false),
            // All published inpainting models predict noise.
            (Family::Sd2, _) if unet.in_channels != 4 => Some(false),
            (Family::Sd2, _) => None,
        };
        let telltale = source.tensor(&unet.telltale()).cloned();
        Ok(Self {
            family,
            unet,
            vae,
            text,
            tensors,
            v_prediction,
            telltale,
        })
    }

    pub fn family(&self) -> Family {
        self.family
    }

    /// Whether the UNet also takes a mask and a masked picture: 9 channels instead of 4.
    pub fn is_inpainting(&self) -> bool {
        self.unet.in_channels == 9
    }

    /// A folder's tensors, in the order in which they lie in the file. `begin` and `end` are
    /// counted from the header's `data_start`; fused ones lie in one of the file's tensors.
    pub fn tensors(&self, folder: Folder) -> &[TensorInfo] {
        self.tensors.get(&folder).map_or(&[], Vec::as_slice)
    }

    /// The file's tensor that tells Stable Diffusion 2.x's base models (which predict noise) from
    /// the 768-v ones, where nothing else does: give its values to
    /// [`decide_prediction`](Self::decide_prediction). Less than a kilobyte.
    pub fn undecided(&self) -> Option<&TensorInfo> {
        match self.v_prediction {
            None => self.telltale.as_ref(),
            Some(_) => None,
        }
    }

    /// Decides by the values of the tensor that [`undecided`](Self::undecided) names.
    ///
    /// Source: ComfyUI's `supported_models.py` (`SD20.model_type`): the biases of the last
    /// transformer's first norm spread by more than 0.09 where the model predicts v.
    pub fn decide_prediction(&mut self, values: &[f32]) {
        let count = values.len().max(1) as f64;
        let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
        let variance = values
            .iter()
            .map(|&x| (f64::from(x) - mean).powi(2))
            .sum::<f64>()
            / count;
        self.v_prediction = Some(variance.sqrt() > 0.09);
    }

    /// A folder's `config.json`, as diffusers or transformers would write it.
    pub fn config(&self, folder: Folder) -> Value {
        match folder {
            Folder::Unet => config::unet(self.family, &self.unet, self.predicts_v()),
            Folder::Vae => config::vae(&self.vae),
            Folder::TextEncoder => config::text_encoder(self.family, &self.text),
        }
    }

    /// The `scheduler_config.json` of the family's published models.
    pub fn scheduler_config(&self) -> Value {
        config::scheduler(self.predicts_v())
    }

    /// The tokenizer's padding token: see `ClipTokenizer::pad_with`.
    pub fn pad_token(&self) -> &'static str {
        match self.family {
            Family::Sd1 => "<|endoftext|>",
            Family::Sd2 => "!",
        }
    }

    fn predicts_v(&self) -> bool {
        self.v_prediction.unwrap_or(false)
    }
}

/// The UNet's modules with weights in Stable Diffusion 1.x and 2.x: LDM's path and diffusers'.
pub(crate) fn module_names() -> Vec<(String, String)> {
    unet::Structure::published()
        .names()
        .into_iter()
        .filter_map(|Rename { from, to, .. }| {
            let from = from.strip_prefix(unet::PREFIX)?.strip_suffix(".weight")?;
            Some((from.to_owned(), to.strip_suffix(".weight")?.to_owned()))
        })
        .collect()
}

/// How one of the file's tensors becomes one of a folder's.
pub(crate) struct Rename {
    /// In the file.
    from: String,
    /// In the folder.
    to: String,
    shape: Shape,
}

enum Shape {
    Same,
    /// [out, in, 1, 1] or [out, in, 1] or [out, in] is [out, in].
    Linear,
    /// The `index`th of three equal parts, by rows.
    Third {
        index: u64,
    },
}

impl Rename {
    fn same(from: String, to: String) -> Self {
        Self {
            from,
            to,
            shape: Shape::Same,
        }
    }
}

/// Both of a layer's parameters.
fn layer(names: &mut Vec<Rename>, from: &str, to: &str) {
    for kind in ["weight", "bias"] {
        names.push(Rename::same(
            format!("{from}.{kind}"),
            format!("{to}.{kind}"),
        ));
    }
}

/// A header to be asked by name.
pub(crate) struct Source<'a> {
    header: &'a Header,
    by_name: BTreeMap<&'a str, &'a TensorInfo>,
}

impl<'a> Source<'a> {
    fn new(header: &'a Header) -> Self {
        let by_name = (header.tensors.iter())
            .map(|info| (info.name.as_str(), info))
            .collect();
        Self { header, by_name }
    }

    fn metadata(&self, key: &str) -> Option<&str> {
        self.header.metadata.get(key).map(String::as_str)
    }

    fn tensor(&self, name: &str) -> Option<&'a TensorInfo> {
        self.by_name.get(name).copied()
    }

    fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Whether any tensor's name begins so.
    fn any(&self, prefix: &str) -> bool {
        self.by_name
            .range(prefix..)
            .next()
            .is_some_and(|(name, _)| name.starts_with(prefix))
    }

    /// How many of `0..most` there are, from 0 on without a gap, of which `prefix(i)` begins a
    /// tensor's name.
    fn count(&self, most: usize, prefix: impl Fn(usize) -> String) -> usize {
        (0..most).take_while(|&i| self.any(&prefix(i))).count()
    }

    /// A tensor's size along an axis.
    fn size(&self, folder: Folder, name: &str, axis: usize) -> Result<usize, WeightsError> {
        let info = self.tensor(name).ok_or_else(|| missing(folder, name, 0))?;
        info.shape
            .get(axis)
            .copied()
            .ok_or_else(|| wrong_shape(info))
    }

    /// A folder's tensors, by where they lie.
    fn take(
        &self,
        folder: Folder,
        names: Vec<Rename>,
        taken: &mut BTreeSet<&'a str>,
    ) -> Result<Vec<TensorInfo>, WeightsError> {
        let absent: Vec<&Rename> = names.iter().filter(|name| !self.has(&name.from)).collect();
        if let Some(first) = absent.first() {
            return Err(missing(folder, &first.from, absent.len() - 1));
        }
        let mut out = Vec::with_capacity(names.len());
        for Rename { from, to, shape } in names {
            let Some(info) = self.tensor(&from) else {
                continue;
            };
            taken.insert(info.name.as_str());
            out.push(renamed(info, to, shape)?);
        }
        out.sort_by_key(|info| (info.begin, info.end));
        Ok(out)
    }

    /// That the three parts have no tensors but those taken and those known to be of no use.
    fn nothing_else(&self, taken: &BTreeSet<&str>, family: Family) -> Result<(), WeightsError> {
        for (folder, prefix) in [
            (Folder::Unet, unet::PREFIX),
            (Folder::Vae, vae::PREFIX),
            (Folder::TextEncoder, text::PREFIX),
        ] {
            let others = self.by_name.range(prefix..);
            let others = others.take_while(|(name, _)| name.starts_with(prefix));
            for (name, _) in others {
                let unused = folder == Folder::TextEncoder && text::is_unused(name, family);
                if !taken.contains(name) && !unused && !vae::is_unused(name) {
                    return Err(WeightsError::UnknownTensor {
                        part: folder.spoken(),
                        name: shown(name),
                    });
                }
            }
        }
        Ok(())
    }
}

fn renamed(info: &TensorInfo, name: String, shape: Shape) -> Result<TensorInfo, WeightsError> {
    let mut out = TensorInfo {
        name,
        ..info.clone()
    };
    match shape {
        Shape::Same => {}
        Shape::Linear => match info.shape[..] {
            [rows, columns] | [rows, columns, 1] | [rows, columns, 1, 1] => {
                out.shape = vec![rows, columns];
            }
            _ => return Err(wrong_shape(info)),
        },
        Shape::Third { index } => {
            let rows = out.shape.first_mut().ok_or_else(|| wrong_shape(info))?;
            if *rows % 3 != 0 {
                return Err(wrong_shape(info));
            }
            *rows /= 3;
            let third = info.bytes() / 3;
            out.begin = info.begin + index * third;
            out.end = out.begin + third;
        }
    }
    Ok(out)
}

fn missing(folder: Folder, name: &str, more: usize) -> WeightsError {
    WeightsError::MissingTensors {
        part: folder.spoken(),
        name: shown(name),
        more,
    }
}

fn wrong_shape(info: &TensorInfo) -> WeightsError {
    WeightsError::WrongShape {
        name: shown(&info.name),
        shape: format!("{:?}", info.shape),
    }
}
