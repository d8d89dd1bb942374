//! A model as its files have it: which of them are needed, and where each tensor lies.

use std::collections::{BTreeMap, BTreeSet};

use atelier_protocol::ModelFamily;
use atelier_weights::{
    Checkpoint, Family, Folder, Header, Index, Kind, Limits, Pipeline, Precision, TensorInfo,
    WeightsError, WeightsFile, choose_weights, shown, to_f32,
};
use serde::Deserialize;
use serde_json::Value;

use crate::{Entry, Files, LibraryError};

/// Most bytes read at once: no tensor is needed whole to pass it on.
pub const PIECE: u64 = 8 << 20;
/// First bytes read of a file of weights. Headers of Stable Diffusion's parts have about 100 kB.
const HEAD: u64 = 128 << 10;
/// Longest configuration read, in bytes; published ones have a few kB.
const CONFIG: u64 = 1 << 20;
/// Longest index of shards read, in bytes.
const INDEX: u64 = 10 << 20;

const MODEL_INDEX: &str = "model_index.json";
const SCHEDULER: &str = "scheduler/scheduler_config.json";
/// What a tokenizer may need; each is taken where it is there.
const TOKENIZER: [&str; 6] = [
    "tokenizer/tokenizer.json",
    "tokenizer/tokenizer_config.json",
    "tokenizer/special_tokens_map.json",
    "tokenizer/vocab.json",
    "tokenizer/merges.txt",
    "tokenizer/vocab.txt",
];

/// Headers and configurations have been read, the weights have not.
#[derive(Clone, Debug)]
pub struct Model {
    pub family: ModelFamily,
    /// The single file that it is; none for a diffusers folder.
    pub checkpoint: Option<Checkpoint>,
    /// What is needed of all the files there are.
    pub files: Vec<Entry>,
    /// The scheduler's configuration, as diffusers writes it.
    pub scheduler: Value,
    parts: BTreeMap<Folder, Part>,
}

#[derive(Clone, Debug)]
struct Part {
    config: Value,
    tensors: Vec<Placed>,
}

/// A tensor and its place.
#[derive(Clone, Debug)]
pub struct Placed {
    /// By the name that diffusers gives it in its folder. Offsets are those inside the file's data.
    pub info: TensorInfo,
    /// Number of its file among [`Model::files`].
    pub file: usize,
    /// First byte in the file.
    pub begin: u64,
}

/// What tells the family in `unet/config.json`.
#[derive(Deserialize)]
struct UnetConfig {
    #[serde(default)]
    cross_attention_dim: Value,
    in_channels: Option<u64>,
}

impl Model {
    /// Looks at what there is: a diffusers folder, or a single-file checkpoint (`wanted`, where there
    /// are several). Reads configurations and headers, no weights.
    ///
    /// # Errors
    /// Why it is no model that is run here: missing files by name, other families, pickles.
    pub async fn open(files: &impl Files, wanted: Option<&str>) -> Result<Self, LibraryError> {
        if wanted.is_none() && files.entry(MODEL_INDEX).is_some() {
            return Self::open_folder(files).await;
        }
        let path = match wanted {
            Some(path) => path.to_owned(),
            None => only_checkpoint(files.entries())?,
        };
        Self::open_checkpoint(files, &path).await
    }

    async fn open_folder(files: &impl Files) -> Result<Self, LibraryError> {
        let index = read_whole(files, MODEL_INDEX, CONFIG).await?;
        let index = Pipeline::parse(&index).map_err(|error| weights(MODEL_INDEX, error))?;
        check_classes(&index)?;
        let mut needed = Needed::default();
        needed.add(files, MODEL_INDEX)?;
        let scheduler = config(files, SCHEDULER).await?;
        needed.add(files, SCHEDULER)?;
        for path in TOKENIZER {
            if files.entry(path).is_some() {
                needed.add(files, path)?;
            }
        }
        if needed.0.len() == 2 {
            return Err(missing(TOKENIZER[0]));
        }
        let unet = config(files, "unet/config.json").await?;
        let family = family_of(&unet, index.class_of("text_encoder"))?;
        let mut parts = BTreeMap::new();
        for folder in Folder::ALL {
            let path = format!("{folder}/config.json");
            let config = config(files, &path).await?;
            needed.add(files, &path)?;
            let tensors = tensors_of(files, folder, &mut needed).await?;
            parts.insert(folder, Part { config, tensors });
        }
        Ok(Self {
            family,
            checkpoint: None,
            files: needed.0,
            scheduler,
            parts,
        })
    }

    async fn open_checkpoint(files: &impl Files, path: &str) -> Result<Self, LibraryError> {
        let entry = files.entry(path).ok_or_else(|| missing(path))?;
        if is_pickle(path) {
            return Err(weights(path, WeightsError::WrongKind(Kind::Pickle)));
        }
        let header = header(files, entry).await?;
        let mut checkpoint = Checkpoint::read(&header).map_err(|error| weights(path, error))?;
        if let Some(telltale) = checkpoint.undecided().cloned() {
            let begin = header.data_start + telltale.begin;
            let bytes = files
                .read(entry, begin, telltale.bytes().min(CONFIG))
                .await?;
            let values = to_f32(telltale.dtype, &bytes).map_err(|error| weights(path, error))?;
            checkpoint.decide_prediction(&values);
        }
        let parts = Folder::ALL.map(|folder| {
            let tensors = checkpoint.tensors(folder).iter().map(|info| Placed {
                info: info.clone(),
                file: 0,
                begin: header.data_start + info.begin,
            });
            let part = Part {
                config: checkpoint.config(folder),
                tensors: tensors.collect(),
            };
            (folder, part)
        });
        Ok(Self {
            family: match checkpoint.family() {
                Family::Sd1 => ModelFamily::Sd1,
                Family::Sd2 => ModelFamily::Sd2,
            },
            scheduler: checkpoint.scheduler_config(),
            checkpoint: Some(checkpoint),
            files: vec![entry.clone()],
            parts: parts.into(),
        })
    }

    /// A part's `config.json`.
    pub fn config(&self, folder: Folder) -> &Value {
        self.parts
            .get(&folder)
            .map_or(&Value::Null, |part| &part.config)
    }

    /// A part's tensors, file by file in the order in which they lie.
    pub fn tensors(&self, folder: Folder) -> &[Placed] {
        self.parts.get(&folder).map_or(&[], |part| &part.tensors)
    }

    /// Hands a tensor's bytes (little-endian, row-major) to `piece`, [`PIECE`] at a time, so that it
    /// never is in memory whole. `files` are those that the model was opened from.
    ///
    /// # Errors
    /// Those of `files` and of `piece`.
    pub async fn read<E: From<LibraryError>>(
        &self,
        files: &impl Files,
        tensor: &Placed,
        piece: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let entry = self.files.get(tensor.file).ok_or(LibraryError::Gone)?;
        let mut done = 0;
        while done < tensor.info.bytes() {
            let bytes = PIECE.min(tensor.info.bytes() - done);
            piece(&files.read(entry, tensor.begin + done, bytes).await?)?;
            done += bytes;
        }
        Ok(())
    }

    /// Of all parts together.
    pub fn parameters(&self) -> u64 {
        let tensors = self.parts.values().flat_map(|part| &part.tensors);
        tensors
            .map(|tensor| tensor.info.bytes() / tensor.info.dtype.size() as u64)
            .sum()
    }

    /// Bytes of all files needed.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|entry| entry.size).sum()
    }
}

/// The files a model needs, each once.
#[derive(Default)]
struct Needed(Vec<Entry>);

impl Needed {
    /// Its number among them.
    fn add(&mut self, files: &impl Files, path: &str) -> Result<usize, LibraryError> {
        let entry = files.entry(path).ok_or_else(|| missing(path))?;
        if let Some(known) = self.0.iter().position(|known| known.path == path) {
            return Ok(known);
        }
        self.0.push(entry.clone());
        Ok(self.0.len() - 1)
    }
}

/// Refuses what is no Stable Diffusion 1.x or 2.x by the classes of its parts.
fn check_classes(index: &Pipeline) -> Result<(), LibraryError> {
    let others = [
        ("text_encoder_3", "Stable Diffusion 3"),
        ("text_encoder_2", "Stable Diffusion XL"),
        ("transformer", "a diffusion transformer"),
        ("prior", "a model in two stages"),
        ("controlnet", "a model with a ControlNet"),
        ("image_encoder", "a model that is told by pictures"),
    ];
    for (part, family) in others {
        if index.class_of(part).is_some() {
            return Err(weights(MODEL_INDEX, WeightsError::Family { family }));
        }
    }
    let known: [(&str, &[&str]); 3] = [
        ("unet", &["UNet2DConditionModel"]),
        ("vae", &["AutoencoderKL", "AutoencoderTiny"]),
        ("text_encoder", &["CLIPTextModel", "BertModel"]),
    ];
    for (part, classes) in known {
        let class = index.class_of(part).unwrap_or("part that is missing");
        if !classes.contains(&class) {
            return Err(LibraryError::Class {
                part,
                class: shown(class),
            });
        }
    }
    Ok(())
}

/// By the width of the text that the UNet reads.
fn family_of(unet: &Value, text_encoder: Option<&str>) -> Result<ModelFamily, LibraryError> {
    let path = "unet/config.json";
    let unet = UnetConfig::deserialize(unet).map_err(|_| LibraryError::Config {
        path: path.to_owned(),
        reason: "it is no UNet's".to_owned(),
    })?;
    if !matches!(unet.in_channels, None | Some(4 | 9)) {
        let family = "a model with other inputs than Stable Diffusion's";
        return Err(weights(path, WeightsError::Family { family }));
    }
    // A number, or one for each block.
    let width = match &unet.cross_attention_dim {
        Value::Array(widths) => widths.first().and_then(Value::as_u64),
        width => width.as_u64(),
    };
    match (text_encoder, width) {
        (Some("BertModel"), _) => Ok(ModelFamily::Sketch),
        (_, Some(768)) => Ok(ModelFamily::Sd1),
        (_, Some(1024)) => Ok(ModelFamily::Sd2),
        // Small ones, made to try things with, are built as 1.x is.
        (_, Some(..512)) => Ok(ModelFamily::Sd1),
        (_, Some(2048)) => Err(weights(
            path,
            WeightsError::Family {
                family: "Stable Diffusion XL",
            },
        )),
        _ => Err(weights(
            path,
            WeightsError::Family {
                family: "a model with another text encoder",
            },
        )),
    }
}

/// A folder's weights: one file, or the shards that an index names.
async fn tensors_of(
    files: &impl Files,
    folder: Folder,
    needed: &mut Needed,
) -> Result<Vec<Placed>, LibraryError> {
    let prefix = format!("{folder}/");
    let names = files
        .entries()
        .iter()
        .filter_map(|entry| entry.path.strip_prefix(&prefix));
    let names = names.filter(|name| !name.contains('/'));
    let chosen =
        choose_weights(names, Precision::Half).map_err(|error| weights(folder.name(), error))?;
    let mut tensors = Vec::new();
    match chosen {
        WeightsFile::Single(name) => {
            let path = prefix + &name;
            let file = needed.add(files, &path)?;
            let header = header(files, &needed.0[file]).await?;
            place(&mut tensors, header, file);
        }
        WeightsFile::Sharded(name) => {
            let path = format!("{prefix}{name}");
            let index = read_whole(files, &path, INDEX).await?;
            let index = Index::parse(&index).map_err(|error| weights(&path, error))?;
            needed.add(files, &path)?;
            let mut seen = BTreeSet::new();
            for name in index.files() {
                let path = format!("{prefix}{name}");
                let file = needed.add(files, &path)?;
                let header = header(files, &needed.0[file]).await?;
                for info in &header.tensors {
                    // What the index does not place here is another file's, or nobody's.
                    if index.file_of(&info.name) != Some(name) || !seen.insert(info.name.clone()) {
                        return Err(LibraryError::Config {
                            path,
                            reason: format!(
                                "the index does not have \"{}\" in it",
                                shown(&info.name)
                            ),
                        });
                    }
                }
                place(&mut tensors, header, file);
            }
        }
    }
    Ok(tensors)
}

fn place(tensors: &mut Vec<Placed>, header: Header, file: usize) {
    let start = header.data_start;
    tensors.extend(header.tensors.into_iter().map(|info| Placed {
        begin: start + info.begin,
        file,
        info,
    }));
}

/// A file's header, checked against the file's length.
async fn header(files: &impl Files, entry: &Entry) -> Result<Header, LibraryError> {
    let wrong = |error| weights(&entry.path, error);
    let mut head = files.read(entry, 0, HEAD.min(entry.size)).await?;
    let len = Header::len(&head, Limits::BASE).map_err(wrong)?;
    if len > head.len() as u64 && len <= entry.size {
        let rest = files
            .read(entry, head.len() as u64, len - head.len() as u64)
            .await?;
        head.extend_from_slice(&rest);
    }
    let header = Header::parse(&head, Limits::BASE).map_err(wrong)?;
    header.check_len(entry.size).map_err(wrong)?;
    Ok(header)
}

async fn config(files: &impl Files, path: &str) -> Result<Value, LibraryError> {
    let bytes = read_whole(files, path, CONFIG).await?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| LibraryError::Config {
        path: path.to_owned(),
        reason: shown(
            error
                .to_string()
                .split(" at line ")
                .next()
                .unwrap_or_default(),
        ),
    })?;
    Ok(value)
}

async fn read_whole(files: &impl Files, path: &str, limit: u64) -> Result<Vec<u8>, LibraryError> {
    let entry = files.entry(path).ok_or_else(|| missing(path))?;
    if entry.size > limit {
        return Err(LibraryError::Config {
            path: path.to_owned(),
            reason: format!("it has {} bytes, and at most {limit} are read", entry.size),
        });
    }
    files.read(entry, 0, entry.size).await
}

/// The one checkpoint among files, wherever there is no `model_index.json`.
fn only_checkpoint(entries: &[Entry]) -> Result<String, LibraryError> {
    let top = |entry: &&Entry| !entry.path.contains('/');
    let named = |entry: &&Entry| entry.path.ends_with(".safetensors");
    let found: Vec<&Entry> = entries.iter().filter(top).filter(named).collect();
    match found.as_slice() {
        [one] => Ok(one.path.clone()),
        [] if entries.iter().any(|entry| is_pickle(&entry.path)) => Err(weights(
            "The model",
            WeightsError::NoWeights { pickles: true },
        )),
        [] => Err(LibraryError::NoModel),
        several => {
            let names: Vec<String> = several
                .iter()
                .take(8)
                .map(|entry| shown(&entry.path))
                .collect();
            Err(LibraryError::Several {
                names: names.join(", "),
            })
        }
    }
}

fn is_pickle(path: &str) -> bool {
    let path = path.to_lowercase();
    [".bin", ".ckpt", ".pt", ".pth", ".pkl"]
        .iter()
        .any(|ending| path.ends_with(ending))
}

fn missing(path: &str) -> LibraryError {
    LibraryError::Missing { path: shown(path) }
}

fn weights(path: &str, error: WeightsError) -> LibraryError {
    LibraryError::Weights {
        path: shown(path),
        error,
    }
}

#[cfg(test)]
mod tests;
