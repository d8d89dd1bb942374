//! A model loaded onto the device: the parts of a diffusers folder, or of a single-file checkpoint.

use atelier_adapter::{Base, Parts};
use atelier_diffusion::{NoiseSchedule, SchedulerConfig};
use atelier_kernels::Precision;
use atelier_models::{
    Autoencoder, AutoencoderConfig, BertConfig, BertModel, CLIPTextConfig, CLIPTextModel, PerBlock,
    UNet2DConditionConfig, UNet2DConditionModel,
};
use atelier_protocol::ModelKind;
use atelier_text::{ClipTokenizer, LENGTH, Tokenizer, Tokens};
use atelier_weights::{Folder as Part, Pipeline as ModelIndex};
use burn::tensor::Device;
use serde::Deserialize;

use crate::{
    error::EngineError,
    hash::Hash,
    loading::{self, JSON_LIMIT, Loaded, Progress, model, weights},
    source::Source,
};

/// Side of the largest latents that are made: pictures of 2,048 pixels.
const MOST_LATENTS: usize = 256;

/// How the weights of Stable Diffusion's layers are kept: as most files have them. Computed with is f32, which no
/// activation overflows.
const STUDIO: Precision = Precision::F16;

/// The parts, ready to run.
pub struct Pipeline {
    pub name: String,
    pub unet: UNet2DConditionModel,
    pub vae: Autoencoder,
    pub text: Text,
    /// Tokens that the text encoder reads at a time.
    pub max_tokens: usize,
    /// Width of a token's embedding.
    pub embedding: usize,
    pub schedule: NoiseSchedule,
    /// Parameters of the UNet.
    pub parameters: u64,
    /// Hash of the UNet's tensors, in the order of their file.
    pub hash: String,
    /// Names all the parts, where `hash` names the UNet alone.
    pub(crate) identity: String,
    /// Side of the latents.
    side: usize,
}

/// A text encoder and its tokenizer.
pub enum Text {
    /// Sketch's.
    Bert(BertModel, Tokenizer),
    /// Stable Diffusion's.
    Clip(CLIPTextModel, Box<ClipTokenizer>),
}

impl Text {
    /// `text` as exactly `max_tokens` tokens: cut at the end if it has more, padded if it has fewer.
    pub fn tokens(&self, text: &str, max_tokens: usize) -> Tokens {
        match self {
            Self::Bert(_, tokenizer) => tokenizer.encode(text, max_tokens),
            Self::Clip(_, tokenizer) => tokenizer.encode(text, max_tokens),
        }
    }

    /// Tokens that the encoder knows.
    pub fn vocabulary(&self) -> usize {
        match self {
            Self::Bert(model, _) => model.config().vocab_size,
            Self::Clip(model, _) => model.config().vocab_size,
        }
    }
}

/// The parts' configurations.
struct Configs {
    unet: UNet2DConditionConfig,
    vae: AutoencoderConfig,
    text: TextConfig,
    scheduler: SchedulerConfig,
}

enum TextConfig {
    Bert(BertConfig, usize),
    Clip(CLIPTextConfig),
}

/// What of Sketch's `tokenizer_config.json` matters here.
#[derive(Deserialize)]
struct TokenizerConfig {
    model_max_length: usize,
}

impl Pipeline {
    /// Loads a diffusers folder. `progress` is called with bytes read and the files' share known so far.
    ///
    /// # Errors
    /// Names the file that is missing, broken or of a kind the engine does not know.
    pub async fn load(
        source: &impl Source,
        device: &Device,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Self, EngineError> {
        let index_path = "model_index.json";
        let index = ModelIndex::parse(&source.read(index_path, JSON_LIMIT).await?)
            .map_err(|error| weights(index_path, error))?;
        check_class(&index, "unet", "UNet2DConditionModel", &[])?;
        check_class(&index, "vae", "AutoencoderKL", &["AutoencoderTiny"])?;
        check_class(&index, "text_encoder", "CLIPTextModel", &["BertModel"])?;
        let is_bert = index.class_of("text_encoder") == Some("BertModel");

        let configs = Configs {
            unet: json(source, "unet/config.json", UNet2DConditionConfig::from_json).await?,
            vae: json(source, "vae/config.json", AutoencoderConfig::from_json).await?,
            text: match is_bert {
                true => {
                    let path = "text_encoder/config.json";
                    let config = json(source, path, BertConfig::from_json).await?;
                    let path = "tokenizer/tokenizer_config.json";
                    let read = |text: &str| serde_json::from_str(text);
                    let TokenizerConfig { model_max_length } = json(source, path, read).await?;
                    let most = model_max_length.clamp(2, config.max_position_embeddings.max(2));
                    TextConfig::Bert(config, most)
                }
                false => {
                    let path = "text_encoder/config.json";
                    TextConfig::Clip(json(source, path, CLIPTextConfig::from_json).await?)
                }
            },
            scheduler: json(
                source,
                "scheduler/scheduler_config.json",
                SchedulerConfig::from_json,
            )
            .await?,
        };
        configs.side()?;
        let tokenizer = match is_bert {
            true => {
                let path = "tokenizer/tokenizer.json";
                AnyTokenizer::Bert(json(source, path, Tokenizer::from_json).await?)
            }
            false => AnyTokenizer::Clip(Box::new(clip_tokenizer(source).await?)),
        };

        let mut progress = Progress::new(&mut progress);
        // What adapters are trained on stands on the autodiff side, where their gradients pass through it. Its
        // own weights are not tracked.
        let train = device.clone().autodiff();
        let kept = match is_bert {
            true => Precision::F32,
            false => STUDIO,
        };
        let mut load = async |folder: &'static str, device: &Device| {
            loading::folder(source, folder, device, kept, &mut progress).await
        };
        let unet = load("unet", &train).await?;
        let vae = load("vae", device).await?;
        let text = load("text_encoder", if is_bert { device } else { &train }).await?;
        let name = name(&index, source, is_bert);
        Self::assemble(name, configs, tokenizer, [unet, vae, text])
    }

    /// Loads the single-file checkpoint (LDM's layout, as A1111 and ComfyUI have it) at `path` of `source`.
    /// `merges` is CLIP's merges.txt, which such files come without.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn load_checkpoint(
        source: &impl Source,
        path: &str,
        merges: &str,
        device: &Device,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Self, EngineError> {
        let tokenizer = ClipTokenizer::from_merges(merges)?;
        let train = device.clone().autodiff();
        let mut progress = Progress::new(&mut progress);
        let file =
            loading::single_file(source, path, [&train, device], STUDIO, &mut progress).await?;
        let checkpoint = file.checkpoint;
        let config = |part| checkpoint.config(part).to_string();
        let refused = |error| model(path, error);
        let unet = config(Part::Unet);
        let configs = Configs {
            unet: UNet2DConditionConfig::from_json(&unet).map_err(refused)?,
            vae: AutoencoderConfig::from_json(&config(Part::Vae)).map_err(refused)?,
            text: TextConfig::Clip(
                CLIPTextConfig::from_json(&config(Part::TextEncoder)).map_err(refused)?,
            ),
            scheduler: SchedulerConfig::from_json(&checkpoint.scheduler_config().to_string())?,
        };
        configs.side()?;
        let tokenizer = AnyTokenizer::Clip(Box::new(tokenizer.pad_with(checkpoint.pad_token())?));
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let name = name.strip_suffix(".safetensors").unwrap_or(name).to_owned();
        let parts = [file.unet, file.vae, file.text_encoder];
        Self::assemble(name, configs, tokenizer, parts)
    }

    fn assemble(
        name: String,
        configs: Configs,
        tokenizer: AnyTokenizer,
        [unet, vae, text]: [Loaded; 3],
    ) -> Result<Self, EngineError> {
        let side = configs.side()?;
        let (embedding, max_tokens) = (configs.text.width(), configs.text.max_tokens());
        let [unet_hash, vae_hash, text_hash] = [unet.hash, vae.hash, text.hash].map(Hash::finish);
        let (tensors, parameters) = (unet.tensors, unet.parameters);
        let unet = UNet2DConditionModel::load(configs.unet, tensors)
            .map_err(|error| model("unet", error))?;
        let vae =
            Autoencoder::load(configs.vae, vae.tensors).map_err(|error| model("vae", error))?;
        let refused = |error| model("text_encoder", error);
        let text = match (configs.text, tokenizer) {
            (TextConfig::Bert(config, _), AnyTokenizer::Bert(tokenizer)) => Text::Bert(
                BertModel::load(config, text.tensors).map_err(refused)?,
                tokenizer,
            ),
            (TextConfig::Clip(config), AnyTokenizer::Clip(tokenizer)) => Text::Clip(
                CLIPTextModel::load(config, text.tensors).map_err(refused)?,
                tokenizer,
            ),
            _ => return Err(unusable("tokenizer", "It is another text encoder's.")),
        };
        Ok(Self {
            name,
            unet,
            vae,
            text,
            max_tokens,
            embedding,
            schedule: NoiseSchedule::new(&configs.scheduler)?,
            parameters,
            identity: format!("{unet_hash} {vae_hash} {text_hash}"),
            hash: unet_hash,
            side,
        })
    }

    /// Shape of one picture's latents: channels, height, width.
    pub fn latents(&self) -> [usize; 3] {
        let config = self.unet.config();
        [config.in_channels, self.side, self.side]
    }

    /// Side of the pictures, in pixels.
    pub fn resolution(&self) -> usize {
        self.side * self.vae.pixels_per_latent()
    }

    /// Sides of pictures, in pixels, are multiples of this: what the UNet can halve as often as it does.
    pub(crate) fn pixel_step(&self) -> usize {
        self.vae.pixels_per_latent() << self.unet.config().downsamplings()
    }

    /// Makes pictures of another size than the model was made for.
    ///
    /// # Errors
    /// A side that the UNet cannot halve as often as it does, or a picture beyond what is made.
    pub fn set_resolution(&mut self, pixels: usize) -> Result<(), EngineError> {
        let latent = self.vae.pixels_per_latent();
        let least = self.pixel_step();
        if pixels == 0 || !pixels.is_multiple_of(least) || pixels > MOST_LATENTS * latent {
            return Err(EngineError::Size {
                least,
                most: MOST_LATENTS * latent,
                found: pixels,
            });
        }
        self.side = pixels / latent;
        Ok(())
    }

    /// What adapters can change.
    pub fn parts(&self) -> Parts<'_> {
        Parts {
            unet: &self.unet,
            text_encoder: match &self.text {
                Text::Bert(..) => None,
                Text::Clip(clip, _) => Some(clip),
            },
        }
    }

    /// Whether the UNet is told the scale of guidance, in place of being asked twice (latent consistency models).
    pub fn is_told_guidance(&self) -> bool {
        self.unet.config().time_cond_proj_dim.is_some()
    }

    /// What it is like to work with. Models distilled to few steps say so in their names and nowhere else.
    pub fn kind(&self) -> ModelKind {
        let name = self.name.to_lowercase();
        match &self.text {
            Text::Bert(..) => ModelKind::Sketch,
            Text::Clip(..) if self.is_told_guidance() => ModelKind::Lcm,
            Text::Clip(..) if name.contains("turbo") => ModelKind::Turbo,
            Text::Clip(..) => ModelKind::StableDiffusion,
        }
    }

    /// What an adapter for it says that it is for.
    pub fn base(&self) -> Base {
        match (&self.text, self.embedding) {
            (Text::Bert(..), _) => Base::Sketch,
            (Text::Clip(..), 768) => Base::StableDiffusion1,
            (Text::Clip(..), 1024) => Base::StableDiffusion2,
            (Text::Clip(..), _) => Base::Other,
        }
    }
}

enum AnyTokenizer {
    Bert(Tokenizer),
    Clip(Box<ClipTokenizer>),
}

impl TextConfig {
    fn width(&self) -> usize {
        match self {
            Self::Bert(config, _) => config.hidden_size,
            Self::Clip(config) => config.hidden_size,
        }
    }

    fn max_tokens(&self) -> usize {
        match self {
            Self::Bert(_, most) => *most,
            Self::Clip(_) => LENGTH,
        }
    }
}

impl Configs {
    /// Side of the latents, and whether the parts belong together.
    fn side(&self) -> Result<usize, EngineError> {
        let path = "unet/config.json";
        let side = match &self.unet.sample_size {
            Some(PerBlock::Same(side)) => *side,
            Some(PerBlock::Each(sides)) if sides.len() == 2 && sides[0] == sides[1] => sides[0],
            _ => 0,
        };
        if !(1..=MOST_LATENTS).contains(&side) {
            return Err(unusable(
                path,
                "It does not say which size of square pictures the model makes (sample_size). \
                 Choose another model.",
            ));
        }
        let (takes, gives) = (self.unet.in_channels, self.vae.latent_channels());
        if takes != gives || self.unet.out_channels != gives {
            return Err(unusable(
                path,
                &format!(
                    "The UNet takes {takes} channels and the autoencoder gives {gives}: models made \
                     for inpainting, depth or editing are not run here. Choose the one they were made of."
                ),
            ));
        }
        let (takes, gives) = (self.unet.cross_attention_dim, self.text.width());
        if takes != gives {
            return Err(unusable(
                path,
                &format!(
                    "The UNet was made for text embeddings of width {takes}, and the text encoder \
                     gives {gives}. Choose a model whose parts belong together."
                ),
            ));
        }
        if let TextConfig::Clip(config) = &self.text
            && config.max_position_embeddings < LENGTH
        {
            return Err(unusable(
                "text_encoder/config.json",
                "It reads fewer than 77 tokens. Choose another model.",
            ));
        }
        Ok(side)
    }
}

fn unusable(path: &str, reason: &str) -> EngineError {
    EngineError::Config {
        path: path.into(),
        reason: reason.into(),
    }
}

fn check_class(
    index: &ModelIndex,
    part: &'static str,
    expected: &'static str,
    others: &[&str],
) -> Result<(), EngineError> {
    let class = index.class_of(part).unwrap_or("part that is missing");
    if class == expected || others.contains(&class) {
        return Ok(());
    }
    Err(EngineError::Class {
        part,
        class: class.into(),
        expected,
    })
}

/// The model's name: its own, that of where it was published, or the folder's.
fn name(index: &ModelIndex, source: &impl Source, is_sketch: bool) -> String {
    let option = |name: &str| index.options.get(name)?.as_str();
    let own = option("name").or_else(|| option("_name_or_path")?.rsplit('/').next());
    match own {
        Some(own) if !own.is_empty() => own.to_owned(),
        _ if is_sketch => "Sketch".to_owned(),
        _ => source.name(),
    }
}

/// CLIP's tokenizer as a folder has it: in two files as it was published, or in the one that transformers writes.
async fn clip_tokenizer(source: &impl Source) -> Result<ClipTokenizer, EngineError> {
    let files = source.files("tokenizer").await?;
    let has = |name: &str| match &files {
        Some(files) => files.iter().any(|file| file == name),
        // Published folders have these.
        None => name != "tokenizer.json",
    };
    let mut tokenizer = if has("vocab.json") && has("merges.txt") {
        let vocab = text(source, "tokenizer/vocab.json").await?;
        let merges = text(source, "tokenizer/merges.txt").await?;
        ClipTokenizer::from_files(&vocab, &merges)?
    } else {
        let path = "tokenizer/tokenizer.json";
        json(source, path, ClipTokenizer::from_json).await?
    };
    // Which token fills up, later files first, as transformers reads them: a file that lists its added tokens says all.
    let mut listed = false;
    if has("tokenizer_config.json") {
        let config = text(source, "tokenizer/tokenizer_config.json").await?;
        tokenizer = tokenizer.configured(&config)?;
        listed = config.contains("\"added_tokens_decoder\"");
    }
    if has("special_tokens_map.json") && !listed {
        let config = text(source, "tokenizer/special_tokens_map.json").await?;
        tokenizer = tokenizer.configured(&config)?;
    }
    Ok(tokenizer)
}

async fn text(source: &impl Source, path: &str) -> Result<String, EngineError> {
    let bytes = source.read(path, JSON_LIMIT).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

async fn json<T, E: std::fmt::Display>(
    source: &impl Source,
    path: &str,
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<T, EngineError> {
    let text = text(source, path).await?;
    read(&text).map_err(|error| unusable(path, &error.to_string()))
}
