//! Works made ready for training: cropped, encoded, captioned.

use atelier_pictures::Picture;
use atelier_training::Example;

use crate::{
    encoders::{ImageEncoder, Prompt, TextEncoder},
    error::EngineError,
    pipeline::{Pipeline, Text},
};

/// A work and what the artist said about it.
pub struct WorkInput<'a> {
    pub picture: &'a Picture,
    pub caption: &'a str,
    /// Which part the square crop keeps, 0 to 1 along the longer side.
    pub focus: f32,
}

/// Encodes one work, and its mirror image where `flip`.
pub(crate) async fn encode(
    work: &WorkInput<'_>,
    trigger: &str,
    background: [u8; 3],
    flip: bool,
    pipeline: &Pipeline,
    images: &mut ImageEncoder,
    texts: &mut TextEncoder,
) -> Result<Example, EngineError> {
    let side = pipeline.resolution() as u32;
    let square = work.picture.square(work.focus, side, background)?;
    let latents = images.encode(&square.to_nchw()).await?;
    let flipped = match flip {
        true => Some(images.encode(&square.flipped().to_nchw()).await?),
        false => None,
    };
    let prompt = encode_with_trigger(pipeline, texts, work.caption, trigger).await?;
    Ok(Example {
        latents,
        flipped,
        embedding: prompt.embedding,
    })
}

/// Embeds `text, trigger`: what is on the picture, then how it is done, which is the order the
/// base's own captions have. Where the whole does not fit, words are taken from the end of `text`,
/// so that the trigger is always heard.
pub(crate) async fn encode_with_trigger(
    pipeline: &Pipeline,
    texts: &mut TextEncoder,
    text: &str,
    trigger: &str,
) -> Result<Prompt, EngineError> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let mut shortened = false;
    loop {
        let prompt = join(&words.join(" "), trigger.trim());
        let fits = !pipeline.text.tokens(&prompt, pipeline.max_tokens).truncated;
        if fits || words.is_empty() || trigger.trim().is_empty() {
            let mut encoded = texts.encode(pipeline, &prompt).await?;
            encoded.truncated |= shortened;
            return Ok(encoded);
        }
        // Far too long prompts are brought near the limit at once.
        words.truncate((words.len() - 1).min(pipeline.max_tokens));
        shortened = true;
    }
}

/// Embeds `text, trigger` and the negative prompt for a picture, both as long as the other. Sketch's prompts are those of
/// its captions; Stable Diffusion's have weights and any length, as its other tools read them.
pub(crate) async fn encode_prompts(
    pipeline: &Pipeline,
    texts: &mut TextEncoder,
    [text, trigger, negative]: [&str; 3],
    clip_skip: u32,
) -> Result<[Prompt; 2], EngineError> {
    match &pipeline.text {
        Text::Bert(..) => Ok([
            encode_with_trigger(pipeline, texts, text, trigger).await?,
            texts.encode(pipeline, negative).await?,
        ]),
        Text::Clip(_, tokenizer) => {
            let prompt = join(text.trim(), trigger.trim());
            texts
                .encode_chunks(pipeline, tokenizer, [&prompt, negative], clip_skip)
                .await
        }
    }
}

fn join(text: &str, trigger: &str) -> String {
    match (text.is_empty(), trigger.is_empty()) {
        (_, true) => text.to_string(),
        (true, false) => trigger.to_string(),
        (false, false) => format!("{text}, {trigger}"),
    }
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn joins_what_is_there() {
        assert_eq!(join("a pear", "in ink"), "a pear, in ink");
        assert_eq!(join("", "in ink"), "in ink");
        assert_eq!(join("a pear", ""), "a pear");
        assert_eq!(join("", ""), "");
    }
}
