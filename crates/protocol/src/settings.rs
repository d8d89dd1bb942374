use serde::{Deserialize, Serialize};

/// How an adapter is trained. [`Preset::settings`] has the values to start from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingSettings {
    /// Words put after every caption. Prompts get them too while the adapter is in use, so that they
    /// call the hand without being typed.
    pub trigger: String,
    /// Optimizer steps.
    pub steps: u32,
    /// Pictures in a step.
    pub batch_size: u32,
    /// Rank of the adapter's factors.
    pub rank: u32,
    /// Scale of the adapter is `alpha / rank`.
    pub alpha: f32,
    /// Peak learning rate of AdamW, reached after the warm-up and brought down along a cosine.
    pub learning_rate: f32,
    /// Share of captions left out (between 0 and 1), so that the hand is learned without words too.
    pub caption_dropout: f32,
    /// Gamma of min-SNR weighting (Hang et al. 2023), or 0 for none.
    pub min_snr_gamma: f32,
    /// Adapt the convolutions too (LoCon), not the transformers alone.
    #[serde(default = "yes")]
    pub convolutions: bool,
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

fn yes() -> bool {
    true
}

/// How often in a run the validation loss is looked at, apart from before and with previews.
const VALIDATIONS: u32 = 10;

impl TrainingSettings {
    /// Whether previews are made after `step`: every so many steps, and at the end.
    pub fn previews_after(&self, step: u32) -> bool {
        let every = self.preview_every;
        every > 0 && (step.is_multiple_of(every) || step == self.steps)
    }

    /// Whether the validation loss is looked at after `step`: ten times a run, and with each preview.
    pub fn validates_after(&self, step: u32) -> bool {
        let every = (self.steps / VALIDATIONS).max(1);
        step.is_multiple_of(every) || step == self.steps || self.previews_after(step)
    }
}

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

    /// Settings of the preset, with no trigger, no preview prompts and seed 0.
    pub fn settings(self) -> TrainingSettings {
        let (steps, rank) = match self {
            Preset::Quick => (100, 8),
            Preset::Balanced => (300, 16),
            Preset::Thorough => (800, 16),
        };
        TrainingSettings {
            trigger: String::new(),
            steps,
            batch_size: 4,
            rank,
            alpha: rank as f32,
            learning_rate: 1e-3,
            caption_dropout: 0.1,
            // Both by measurement (docs/STYLEBENCH.md): min-SNR takes nearly all weight from the noisy
            // steps at which a schedule of zero terminal SNR decides on ground and colours, and lines
            // are drawn by convolutions.
            min_snr_gamma: 0.0,
            convolutions: true,
            flip: true,
            preview_every: (steps / 5).max(1),
            preview_prompts: Vec::new(),
            seed: 0,
            background: [255, 255, 255],
        }
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
    fn default() -> Self {
        Self {
            prompt: String::new(),
            negative_prompt: String::new(),
            seed: 0,
            steps: 20,
            guidance_scale: 4.0,
            sampler: SamplerKind::default(),
            strength: 1.0,
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
