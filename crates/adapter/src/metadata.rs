//! What an adapter's file says of itself: the strings that other tools read, and
//! which of them the artist gives away.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Facts about an adapter. Everything but the title may be missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    pub title: String,
    /// The family of models that it was made for.
    pub base: Base,
    /// The words that call the hand.
    pub trigger: Option<String>,
    /// Side of the square works, in pixels.
    pub resolution: Option<u32>,
    /// How many works it was trained on.
    pub works: Option<u32>,
    /// Optimizer steps.
    pub steps: Option<u32>,
    pub learning_rate: Option<f32>,
    /// For example "AdamW".
    pub optimizer: Option<String>,
    /// "epsilon" or "v".
    pub prediction_type: Option<String>,
    pub usage_hint: Option<String>,
    pub author: Option<String>,
    pub license: Option<String>,
    /// A small picture, as a `data:image/...` URL.
    pub thumbnail: Option<String>,
    /// The works' captions. Written only if `share.captions`.
    pub captions: Vec<String>,
    /// The works' file names. Written only if `share.file_names`.
    pub file_names: Vec<String>,
    pub share: Share,
}

/// The families that files name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Base {
    /// Atelier's own small model.
    #[default]
    Sketch,
    StableDiffusion1,
    StableDiffusion2,
    /// Read from a file, and none of these.
    Other,
}

/// What of the works goes into the file. The default keeps the trigger, without which an adapter is
/// of little use, and gives away nothing the artist wrote or named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub trigger: bool,
    pub captions: bool,
    pub file_names: bool,
}

impl Default for Share {
    fn default() -> Self {
        Share {
            trigger: true,
            captions: false,
            file_names: false,
        }
    }
}

impl Base {
    const ALL: [Base; 3] = [Base::Sketch, Base::StableDiffusion1, Base::StableDiffusion2];

    /// `ss_base_model_version` and `modelspec.architecture`.
    fn names(self) -> Option<(&'static str, &'static str)> {
        match self {
            Base::Sketch => Some(("atelier_sketch", "atelier-sketch/lora")),
            Base::StableDiffusion1 => Some(("sd_v1", "stable-diffusion-v1/lora")),
            Base::StableDiffusion2 => Some(("sd_v2", "stable-diffusion-v2-512/lora")),
            Base::Other => None,
        }
    }
}

/// Keys that are both written and read.
mod key {
    pub const TITLE: &str = "modelspec.title";
    pub const OUTPUT_NAME: &str = "ss_output_name";
    pub const BASE: &str = "ss_base_model_version";
    pub const ARCHITECTURE: &str = "modelspec.architecture";
    pub const TRIGGER: &str = "modelspec.trigger_phrase";
    pub const RESOLUTION: &str = "modelspec.resolution";
    pub const WORKS: &str = "ss_num_train_images";
    pub const STEPS: &str = "ss_steps";
    pub const LEARNING_RATE: &str = "ss_learning_rate";
    pub const OPTIMIZER: &str = "ss_optimizer";
    pub const PREDICTION: &str = "modelspec.prediction_type";
    pub const HINT: &str = "modelspec.usage_hint";
    pub const AUTHOR: &str = "modelspec.author";
    pub const LICENSE: &str = "modelspec.license";
    pub const THUMBNAIL: &str = "modelspec.thumbnail";
    pub const TAGS: &str = "ss_tag_frequency";
    pub const FILE_NAMES: &str = "atelier.file_names";
}

impl Metadata {
    /// The strings for the file. Rank and alpha are not among them:
    /// [`AdapterFile::write`](crate::file::AdapterFile::write) knows those.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let mut map = BTreeMap::new();
        let mut put = |key: &str, value: Option<String>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                map.insert(key.to_owned(), value);
            }
        };
        put("modelspec.sai_model_spec", Some("1.0.1".into()));
        put("modelspec.implementation", Some("diffusers".into()));
        put(
            "ss_v2",
            Some(
                if self.base == Base::StableDiffusion2 {
                    "True"
                } else {
                    "False"
                }
                .into(),
            ),
        );
        if let Some((version, architecture)) = self.base.names() {
            put(key::BASE, Some(version.into()));
            put(key::ARCHITECTURE, Some(architecture.into()));
        }
        put(key::TITLE, Some(self.title.clone()));
        put(key::OUTPUT_NAME, Some(self.title.clone()));
        put(
            key::TRIGGER,
            self.trigger.clone().filter(|_| self.share.trigger),
        );
        put(
            key::RESOLUTION,
            self.resolution.map(|side| format!("{side}x{side}")),
        );
        put(
            "ss_resolution",
            self.resolution.map(|side| format!("({side}, {side})")),
        );
        put(key::WORKS, self.works.map(|n| n.to_string()));
        put(key::STEPS, self.steps.map(|n| n.to_string()));
        put(
            key::LEARNING_RATE,
            self.learning_rate.map(|rate| rate.to_string()),
        );
        put(key::OPTIMIZER, self.optimizer.clone());
        put(key::PREDICTION, self.prediction_type.clone());
        put(key::HINT, self.usage_hint.clone());
        put(key::AUTHOR, self.author.clone());
        put(key::LICENSE, self.license.clone());
        put(key::THUMBNAIL, self.thumbnail.clone());
        if self.share.captions && !self.captions.is_empty() {
            put(key::TAGS, Some(tag_frequency(&self.captions)));
        }
        if self.share.file_names && !self.file_names.is_empty() {
            put(
                key::FILE_NAMES,
                Some(Value::from(self.file_names.clone()).to_string()),
            );
        }
        map
    }

    /// What a file says, of any tool's making, made fit to be shown: control characters are left
    /// out, long texts cut, a thumbnail that is not a picture in a data URL (an address would be
    /// asked for it) left out. Captions and file names are not read, so that saving again does not
    /// hand on what another tool leaked.
    pub fn from_map(map: &BTreeMap<String, String>) -> Metadata {
        let text = |key: &str| {
            map.get(key)
                .map(|value| clean(value))
                .filter(|v| !v.is_empty())
        };
        let number = |key: &str| text(key).and_then(|value| value.parse::<u32>().ok());
        let version = text(key::BASE);
        let base = Base::ALL
            .into_iter()
            .find(|base| base.names().map(|names| names.0) == version.as_deref())
            .unwrap_or(Base::Other);
        Metadata {
            title: text(key::TITLE)
                .or_else(|| text(key::OUTPUT_NAME))
                .unwrap_or_default(),
            base,
            trigger: text(key::TRIGGER),
            // Of "512x512" (or kohya's "512x768") the first.
            resolution: text(key::RESOLUTION)
                .and_then(|size| size.split('x').next()?.trim().parse().ok()),
            works: number(key::WORKS),
            steps: number(key::STEPS),
            learning_rate: text(key::LEARNING_RATE)
                .and_then(|rate| rate.parse().ok())
                .filter(|rate: &f32| rate.is_finite()),
            optimizer: text(key::OPTIMIZER),
            prediction_type: text(key::PREDICTION),
            usage_hint: text(key::HINT),
            author: text(key::AUTHOR),
            license: text(key::LICENSE),
            thumbnail: map
                .get(key::THUMBNAIL)
                .filter(|url| is_picture(url))
                .cloned(),
            ..Metadata::default()
        }
    }
}

/// Longest text taken from a file, in characters.
const LONGEST: usize = 2_000;
/// Longest thumbnail taken from a file, in bytes.
const LONGEST_THUMBNAIL: usize = 512 << 10;

fn clean(text: &str) -> String {
    text.trim()
        .chars()
        .filter(|&c| !c.is_control() || c == '\n')
        .take(LONGEST)
        .collect()
}

fn is_picture(url: &str) -> bool {
    let data = ["png", "jpeg", "webp"].iter().find_map(|kind| {
        url.strip_prefix("data:image/")?
            .strip_prefix(kind)?
            .strip_prefix(";base64,")
    });
    url.len() <= LONGEST_THUMBNAIL
        && data.is_some_and(|data| {
            data.bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
        })
}

/// Captions as kohya's trainer counts them: by folder, how often each comes.
fn tag_frequency(captions: &[String]) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for caption in captions {
        *counts.entry(caption).or_default() += 1;
    }
    let counts: Map<String, Value> = counts
        .into_iter()
        .map(|(caption, count)| (caption.to_owned(), count.into()))
        .collect();
    serde_json::json!({ "works": counts }).to_string()
}

/// Alphas of files that diffusers wrote with PEFT's configuration in the metadata instead of
/// tensors (`lora_adapter_metadata`, diffusers 0.34 and later).
pub(crate) struct PeftAlphas(Map<String, Value>);

impl PeftAlphas {
    pub fn of(metadata: &BTreeMap<String, String>) -> Self {
        let parsed = metadata
            .get("lora_adapter_metadata")
            .and_then(|json| serde_json::from_str(json).ok());
        PeftAlphas(parsed.unwrap_or_default())
    }

    /// A module's alpha: that of the longest matching name in `alpha_pattern`, else `lora_alpha`.
    /// (PEFT takes the patterns for regular expressions; names, which is what tools write, are
    /// understood here.)
    pub fn alpha(&self, path: &str) -> Option<f32> {
        let (folder, module) = path.split_once('.')?;
        let pattern = self
            .0
            .get(&format!("{folder}.alpha_pattern"))
            .and_then(Value::as_object)
            .and_then(|patterns| {
                patterns
                    .iter()
                    .filter(|(name, _)| {
                        module
                            .strip_suffix(name.as_str())
                            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
                    })
                    .max_by_key(|(name, _)| name.len())
            })
            .map(|(_, alpha)| alpha);
        pattern
            .or_else(|| self.0.get(&format!("{folder}.lora_alpha")))
            .and_then(Value::as_f64)
            .map(|alpha| alpha as f32)
            .filter(|alpha| alpha.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Metadata {
        Metadata {
            title: "Hand".into(),
            base: Base::StableDiffusion1,
            trigger: Some("in the hand of g".into()),
            resolution: Some(512),
            works: Some(20),
            steps: Some(300),
            learning_rate: Some(1e-3),
            optimizer: Some("AdamW".into()),
            thumbnail: Some("data:image/png;base64,AAAA".into()),
            captions: vec!["my cat Mia".into(), "my cat Mia".into()],
            file_names: vec!["/home/g/mia.png".into()],
            ..Metadata::default()
        }
    }

    #[test]
    fn the_default_keeps_the_trigger_and_drops_captions_and_names() {
        let map = full().to_map();
        assert_eq!(map["modelspec.trigger_phrase"], "in the hand of g");
        assert_eq!(map["ss_resolution"], "(512, 512)");
        assert_eq!(map["ss_base_model_version"], "sd_v1");
        assert!(
            map.values()
                .all(|v| !v.contains("Mia") && !v.contains("/home")),
            "{map:?}"
        );

        let mut shared = full();
        shared.share = Share {
            trigger: false,
            captions: true,
            file_names: true,
        };
        let map = shared.to_map();
        assert!(!map.contains_key("modelspec.trigger_phrase"));
        assert_eq!(map["ss_tag_frequency"], r#"{"works":{"my cat Mia":2}}"#);
        assert!(map.contains_key("atelier.file_names"));
    }

    #[test]
    fn comes_back_without_what_is_private() {
        let expected = Metadata {
            captions: vec![],
            file_names: vec![],
            ..full()
        };
        assert_eq!(Metadata::from_map(&full().to_map()), expected);
        let sketch = Metadata::default();
        assert_eq!(Metadata::from_map(&sketch.to_map()), sketch);
        assert_eq!(Metadata::from_map(&BTreeMap::new()).base, Base::Other);
    }

    #[test]
    fn a_foreign_file_cannot_make_the_page_ask_for_an_address() {
        for url in [
            "https://x/y.png",
            "data:text/html;base64,AA",
            "data:image/png;base64,\"onload=",
            "data:image/svg+xml;base64,AA",
        ] {
            let map = BTreeMap::from([("modelspec.thumbnail".to_owned(), url.to_owned())]);
            assert_eq!(Metadata::from_map(&map).thumbnail, None, "{url}");
        }
        let map = BTreeMap::from([(
            "modelspec.title".to_owned(),
            format!("a\u{7}{}", "b".repeat(9999)),
        )]);
        assert_eq!(Metadata::from_map(&map).title.len(), LONGEST);
    }

    #[test]
    fn peft_alphas_are_found() {
        let json = r#"{"unet.lora_alpha": 8, "unet.alpha_pattern": {"attn1.to_q": 4, "to_q": 2}, "text_encoder.lora_alpha": "x"}"#;
        let alphas = PeftAlphas::of(&BTreeMap::from([(
            "lora_adapter_metadata".into(),
            json.into(),
        )]));
        assert_eq!(alphas.alpha("unet.a.attn1.to_q"), Some(4.0));
        assert_eq!(alphas.alpha("unet.a.attn2.to_q"), Some(2.0));
        assert_eq!(alphas.alpha("unet.a.attn2.not_to_q"), Some(8.0));
        assert_eq!(alphas.alpha("text_encoder.a"), None);
    }
}
