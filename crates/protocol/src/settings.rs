use serde::{Deserialize, Serialize};

/// How an adapter is trained. [`Preset::settings`] has the values to start from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingSettings {
    /// Words put after every caption. Prompts get them too while the adapter is in use, so that they
    /// call the hand without being typed.
    pub trigger: String,
    /// Optimizer steps.
    pub steps: u32,
    /// Pictures that are looked at together.
    pub batch_size: u32,
    /// Rank of the adapter's factors.
    pub rank: u32,
    /// Scale of the adapter is `alpha / rank`.
    pub alpha: f32,
    /// Peak learning rate of AdamW, reached after the warm-up and brought down along a cosine.
    pub learning_rate: f32,
    /// That of the text encoder's own factors, for models of Stable Diffusion; 0 leaves the text encoder as it is.
    #[serde(default)]
    pub text_encoder_learning_rate: f32,
    /// Share of captions left out (between 0 and 1), so that the hand is learned without words too.
    pub caption_dropout: f32,
    /// Gamma of min-SNR weighting (Hang et al. 2023), or 0 for none.
    pub min_snr_gamma: f32,
    /// Adapt the convolutions too (LoCon), not the transformers alone.
    #[serde(default = "yes")]
    pub convolutions: bool,
    /// Compute the network twice a step, piece by piece, instead of keeping what lies within it: a third
    /// more time, and much less of the graphics card's memory.
    #[serde(default)]
    pub block_checkpointing: bool,
    /// So many batches are looked at before each correction, which their gradients make together.
    #[serde(default = "one")]
    pub accumulate: u32,
    /// Train on works in about the shape that they have instead of a square of them, for models of Stable Diffusion.
    /// Works of several shapes take longer: see `Trainer`.
    #[serde(default)]
    pub aspect_buckets: bool,
    /// So many pictures the model draws itself first, after the captions without the trigger, and every other step is
    /// about one of them: what the trigger does not call stays as it was. 0 for none.
    #[serde(default)]
    pub prior_pictures: u32,
    /// Also train on mirrored works. Off where left and right matter (lettering).
    pub flip: bool,
    /// Every how many steps previews are made; 0 for none.
    pub preview_every: u32,
    /// What the previews show, without the trigger.
    pub preview_prompts: Vec<String>,
    pub seed: u64,
    /// Colour behind works with transparency, RGB.
    pub background: [u8; 3],
}

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}

/// What a model is like to work with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// The one that comes with the page, and its like.
    #[default]
    Sketch,
    /// Stable Diffusion 1.x and 2.x, and what was made of them.
    StableDiffusion,
    /// One of those that was distilled to draw in a few steps, without guidance.
    Turbo,
    /// A latent consistency model.
    Lcm,
}

impl ModelKind {
    /// `settings` with the steps, guidance and sampler that such models' makers name. For Sketch guidance leads away from the
    /// base, at the strength that does best there (docs/STYLEBENCH.md); the others draw as other tools do.
    pub fn sampling(self, settings: SampleSettings) -> SampleSettings {
        let (steps, guidance_scale, sampler) = match self {
            ModelKind::Sketch => (20, 4.0, SamplerKind::DpmPlusPlus2M),
            ModelKind::StableDiffusion => (25, 7.5, SamplerKind::DpmPlusPlus2MKarras),
            ModelKind::Turbo => (2, 1.0, SamplerKind::Euler),
            ModelKind::Lcm => (4, 8.0, SamplerKind::Lcm),
        };
        let guide_from_base = self == ModelKind::Sketch;
        SampleSettings {
            steps,
            guidance_scale,
            sampler,
            strength: if guide_from_base { 0.7 } else { 1.0 },
            guide_from_base,
            ..settings
        }
    }
}

/// What works have in common, and so what an adapter learns of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Learns {
    /// How things are drawn, whatever they are.
    #[default]
    Style,
    /// Someone or something that is in each of them.
    Subject,
}

/// What the presets suit their values to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lesson {
    /// Pictures to learn from; 0 where that is not known yet.
    pub works: usize,
    pub learns: Learns,
}

/// How often in a run the validation loss is looked at, apart from before and with previews.
const VALIDATIONS: u32 = 10;

impl TrainingSettings {
    /// Whether previews are made after `step`: every so many steps, and at the end.
    pub fn previews_after(&self, step: u32) -> bool {
        let every = self.preview_every;
        every > 0 && (step.is_multiple_of(every) || step == self.steps)
    }

    /// Settings that take less of the graphics card's memory for nearly the same result, the next rung of a ladder: the
    /// network in pieces, then fewer works at a time and more times a step, then a smaller adapter. None at its end.
    pub fn lighter(&self) -> Option<Self> {
        let lighter = self.clone();
        Some(match self {
            Self {
                block_checkpointing: false,
                ..
            } => Self {
                block_checkpointing: true,
                ..lighter
            },
            Self {
                batch_size: 2.., ..
            } => Self {
                batch_size: self.batch_size.div_ceil(2),
                accumulate: self.accumulate.saturating_mul(2),
                ..lighter
            },
            Self { rank: 5.., .. } => Self {
                rank: self.rank / 2,
                alpha: self.alpha / 2.0,
                ..lighter
            },
            _ => return None,
        })
    }

    /// Whether the validation loss is looked at after `step`: ten times a run, and with each preview.
    pub fn validates_after(&self, step: u32) -> bool {
        let every = (self.steps / VALIDATIONS).max(1);
        step.is_multiple_of(every) || step == self.steps || self.previews_after(step)
    }
}

/// From so many works of a hand on the presets' own steps hold.
const USUAL_WORKS: f32 = 20.0;
/// Pictures that a model of Stable Diffusion draws itself before it learns a subject.
const PRIOR_PICTURES: u32 = 10;

/// The three choices on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    Quick,
    Balanced,
    Thorough,
}

impl Preset {
    pub const ALL: [Preset; 3] = [Preset::Quick, Preset::Balanced, Preset::Thorough];

    /// Settings of the preset for a kind of model, with no trigger, no preview prompts and seed 0.
    pub fn settings_for(self, kind: ModelKind) -> TrainingSettings {
        let is_sketch = kind == ModelKind::Sketch;
        let (steps, rank) = match (self, is_sketch) {
            (Preset::Quick, true) => (100, 8),
            (Preset::Balanced, true) => (300, 16),
            (Preset::Thorough, true) => (600, 16),
            (Preset::Quick, false) => (300, 8),
            (Preset::Balanced, false) => (800, 16),
            (Preset::Thorough, false) => (2000, 16),
        };
        // Sketch's by measurement (docs/STYLEBENCH.md): min-SNR takes nearly all weight from the noisy
        // steps at which a schedule of zero terminal SNR decides on ground and colours, and lines are
        // drawn by convolutions. Stable Diffusion's as its trainers have them: one picture of 512 is
        // what a laptop's memory holds.
        let (batch_size, learning_rate, min_snr_gamma) = match is_sketch {
            true => (4, 1e-3, 0.0),
            false => (1, 1e-4, 5.0),
        };
        TrainingSettings {
            trigger: String::new(),
            steps,
            batch_size,
            rank,
            alpha: rank as f32,
            learning_rate,
            text_encoder_learning_rate: 0.0,
            caption_dropout: 0.1,
            min_snr_gamma,
            convolutions: is_sketch,
            block_checkpointing: !is_sketch,
            accumulate: 1,
            aspect_buckets: false,
            prior_pictures: 0,
            flip: true,
            preview_every: (steps / 5).max(1),
            preview_prompts: Vec::new(),
            seed: 0,
            background: [255, 255, 255],
        }
    }

    /// As [`settings_for`](Self::settings_for), suited to what is to be learned (docs/STYLEBENCH.md).
    ///
    /// Few works of a hand take fewer steps: six are learned in a third of those that twenty take, and begin to be copied
    /// after. Forty are learned better than twenty in as many. A subject takes all of them, however few its works are.
    pub fn suited(self, kind: ModelKind, lesson: Lesson) -> TrainingSettings {
        let usual = self.settings_for(kind);
        match lesson.learns {
            Learns::Style => {
                let share = match lesson.works {
                    0 => 1.0,
                    works => (works as f32 / USUAL_WORKS).clamp(0.3, 1.0),
                };
                let steps = (usual.steps as f32 * share / 10.0).round() as u32 * 10;
                TrainingSettings {
                    steps,
                    preview_every: (steps / 5).max(1),
                    ..usual
                }
            }
            Learns::Subject => TrainingSettings {
                caption_dropout: 0.0,
                prior_pictures: match kind {
                    ModelKind::Sketch => 0,
                    _ => PRIOR_PICTURES,
                },
                ..usual
            },
        }
    }

    /// As [`settings_for`](Self::settings_for) Sketch.
    pub fn settings(self) -> TrainingSettings {
        self.settings_for(ModelKind::Sketch)
    }
}

/// The samplers, named as the field names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SamplerKind {
    Ddim,
    Euler,
    EulerAncestral,
    Heun,
    HeunKarras,
    #[default]
    #[serde(rename = "dpmpp_2m")]
    DpmPlusPlus2M,
    #[serde(rename = "dpmpp_2m_karras")]
    DpmPlusPlus2MKarras,
    #[serde(rename = "dpmpp_sde")]
    DpmPlusPlusSde,
    #[serde(rename = "dpmpp_sde_karras")]
    DpmPlusPlusSdeKarras,
    #[serde(rename = "unipc")]
    UniPc,
    #[serde(rename = "unipc_karras")]
    UniPcKarras,
    Lcm,
}

impl SamplerKind {
    pub const ALL: [SamplerKind; 12] = [
        SamplerKind::Ddim,
        SamplerKind::Euler,
        SamplerKind::EulerAncestral,
        SamplerKind::Heun,
        SamplerKind::HeunKarras,
        SamplerKind::DpmPlusPlus2M,
        SamplerKind::DpmPlusPlus2MKarras,
        SamplerKind::DpmPlusPlusSde,
        SamplerKind::DpmPlusPlusSdeKarras,
        SamplerKind::UniPc,
        SamplerKind::UniPcKarras,
        SamplerKind::Lcm,
    ];

    /// Its usual name, as other tools write it.
    pub fn label(self) -> &'static str {
        match self {
            SamplerKind::Ddim => "DDIM",
            SamplerKind::Euler => "Euler",
            SamplerKind::EulerAncestral => "Euler a",
            SamplerKind::Heun => "Heun",
            SamplerKind::HeunKarras => "Heun Karras",
            SamplerKind::DpmPlusPlus2M => "DPM++ 2M",
            SamplerKind::DpmPlusPlus2MKarras => "DPM++ 2M Karras",
            SamplerKind::DpmPlusPlusSde => "DPM++ SDE",
            SamplerKind::DpmPlusPlusSdeKarras => "DPM++ SDE Karras",
            SamplerKind::UniPc => "UniPC",
            SamplerKind::UniPcKarras => "UniPC Karras",
            SamplerKind::Lcm => "LCM",
        }
    }
}

/// How a picture is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleSettings {
    pub prompt: String,
    pub negative_prompt: String,
    pub seed: u64,
    pub steps: u32,
    /// Classifier-free guidance (Ho and Salimans 2022); 1 turns it off.
    pub guidance_scale: f32,
    pub sampler: SamplerKind,
    /// How much of the adapter is used: 0 none, 1 as trained. Without an adapter it is not looked at.
    pub strength: f32,
    /// Whether guidance leads away from what the base draws without a prompt, and not from what the adapter does: away from
    /// the base's look as well as towards the prompt, so that strengths below 1 suffice. Without guidance or an adapter
    /// it is not looked at. Other tools have the adapter in both predictions, and so had pictures that do not say it.
    #[serde(default)]
    pub guide_from_base: bool,
    /// Also make the base's picture with the same seed.
    pub compare: bool,
    /// Seed of a second noise, mixed into that of `seed`.
    #[serde(default)]
    pub variation_seed: u64,
    /// How much of the second noise (between 0 and 1): 0 none, so a picture close by for small
    /// values. The two are mixed on the sphere (slerp; Shoemake 1985), which keeps their variance.
    #[serde(default)]
    pub variation_strength: f32,
    /// How much of the picture to start from is made anew (SDEdit, Meng et al. 2022; elsewhere
    /// "denoising strength"): near 0 it stays as it is, 1 keeps nothing. Without such a picture it
    /// is not looked at.
    #[serde(default = "half")]
    pub image_strength: f32,
    /// Where the noise comes from.
    #[serde(default)]
    pub generator: NoiseGenerator,
    /// Layers left out at the end of Stable Diffusion's text encoder: 0 none. Tools that count from 1 have one more.
    #[serde(default)]
    pub clip_skip: u32,
}

/// What makes a seed's noise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoiseGenerator {
    /// Atelier's own, a stream a step.
    #[default]
    Own,
    /// That of `torch.Generator("cpu")`, from which diffusers' pipelines draw: a seed's picture is theirs.
    Torch,
}

fn half() -> f32 {
    0.5
}

impl Default for SampleSettings {
    /// For Sketch.
    fn default() -> Self {
        Self {
            prompt: String::new(),
            negative_prompt: String::new(),
            seed: 0,
            steps: 20,
            guidance_scale: 4.0,
            sampler: SamplerKind::default(),
            strength: 0.7,
            guide_from_base: true,
            compare: true,
            variation_seed: 0,
            variation_strength: 0.0,
            image_strength: half(),
            generator: NoiseGenerator::default(),
            clip_skip: 0,
        }
    }
}

/// Longest prompt or caption that is looked at, in characters. The text encoder reads far less; a
/// longer one is cut and the answer says so.
pub const MAX_PROMPT_CHARS: usize = 2_000;
