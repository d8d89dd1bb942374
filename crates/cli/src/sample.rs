use std::{path::PathBuf, time::Instant};

use anyhow::{Context, Result};
use atelier_engine::{Enlarger, Folder, Given, Session, recipe};
use atelier_pictures::decode;
use atelier_protocol::{NoiseGenerator, SampleSettings, SamplerKind};
use clap::Args;
use serde_json::json;

use crate::{device::DeviceChoice, model, report::Report};

#[derive(Args)]
pub struct Sample {
    /// A diffusers folder, or a single-file checkpoint (.safetensors).
    #[arg(long)]
    model: PathBuf,
    /// What is to be drawn. Several make a picture each, every one with the next seed.
    #[arg(long, required = true)]
    prompt: Vec<String>,
    #[arg(long, default_value = "")]
    negative_prompt: String,
    /// An adapter, and how much of it: FILE or FILE:0.8; else as much as suits the model. Several work together.
    #[arg(long)]
    adapter: Vec<String>,
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[arg(long, default_value_t = SampleSettings::default().steps)]
    steps: u32,
    #[arg(long, default_value_t = SampleSettings::default().guidance_scale)]
    guidance_scale: f32,
    /// Whether guidance leads away from what the base draws, and not the adapter; else as suits the model.
    #[arg(long)]
    guide_from_base: Option<bool>,
    /// ddim, euler, euler_ancestral, heun, dpmpp_2m, dpmpp_sde, unipc (these four also with _karras) or lcm.
    #[arg(long, default_value = "dpmpp_2m", value_parser = sampler)]
    sampler: SamplerKind,
    /// A picture to start from, instead of from noise.
    #[arg(long)]
    image: Option<PathBuf>,
    /// Which part of its middle square is made anew, as a picture: the light part, and what is dark stays.
    #[arg(long, requires = "image")]
    mask: Option<PathBuf>,
    /// How much of that picture is made anew: near 0 it stays as it is, 1 keeps nothing.
    #[arg(long, default_value_t = SampleSettings::default().image_strength)]
    image_strength: f32,
    /// Doubles the picture as often as it takes to have so many pixels a side; needs --upscaler.
    #[arg(long, value_name = "PIXELS", requires = "upscaler")]
    enlarge: Option<u32>,
    /// Folder of the network that enlarges: www/models/upscaler.
    #[arg(long, value_name = "DIR")]
    upscaler: Option<PathBuf>,
    /// Where the noise comes from: own, or torch for that of diffusers' generator on the CPU.
    #[arg(long, default_value = "own", value_parser = generator)]
    generator: NoiseGenerator,
    /// Layers left out at the end of Stable Diffusion's text encoder (one less than A1111 says).
    #[arg(long, default_value_t = 0)]
    clip_skip: u32,
    /// Side of the pictures in pixels, where it is not to be what the model was made for.
    #[arg(long)]
    size: Option<usize>,
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
    /// The picture, a PNG; of several prompts a folder for 000.png and on.
    #[arg(long)]
    out: PathBuf,
}

fn sampler(name: &str) -> Result<SamplerKind, String> {
    serde_json::from_value(name.into()).map_err(|_| "no sampler has that name".to_string())
}

fn generator(name: &str) -> Result<NoiseGenerator, String> {
    serde_json::from_value(name.into()).map_err(|_| "it is own or torch".to_string())
}

/// `FILE:strength`, where the strength may be left out. A colon that no number follows belongs to
/// the file's name.
fn adapter(argument: &str) -> (PathBuf, Option<f32>) {
    match argument
        .rsplit_once(':')
        .map(|(file, strength)| (file, strength.parse()))
    {
        Some((file, Ok(strength))) => (file.into(), Some(strength)),
        _ => (argument.into(), None),
    }
}

impl Sample {
    pub async fn run(self, json: bool) -> Result<()> {
        let report = Report::new(json);
        let device = self.device.open()?;
        let pipeline = model::load(&self.model, self.size, &device, |done, total| {
            report.progress("loading", done, total, String::new());
        })
        .await?;
        let usual = pipeline.kind().sampling(SampleSettings::default());
        let mut session = Session::new(device.clone(), pipeline);
        let mut adapters = Vec::with_capacity(self.adapter.len());
        for argument in &self.adapter {
            let (file, strength) = adapter(argument);
            let bytes = std::fs::read(&file)
                .with_context(|| format!("{} could not be read", file.display()))?;
            adapters.push((bytes, strength.unwrap_or(usual.strength)));
        }
        let mut strength = 1.0;
        match adapters.as_slice() {
            [] => {}
            [(bytes, given)] => {
                session.load_adapter(bytes)?;
                strength = *given;
            }
            several => _ = session.mix_adapters(&self.adapter.join(" + "), several)?,
        }
        let settings = SampleSettings {
            negative_prompt: self.negative_prompt,
            steps: self.steps,
            guidance_scale: self.guidance_scale,
            sampler: self.sampler,
            strength,
            compare: false,
            image_strength: self.image_strength,
            generator: self.generator,
            clip_skip: self.clip_skip,
            guide_from_base: self.guide_from_base.unwrap_or(usual.guide_from_base),
            ..usual
        };
        let read = |file: &PathBuf| {
            let bytes = std::fs::read(file)
                .with_context(|| format!("{} could not be read", file.display()))?;
            anyhow::Ok(decode(&bytes)?)
        };
        let image = self.image.as_ref().map(read).transpose()?;
        let mask = self.mask.as_ref().map(read).transpose()?;
        let given = image.map(|image| Given { image, mask });
        let with_adapter = session.adapter().is_some();
        let enlarger = match (self.enlarge, self.upscaler) {
            (Some(side), Some(folder)) => {
                Some((Enlarger::load(&Folder(folder), &device).await?, side))
            }
            _ => None,
        };
        let several = self.prompt.len() > 1;
        if several {
            std::fs::create_dir_all(&self.out)
                .with_context(|| format!("{} could not be made", self.out.display()))?;
        }
        for (place, prompt) in self.prompt.into_iter().enumerate() {
            let settings = SampleSettings {
                prompt,
                seed: self.seed.wrapping_add(place as u64),
                ..settings.clone()
            };
            let out = match several {
                true => self.out.join(format!("{place:03}.png")),
                false => self.out.clone(),
            };
            let start = Instant::now();
            let picture = session
                .sample(&settings, given.as_ref(), with_adapter, |step, steps| {
                    report.progress("sampling", u64::from(step), u64::from(steps), String::new());
                    true
                })
                .await?;
            let seconds = start.elapsed().as_secs_f32();
            let mut png = recipe::png(
                &picture,
                &settings,
                &session.pipeline,
                session.adapter(),
                given.is_some(),
            )?;
            if let Some((enlarger, side)) = &enlarger {
                png = enlarger.enlarge(&png, *side).await?;
            }
            std::fs::write(&out, png)
                .with_context(|| format!("{} could not be written", out.display()))?;
            let timing = session.denoiser_timing();
            report.say(
                json!({
                    "picture": out,
                    "seconds": seconds,
                    "truncated": picture.truncated,
                    "eager_step_seconds": timing.map(|t| t.eager.as_secs_f32()),
                    "replayed_step_seconds": timing.and_then(|t| t.replay).map(|t| t.as_secs_f32()),
                }),
                format!("{} in {seconds:.1} s", out.display()),
            );
        }
        report.finish();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::adapter;

    #[test]
    fn strength_is_taken_off_the_end() {
        let part = adapter("a.safetensors:0.8");
        assert_eq!(part, ("a.safetensors".into(), Some(0.8)));
        for whole in ["a.safetensors", "c:\\a.safetensors"] {
            assert_eq!(adapter(whole), (whole.into(), None));
        }
    }
}
