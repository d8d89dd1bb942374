//! Works made ready for training: cropped, encoded, captioned.

use atelier_pictures::{Picture, Rgb};
use atelier_protocol::TrainingSettings;
use atelier_training::Example;
use burn::tensor::Device;

use crate::{
    encoders::{ImageEncoder, Prompt, TextEncoder, numbers},
    error::EngineError,
    keep::{Keep, kept, name},
    pipeline::{Pipeline, Text},
    session::{ready, trained},
};

/// A work and what the artist said about it.
pub struct WorkInput<'a> {
    pub picture: &'a Picture,
    pub caption: &'a str,
    /// Which part the crop keeps, 0 to 1 along the longer side.
    pub focus: f32,
}

/// What works are made ready with. Encoders are recorded when the first thing comes that is not kept.
pub(crate) struct Workshop<'a> {
    pub pipeline: &'a Pipeline,
    pub settings: &'a TrainingSettings,
    pub images: &'a mut Option<ImageEncoder>,
    pub texts: &'a mut Option<TextEncoder>,
    pub keep: Option<&'a dyn Keep>,
    pub device: &'a Device,
}

impl Workshop<'_> {
    /// One work, and its mirror image where that is asked for.
    pub async fn example(&mut self, work: &WorkInput<'_>) -> Result<Example, EngineError> {
        let picture = work.picture;
        let [height, width] = size(
            self.pipeline,
            self.settings,
            [picture.height(), picture.width()],
        );
        let cover = picture.cover(work.focus, [width, height], self.settings.background)?;
        let latents = self.latents(&cover).await?;
        let flipped = match self.settings.flip {
            true => Some(self.latents(&cover.flipped()).await?),
            false => None,
        };
        let (caption, _) = fitting(self.pipeline, work.caption, &self.settings.trigger);
        let pixels = self.pipeline.vae.pixels_per_latent();
        Ok(Example {
            size: [height, width].map(|side| side as usize / pixels),
            latents,
            flipped,
            prompt: self.prompt(&caption).await?,
        })
    }

    async fn latents(&mut self, image: &Rgb) -> Result<Vec<f32>, EngineError> {
        let [height, width] = [image.height(), image.width()].map(|side| side as usize);
        let [channels, ..] = self.pipeline.latents();
        let pixels = self.pipeline.vae.pixels_per_latent();
        let length = channels * (height / pixels) * (width / pixels);
        let name = name(
            &self.pipeline.identity,
            &format!("picture {width}x{height}"),
            image.rgb(),
        );
        kept(self.keep, &name, length, async {
            let record = ImageEncoder::record(self.pipeline, [height, width], self.device);
            let side = self.pipeline.resolution();
            Ok(match [height, width] == [side, side] {
                true => {
                    ready(self.images, record)
                        .await?
                        .encode(&image.to_nchw())
                        .await?
                }
                // Only large pictures come in other sizes, and their encoder is not recorded.
                false => record.await?.encode(&image.to_nchw()).await?,
            })
        })
        .await
    }

    /// A caption as training takes it: embedded, or as the numbers of its tokens where the text encoder is trained.
    pub async fn prompt(&mut self, caption: &str) -> Result<Vec<f32>, EngineError> {
        let (pipeline, length) = (self.pipeline, self.pipeline.max_tokens);
        if trained(pipeline, self.settings).text_encoder.is_some() {
            let tokens = pipeline.text.tokens(caption, length);
            return numbers(&pipeline.text, &tokens.ids);
        }
        let name = name(&pipeline.identity, "caption", caption.as_bytes());
        kept(self.keep, &name, length * pipeline.embedding, async {
            let record = TextEncoder::record(pipeline, None, self.device);
            let texts = ready(self.texts, record).await?;
            texts.set_adapter(None, 0.0);
            Ok(texts.encode(pipeline, caption).await?.embedding)
        })
        .await
    }
}

/// Height and width in pixels that a work of this height and width is trained at: square, or where works keep their
/// shape, the nearest to theirs with about as many pixels.
fn size(pipeline: &Pipeline, settings: &TrainingSettings, [height, width]: [u32; 2]) -> [u32; 2] {
    let side = pipeline.resolution() as u32;
    let buckets = settings.aspect_buckets && matches!(pipeline.text, Text::Clip(..));
    let ratio = f64::from(width) / f64::from(height);
    let off =
        |[height, width]: &[u32; 2]| (f64::from(*width) / f64::from(*height) / ratio).ln().abs();
    let sizes = match buckets {
        true => sizes(side, pipeline.pixel_step() as u32),
        false => vec![[side, side]],
    };
    let nearest = sizes.into_iter().min_by(|a, b| off(a).total_cmp(&off(b)));
    nearest.unwrap_or([side, side])
}

/// The sizes [height, width] of about `side` by `side` pixels that pictures are sorted into, as kohya's trainer makes them
/// (sd-scripts, library/model_util.py, `make_bucket_resolutions`): none of more pixels, no side under half of it.
fn sizes(side: u32, step: u32) -> Vec<[u32; 2]> {
    let down = |length: u32| length / step * step;
    let mut sizes = vec![[down(side), down(side)]];
    for width in (down(side / 2).max(step)..=2 * side).step_by(step as usize) {
        let height = down(side * side / width).min(down(2 * side));
        if height >= side / 2 && height > 0 && !sizes.contains(&[height, width]) {
            sizes.extend([[height, width], [width, height]]);
        }
    }
    sizes
}

/// `text, trigger`: what is on the picture, then how it is done, which is the order the base's own captions have. Where
/// the whole does not fit, words are taken from the end of `text`, so that the trigger is always heard; then the second
/// is true.
fn fitting(pipeline: &Pipeline, text: &str, trigger: &str) -> (String, bool) {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let mut shortened = false;
    loop {
        let prompt = join(&words.join(" "), trigger.trim());
        let fits = !pipeline.text.tokens(&prompt, pipeline.max_tokens).truncated;
        if fits || words.is_empty() || trigger.trim().is_empty() {
            return (prompt, shortened);
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
        Text::Bert(..) => {
            let (prompt, shortened) = fitting(pipeline, text, trigger);
            let mut prompt = texts.encode(pipeline, &prompt).await?;
            prompt.truncated |= shortened;
            Ok([prompt, texts.encode(pipeline, negative).await?])
        }
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
    use super::{join, sizes};

    #[test]
    fn sizes_have_about_as_many_pixels() {
        let sizes = sizes(512, 64);
        assert_eq!(sizes[0], [512, 512]);
        for wanted in [[448, 576], [576, 448], [384, 640], [256, 1024], [1024, 256]] {
            assert!(sizes.contains(&wanted), "{sizes:?} has {wanted:?}");
        }
        for (i, [height, width]) in sizes.iter().enumerate() {
            assert!(height * width <= 512 * 512 && height * width > 512 * 512 * 3 / 4);
            assert!(!sizes[..i].contains(&[*height, *width]));
        }
        assert_eq!(super::sizes(64, 64), [[64, 64]]);
    }

    #[test]
    fn joins_what_is_there() {
        assert_eq!(join("a pear", "in ink"), "a pear, in ink");
        assert_eq!(join("", "in ink"), "in ink");
        assert_eq!(join("a pear", ""), "a pear");
        assert_eq!(join("", ""), "");
    }
}
