//! A picture as a PNG that says how it was made, and names for files.

use atelier_pictures::{Parameters, Recipe, Rgb};
use atelier_protocol::SampleSettings;
use serde_json::json;

use crate::{error::EngineError, pipeline::Pipeline, sampling::Sampled, session::Present};

/// `picture` as a PNG with its recipe, both as other tools write it and as JSON of our own.
/// `adapter` is the one that took part.
///
/// # Errors
/// When the pixels do not make a picture.
pub fn png(
    picture: &Sampled,
    settings: &SampleSettings,
    pipeline: &Pipeline,
    adapter: Option<&Present>,
    from_image: bool,
) -> Result<Vec<u8>, EngineError> {
    let parameters = Parameters {
        prompt: settings.prompt.clone(),
        negative_prompt: settings.negative_prompt.clone(),
        steps: Some(settings.steps),
        sampler: Some(settings.sampler.label().to_string()),
        guidance_scale: Some(settings.guidance_scale),
        seed: Some(settings.seed),
        size: Some((picture.side, picture.side)),
        model: Some(pipeline.name.clone()),
        lora_hashes: adapter
            .map(|present| {
                (
                    slug(&present.metadata.title),
                    present.hash.chars().take(12).collect(),
                )
            })
            .into_iter()
            .collect(),
    };
    let ours = json!({
        "version": 1,
        "model": pipeline.name,
        "model_hash": pipeline.hash,
        "settings": settings,
        "adapter": adapter.map(|present| json!({
            "title": present.metadata.title,
            "trigger": present.metadata.trigger,
            "hash": present.hash,
        })),
        "from_image": from_image,
    });
    let recipe = Recipe {
        parameters: Some(parameters.to_string()),
        atelier: Some(ours.to_string()),
    };
    let rgb = Rgb::new(picture.side, picture.side, picture.rgb.clone())?;
    Ok(rgb.to_png(&recipe)?)
}

/// A file name for an adapter with this title.
pub fn file_name(title: &str) -> String {
    format!("{}.safetensors", slug(title))
}

fn slug(title: &str) -> String {
    let name: String = title
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .take(60)
        .collect();
    match name.trim_matches('-') {
        "" => "adapter".to_string(),
        name => name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn file_names_are_safe() {
        assert_eq!(file_name("Ink & wash"), "Ink---wash.safetensors");
        assert_eq!(file_name("../.."), "adapter.safetensors");
        assert_eq!(file_name(""), "adapter.safetensors");
        assert_eq!(file_name("ärger"), "ärger.safetensors");
    }
}
