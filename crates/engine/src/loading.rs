//! Weights on their way from a source to the device, tensor by tensor.

use std::collections::BTreeMap;

use atelier_kernels::Precision;
use atelier_models::{ModelError, TensorMap};
use atelier_weights::{
    Checkpoint, Decoder, Folder as Part, Header, Index, Limits, Precision as Variant, Scales,
    TensorInfo, WeightsError, WeightsFile, choose_weights, to_f32, to_f32_scaled,
};
use burn::tensor::{Device, Tensor, TensorData};

use crate::{error::EngineError, hash::Hash, source::Source};

/// Largest JSON file that is read. tokenizer.json is the largest of them.
pub(crate) const JSON_LIMIT: u64 = 16 << 20;

/// Bytes of a tensor that are on the host as f32 at a time.
const AT_ONCE: usize = 1 << 24;

/// What was loaded of one part of a model.
pub(crate) struct Loaded {
    pub tensors: TensorMap,
    pub parameters: u64,
    /// Of the UNet's tensors, by which a model is known; of another part's, how they begin.
    pub hash: Hash,
    hashed: usize,
    scales: Scales,
}

/// Bytes of each tensor that are hashed where it is only to be told from another model's.
const BEGINNING: usize = 1 << 10;

impl Loaded {
    fn new(is_unet: bool, precision: Precision) -> Self {
        Self {
            tensors: TensorMap::in_precision(precision),
            parameters: 0,
            hash: Hash::default(),
            hashed: if is_unet { usize::MAX } else { BEGINNING },
            scales: Scales::default(),
        }
    }

    fn take(
        &mut self,
        info: &TensorInfo,
        bytes: &[u8],
        path: &str,
        device: &Device,
    ) -> Result<(), EngineError> {
        self.hash.push(&bytes[..bytes.len().min(self.hashed)]);
        if bytes.is_empty() {
            let (name, shape) = (info.name.clone(), info.shape.clone());
            let none = ModelError::WrongCount {
                name,
                shape,
                found: 0,
            };
            return Err(model(path, none));
        }
        let values = self
            .values(info, bytes, device)
            .map_err(|error| weights(path, error))?;
        let Some(values) = values else {
            return Ok(());
        };
        self.parameters += values.dims()[0] as u64;
        self.tensors
            .insert_flat(&info.name, &info.shape, values)
            .map_err(|error| model(path, error))
    }

    /// What a tensor stands for, on the device; none where it is scales of another.
    fn values(
        &mut self,
        info: &TensorInfo,
        bytes: &[u8],
        device: &Device,
    ) -> Result<Option<Tensor<1>>, WeightsError> {
        if self.scales.keep(info, bytes)? {
            return Ok(None);
        }
        let scales = self.scales.take(info)?;
        to_device(info, bytes, scales.as_deref(), device).map(Some)
    }
}

/// A folder's weights, in one file or several, kept on the device in `precision`.
pub(crate) async fn folder(
    source: &impl Source,
    folder: &str,
    device: &Device,
    precision: Precision,
    progress: &mut Progress<'_>,
) -> Result<Loaded, EngineError> {
    let mut loaded = Loaded::new(folder == "unet", precision);
    for path in files(source, folder).await? {
        let mut decoder = Decoder::new(Limits::BASE);
        source
            .stream(&path, &mut |piece, length| {
                decoder.push(piece, &mut |info, bytes| {
                    loaded.take(&info, &bytes, &path, device)
                })?;
                progress.received(decoder.received(), length);
                Ok(())
            })
            .await?;
        progress.file_done();
        (decoder.finish().and_then(|_| loaded.scales.finish()))
            .map_err(|error| weights(&path, error))?;
    }
    Ok(loaded)
}

/// The files of a folder that hold its weights. Where the source cannot tell what there is, the plain name.
async fn files(source: &impl Source, folder: &str) -> Result<Vec<String>, EngineError> {
    let Some(files) = source.files(folder).await? else {
        let name = match folder {
            "text_encoder" => "model.safetensors",
            _ => "diffusion_pytorch_model.safetensors",
        };
        return Ok(vec![format!("{folder}/{name}")]);
    };
    let names = files.iter().map(String::as_str);
    let chosen = choose_weights(names, Variant::Half).map_err(|error| weights(folder, error))?;
    match chosen {
        WeightsFile::Single(name) => Ok(vec![format!("{folder}/{name}")]),
        WeightsFile::Sharded(name) => {
            let path = format!("{folder}/{name}");
            let index = Index::parse(&source.read(&path, JSON_LIMIT).await?)
                .map_err(|error| weights(&path, error))?;
            let shards = index.files().into_iter();
            Ok(shards.map(|name| format!("{folder}/{name}")).collect())
        }
    }
}

/// All of a single file: what it says of the model, and the parts.
pub(crate) struct SingleFile {
    pub checkpoint: Checkpoint,
    pub unet: Loaded,
    pub vae: Loaded,
    pub text_encoder: Loaded,
}

/// Reads a single-file checkpoint in one pass. `devices` is that of the networks which adapters change, and the
/// autoencoder's.
pub(crate) async fn single_file(
    source: &impl Source,
    path: &str,
    devices: [&Device; 2],
    precision: Precision,
    progress: &mut Progress<'_>,
) -> Result<SingleFile, EngineError> {
    let mut decoder = Decoder::new(Limits::BASE);
    let mut beginning = Vec::new();
    let mut places: Option<Places> = None;
    let [mut unet, mut vae, mut text_encoder] =
        [true, false, false].map(|is_unet| Loaded::new(is_unet, precision));
    source
        .stream(path, &mut |piece, length| {
            let mut piece = piece;
            let whole;
            if places.is_none() {
                // The header says where everything is, so it is looked at before any tensor is.
                beginning.extend_from_slice(piece);
                let Some(found) = Places::read(&beginning).map_err(|error| weights(path, error))?
                else {
                    return Ok(());
                };
                places = Some(found);
                whole = std::mem::take(&mut beginning);
                piece = &whole;
            }
            let Some(places) = &mut places else {
                return Ok(());
            };
            decoder.push(piece, &mut |info, bytes| {
                places
                    .decide(&info, &bytes)
                    .map_err(|error| weights(path, error))?;
                for (part, target) in places.within(&info) {
                    let from = (target.begin - info.begin) as usize;
                    let bytes = &bytes[from..from + target.bytes() as usize];
                    let (loaded, device) = match part {
                        Part::Unet => (&mut unet, devices[0]),
                        Part::Vae => (&mut vae, devices[1]),
                        Part::TextEncoder => (&mut text_encoder, devices[0]),
                    };
                    loaded.take(target, bytes, path, device)?;
                }
                Ok::<(), EngineError>(())
            })?;
            progress.received(decoder.received(), length);
            Ok(())
        })
        .await?;
    progress.file_done();
    if places.is_none() {
        // Too short for its header: the decoder says it better.
        decoder.push(&beginning, &mut |_, _| Ok::<(), EngineError>(()))?;
    }
    decoder.finish().map_err(|error| weights(path, error))?;
    let Some(Places { checkpoint, .. }) = places else {
        return Err(weights(path, WeightsError::CutShort { have: 0, need: 9 }));
    };
    Ok(SingleFile {
        checkpoint,
        unet,
        vae,
        text_encoder,
    })
}

/// Where the parts' tensors lie in a single file.
struct Places {
    checkpoint: Checkpoint,
    /// By where they begin; two may begin at one place.
    tensors: BTreeMap<u64, Vec<(Part, TensorInfo)>>,
    undecided: Option<TensorInfo>,
}

impl Places {
    /// None as long as the file's header is not all there.
    fn read(beginning: &[u8]) -> Result<Option<Self>, WeightsError> {
        if beginning.len() < 9 {
            return Ok(None);
        }
        if (beginning.len() as u64) < Header::len(beginning, Limits::BASE)? {
            return Ok(None);
        }
        let checkpoint = Checkpoint::read(&Header::parse(beginning, Limits::BASE)?)?;
        let mut tensors: BTreeMap<u64, Vec<_>> = BTreeMap::new();
        for part in Part::ALL {
            for info in checkpoint.tensors(part) {
                let at = tensors.entry(info.begin).or_default();
                at.push((part, info.clone()));
            }
        }
        Ok(Some(Self {
            undecided: checkpoint.undecided().cloned(),
            checkpoint,
            tensors,
        }))
    }

    /// Looks whether the UNet predicts v, at the one tensor that tells.
    fn decide(&mut self, info: &TensorInfo, bytes: &[u8]) -> Result<(), WeightsError> {
        if self.undecided.as_ref() == Some(info) {
            self.checkpoint
                .decide_prediction(&to_f32(info.dtype, bytes)?);
        }
        Ok(())
    }

    /// The parts' tensors that lie in one of the file's.
    fn within(&self, info: &TensorInfo) -> impl Iterator<Item = (Part, &TensorInfo)> {
        (self.tensors.range(info.begin..info.end))
            .flat_map(|(_, tensors)| tensors.iter().map(|(part, target)| (*part, target)))
    }
}

/// Values on the device as f32, of which the host holds a few at a time.
fn to_device(
    info: &TensorInfo,
    bytes: &[u8],
    scales: Option<&[f32]>,
    device: &Device,
) -> Result<Tensor<1>, WeightsError> {
    let (dtype, mut first) = (info.dtype, 0);
    let mut pieces = (bytes.chunks(AT_ONCE))
        .map(|piece| {
            let values = to_f32_scaled(dtype, piece, first, scales)?;
            let shape = [values.len()];
            first += values.len();
            Ok(Tensor::from_data(TensorData::new(values, shape), device))
        })
        .collect::<Result<Vec<_>, WeightsError>>()?;
    Ok(match pieces.len() {
        1 => pieces.remove(0),
        _ => Tensor::cat(pieces, 0),
    })
}

/// Bytes read over several files. The lengths of files that have not been opened are not known, so the total grows.
pub(crate) struct Progress<'a> {
    tell: &'a mut dyn FnMut(u64, u64),
    before: u64,
    file: u64,
}

impl<'a> Progress<'a> {
    pub fn new(tell: &'a mut dyn FnMut(u64, u64)) -> Self {
        Self {
            tell,
            before: 0,
            file: 0,
        }
    }

    fn received(&mut self, done: u64, length: Option<u64>) {
        self.file = length.unwrap_or(done);
        (self.tell)(self.before + done, self.before + self.file);
    }

    fn file_done(&mut self) {
        self.before += std::mem::take(&mut self.file);
    }
}

pub(crate) fn weights(path: &str, error: WeightsError) -> EngineError {
    EngineError::Weights {
        path: path.into(),
        error,
    }
}

pub(crate) fn model(path: &str, error: ModelError) -> EngineError {
    EngineError::Model {
        path: path.into(),
        error,
    }
}
