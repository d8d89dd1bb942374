//! Recipes in PNG files.

use atelier_pictures::{Parameters, recipe};
use atelier_protocol::{SampleSettings, SamplerKind};
use serde::Deserialize;

use crate::{AdapterRef, Recipe};

/// Our own text in a PNG, as the engine writes it.
#[derive(Deserialize)]
struct Ours {
    version: u32,
    #[serde(default)]
    model: String,
    #[serde(default)]
    model_hash: String,
    settings: SampleSettings,
    #[serde(default)]
    adapter: Option<OursAdapter>,
    #[serde(default)]
    from_image: bool,
}

#[derive(Deserialize)]
struct OursAdapter {
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    trigger: Option<String>,
    #[serde(default)]
    hash: String,
}

/// The recipe a PNG file carries: ours, or else the `parameters` that A1111's web UI and others
/// write, as far as it can be used here. None where there is none, or the file is no PNG.
pub fn from_png(bytes: &[u8]) -> Option<Recipe> {
    let texts = recipe(bytes).ok()?;
    let read = texts.atelier.as_deref().and_then(ours);
    let read = read.or_else(|| texts.parameters.as_deref().and_then(a1111));
    read?.checked().ok()
}

fn ours(text: &str) -> Option<Recipe> {
    let ours: Ours = serde_json::from_str(text).ok()?;
    (ours.version == 1).then(|| Recipe {
        model: ours.model,
        model_hash: ours.model_hash.parse().ok(),
        side: None,
        settings: ours.settings,
        adapters: ours
            .adapter
            .map(|a| AdapterRef {
                title: a
                    .title
                    .filter(|t| !t.trim().is_empty())
                    .or(a.trigger)
                    .unwrap_or_default(),
                hash: a.hash.parse().ok(),
                address: None,
            })
            .into_iter()
            .collect(),
        from_image: ours.from_image,
    })
}

fn a1111(text: &str) -> Option<Recipe> {
    let read = Parameters::parse(text);
    // Words alone are any program's comment.
    read.steps?;
    let (prompt, called) = without_calls(&read.prompt);
    let start = SampleSettings::default();
    let strength = called.first().map_or(1.0, |call| call.1);
    let hash_of = |name: &str| {
        let found = read.lora_hashes.iter().find(|(n, _)| n == name);
        found.and_then(|(_, hash)| hash.parse().ok())
    };
    let named = called.iter().map(|(name, _)| AdapterRef {
        title: name.clone(),
        hash: hash_of(name),
        address: None,
    });
    Some(Recipe {
        model: read.model.clone().unwrap_or_default(),
        model_hash: None,
        side: read.size.map(|(width, _)| width),
        settings: SampleSettings {
            prompt,
            negative_prompt: read.negative_prompt.clone(),
            seed: read.seed.unwrap_or(start.seed),
            steps: read.steps.unwrap_or(start.steps).clamp(1, 150),
            guidance_scale: read.guidance_scale.unwrap_or(start.guidance_scale),
            sampler: read
                .sampler
                .as_deref()
                .map_or(start.sampler, sampler_called),
            strength,
            // No other tool does.
            guide_from_base: false,
            ..start
        },
        adapters: named.collect(),
        from_image: false,
    })
}

/// A prompt without its `<lora:name:strength>`, and those.
fn without_calls(prompt: &str) -> (String, Vec<(String, f32)>) {
    let (mut words, mut calls) = (String::new(), Vec::new());
    let mut rest = prompt;
    while let Some((before, after)) = rest.split_once("<lora:") {
        let Some((call, after)) = after.split_once('>') else {
            break;
        };
        words.push_str(before);
        let mut parts = call.split(':');
        let name = parts.next().unwrap_or_default().to_owned();
        let strength = parts.next().and_then(|s| s.parse().ok());
        let strength = strength.filter(|s: &f32| s.is_finite()).unwrap_or(1.0);
        calls.push((name, strength.clamp(-4.0, 4.0)));
        rest = after;
    }
    words.push_str(rest);
    let words = words.trim().trim_end_matches(',').trim_end();
    (words.to_owned(), calls)
}

/// The sampler nearest to what another tool names; what is unknown becomes ours of every day.
fn sampler_called(name: &str) -> SamplerKind {
    let exact = SamplerKind::ALL.into_iter().find(|k| k.label() == name);
    exact.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use atelier_pictures::{Recipe as Texts, Rgb};

    fn png(parameters: Option<&str>, atelier: Option<&str>) -> Vec<u8> {
        let texts = Texts {
            parameters: parameters.map(str::to_owned),
            atelier: atelier.map(str::to_owned),
        };
        let pixels = Rgb::new(16, 16, vec![200; 768]).unwrap();
        pixels.to_png(&texts).unwrap()
    }

    #[test]
    fn another_tools_recipe_is_understood() {
        let text = "a fox, <lora:ink:0.7>\nNegative prompt: blurry\nSteps: 30, Sampler: Euler a, \
                    CFG scale: 7, Seed: 18446744073709551615, Size: 512x512, Model: dream, \
                    Lora hashes: \"ink: 00ffab00ff12\"";
        let recipe = from_png(&png(Some(text), None)).unwrap();
        let s = &recipe.settings;
        assert_eq!(
            (s.prompt.as_str(), s.negative_prompt.as_str()),
            ("a fox", "blurry")
        );
        assert_eq!((s.seed, s.steps, s.strength), (u64::MAX, 30, 0.7));
        assert_eq!(s.sampler, SamplerKind::EulerAncestral);
        assert_eq!(recipe.adapters[0].title, "ink");
        assert!(
            recipe.adapters[0]
                .hash
                .as_ref()
                .unwrap()
                .matches("00ffab00ff12aa")
        );
        assert_eq!((recipe.model.as_str(), recipe.side), ("dream", Some(512)));
    }

    #[test]
    fn our_own_comes_first() {
        let settings = SampleSettings {
            prompt: "a whale".into(),
            seed: u64::MAX,
            ..SampleSettings::default()
        };
        let text = serde_json::json!({
            "version": 1, "model": "Sketch", "model_hash": "ab".repeat(32), "settings": settings,
            "adapter": { "title": "", "trigger": "in my hand", "hash": "cd".repeat(32) },
        });
        let read = from_png(&png(Some("other\nSteps: 3"), Some(&text.to_string()))).unwrap();
        assert_eq!(read.settings, settings);
        assert_eq!(read.adapters[0].title, "in my hand");
        assert!(read.model_hash.unwrap().matches(&"ab".repeat(32)));
    }

    #[test]
    fn what_is_no_recipe_is_none() {
        assert_eq!(from_png(&png(None, None)), None);
        assert_eq!(from_png(&png(Some("Made with GIMP"), None)), None);
        assert_eq!(from_png(b"no picture"), None);
        let wild = r#"{"version":1,"settings":{"prompt":"x","negative_prompt":"","seed":1,"steps":4000000000,"guidance_scale":4,"sampler":"ddim","strength":1,"compare":true}}"#;
        assert_eq!(from_png(&png(None, Some(wild))), None);
    }
}
