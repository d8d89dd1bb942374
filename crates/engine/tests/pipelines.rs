//! Small random pipelines of the published layouts, saved by diffusers, give the pictures that diffusers makes with them
//! (tests/golden/pipelines): same prompts, same seeds, same generator.

use std::error::Error;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use atelier_engine::{
    EngineError, Folder, Given, Pipeline, Resume, Session, TrainingEnd, TrainingEvent, WorkInput,
};
use atelier_pictures::{Picture, decode};
use atelier_protocol::{
    Label, ModelKind, NoiseGenerator, Preset, SampleSettings, SamplerKind, TrainingSettings,
};
use atelier_weights::{File, Limits};
use burn::tensor::Device;
use pollster::block_on;
use serde::Deserialize;

type Outcome = Result<(), Box<dyn Error>>;

/// Two samplers' pictures of these differ by 53 dB at the nearest; eight bits alone cost 59 dB.
const LEAST_PSNR: f64 = 55.0;

fn golden(path: &str) -> PathBuf {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden");
    PathBuf::from(root).join(path)
}

fn load(kind: &str, device: &Device) -> Result<Pipeline, EngineError> {
    let source = Folder(golden(&format!("pipelines/{kind}")));
    block_on(Pipeline::load(&source, device, |_, _| {}))
}

fn load_single(device: &Device) -> Result<Pipeline, Box<dyn Error>> {
    let merges = std::fs::read_to_string(golden("clip/merges.txt"))?;
    let source = Folder(golden("pipelines/single"));
    let path = "model.safetensors";
    let load = Pipeline::load_checkpoint(&source, path, &merges, device, |_, _| {});
    let mut pipeline = block_on(load)?;
    // The file does not say that it was made for smaller pictures than others of its kind.
    assert_eq!(pipeline.resolution(), 128);
    pipeline.set_resolution(16)?;
    Ok(pipeline)
}

#[test]
fn pictures_have_sizes_that_the_unet_can_halve() -> Outcome {
    let mut pipeline = load("sd15", &Device::flex())?;
    for side in [0, 63, 96, 4096] {
        let refused = pipeline.set_resolution(side);
        assert!(matches!(refused, Err(EngineError::Size { .. })), "{side}");
    }
    pipeline.set_resolution(128)?;
    assert_eq!(pipeline.latents(), [4, 16, 16]);
    assert_eq!(pipeline.kind(), ModelKind::StableDiffusion);
    Ok(())
}

/// What all pictures were made with.
#[derive(Deserialize)]
struct Common {
    prompt: String,
    negative_prompt: String,
    long: String,
    seed: u64,
    steps: u32,
    guidance_scale: f32,
    image_strength: f32,
}

/// The settings of the picture that is called `name`: its sampler, and what is special about it.
fn settings(kind: &str, name: &str) -> Result<SampleSettings, Box<dyn Error>> {
    let text = std::fs::read_to_string(golden("pipelines/settings.json"))?;
    let common: Common = serde_json::from_str(&text)?;
    let (sampler, special) = name.split_once('.').unwrap_or((name, ""));
    let sampler: SamplerKind = serde_json::from_value(sampler.replace("uni_pc", "unipc").into())?;
    let mut settings = SampleSettings {
        prompt: common.prompt,
        negative_prompt: common.negative_prompt,
        seed: common.seed,
        steps: common.steps,
        guidance_scale: common.guidance_scale,
        sampler,
        generator: NoiseGenerator::Torch,
        ..ModelKind::StableDiffusion.sampling(SampleSettings::default())
    };
    match (kind, special) {
        ("turbo", steps) => {
            settings.steps = steps.parse()?;
            settings.guidance_scale = 0.0;
        }
        ("lcm", "") => (settings.steps, settings.guidance_scale) = (4, 8.0),
        (_, "clip_skip_1") => settings.clip_skip = 1,
        (_, "long") => {
            settings.prompt = common.long;
            settings.negative_prompt.clear();
        }
        (_, "inpaint") => settings.image_strength = common.image_strength,
        (_, "adapter_from_base") => settings.guide_from_base = true,
        (_, "" | "adapter" | "adapter_text" | "ours" | "ours_text") => {}
        (_, special) => return Err(format!("what is {special}?").into()),
    }
    Ok(settings)
}

/// Of two pictures' bytes, in dB; infinite where they are equal.
fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let squares = a.iter().zip(b).map(|(&a, &b)| {
        let difference = f64::from(a) - f64::from(b);
        difference * difference
    });
    let error = squares.sum::<f64>() / a.len() as f64;
    10.0 * (255.0 * 255.0 / error).log10()
}

/// A picture of the golden file: 64 pixels a side, in colour or grey.
fn stored(file: &File<'_>, name: &str) -> Result<Picture, Box<dyn Error>> {
    let (_, values) = (file.tensors())
        .find(|(info, _)| info.name == name)
        .ok_or(name)?;
    let channels = values.len() / (64 * 64);
    let pixels = values.chunks_exact(channels);
    let rgba = pixels.flat_map(|pixel| [pixel[0], pixel[channels / 2], pixel[channels - 1], 255]);
    Ok(Picture::new(64, 64, rgba.collect())?)
}

/// Makes every picture of the golden file again, or those whose names `chosen` takes.
fn pictures_agree(kind: &str, pipeline: Pipeline, device: Device, chosen: &[&str]) -> Outcome {
    let bytes = std::fs::read(golden(&format!("pipelines/{kind}/expected.safetensors")))?;
    let expected = File::parse(&bytes, Limits::ADAPTER)?;
    let mut session = Session::new(device, pipeline);
    let mut made = 0;
    for (info, pixels) in expected.tensors() {
        let Some(name) = info.name.strip_prefix("pixels.") else {
            continue;
        };
        if !chosen.is_empty() && !chosen.contains(&name) {
            continue;
        }
        let settings = settings(kind, name)?;
        // One that diffusers saved, and one of ours that it loaded.
        let adapter = match name {
            _ if name.ends_with(".adapter") || name.ends_with(".adapter_from_base") => {
                format!("pipelines/{kind}/adapter.safetensors")
            }
            _ if name.ends_with(".adapter_text") => {
                format!("pipelines/{kind}/adapter_text.safetensors")
            }
            _ if name.ends_with(".ours") => format!("ours/{kind}.safetensors"),
            _ if name.ends_with(".ours_text") => format!("ours/{kind}_text.safetensors"),
            _ => String::new(),
        };
        let with_adapter = !adapter.is_empty();
        if with_adapter {
            session.load_adapter(&std::fs::read(golden(&adapter))?)?;
        }
        let given = match name.ends_with(".inpaint") {
            true => Some(Given {
                image: stored(&expected, "image")?,
                mask: Some(stored(&expected, "mask")?),
            }),
            false => None,
        };
        let sampled = session.sample(&settings, given.as_ref(), with_adapter, |_, _| true);
        let picture = block_on(sampled)?;
        let found = psnr(&picture.rgb, pixels);
        println!("{kind} {name}: {found:.1} dB");
        assert!(found >= LEAST_PSNR, "{kind} {name}: {found:.1} dB");
        made += 1;
    }
    assert!(made > 0, "{kind}: no pictures");
    Ok(())
}

#[test]
fn every_sampler_makes_diffusers_picture() -> Outcome {
    let device = Device::flex();
    pictures_agree("sd15", load("sd15", &device)?, device, &[])
}

#[test]
fn every_layout_makes_diffusers_picture() -> Outcome {
    let device = Device::flex();
    for kind in ["sd21v", "turbo", "bk_small", "tiny_sd", "lcm"] {
        pictures_agree(kind, load(kind, &device)?, device.clone(), &[])?;
    }
    Ok(())
}

#[test]
fn a_single_file_makes_diffusers_picture() -> Outcome {
    let device = Device::flex();
    pictures_agree("single", load_single(&device)?, device, &[])
}

/// One capture at a time: test threads share the device's streams.
static GPU: Mutex<()> = Mutex::new(());

/// Recorded and replayed.
#[test]
fn pictures_agree_on_the_gpu() -> Outcome {
    let _gpu = GPU.lock().unwrap_or_else(PoisonError::into_inner);
    let device = Device::wgpu(Default::default());
    let pipeline = load("sd15", &device)?;
    pictures_agree("sd15", pipeline, device, &["dpmpp_2m", "ddim.long"])
}

/// The noise of our own generator gives another picture, and the same one each time.
#[test]
fn seeds_have_the_noise_of_the_generator_that_is_asked_for() -> Outcome {
    let device = Device::flex();
    let mut session = Session::new(device.clone(), load("lcm", &device)?);
    let torch = settings("lcm", "lcm")?;
    let own = SampleSettings {
        generator: NoiseGenerator::Own,
        ..torch.clone()
    };
    let mut make = |settings: &SampleSettings| -> Result<Vec<u8>, EngineError> {
        Ok(block_on(session.sample(settings, None, false, |_, _| true))?.rgb)
    };
    let (first, other, again) = (make(&own)?, make(&torch)?, make(&own)?);
    assert_eq!(first, again);
    assert!(psnr(&first, &other) < 40.0);
    Ok(())
}

/// Three drawings, small enough for everything to be quick.
fn drawings() -> Result<Vec<Picture>, Box<dyn Error>> {
    let folder = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../www/samples/gerald-food"
    ));
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "png"));
    files.sort();
    (files.iter().take(3))
        .map(|path| Ok(decode(&std::fs::read(path)?)?))
        .collect()
}

/// Trains two steps; its losses.
fn train(session: &mut Session, block_checkpointing: bool) -> Result<Vec<f32>, Box<dyn Error>> {
    let settings = TrainingSettings {
        rank: 2,
        alpha: 2.0,
        batch_size: 2,
        trigger: "in ink".into(),
        block_checkpointing,
        ..Preset::Quick.settings()
    };
    train_with(session, &settings)
}

fn train_with(
    session: &mut Session,
    settings: &TrainingSettings,
) -> Result<Vec<f32>, Box<dyn Error>> {
    let pictures = drawings()?;
    let works: Vec<WorkInput> = (pictures.iter())
        .map(|picture| WorkInput {
            picture,
            caption: "food",
            focus: 0.5,
        })
        .collect();
    let settings = TrainingSettings {
        steps: 2,
        preview_every: 0,
        ..settings.clone()
    };
    let mut losses = Vec::new();
    let resume = Resume::default();
    let end = session.train(
        &works,
        &settings,
        resume,
        || false,
        |event| {
            if let TrainingEvent::Stepped { report, .. } = event {
                losses.push(report.loss);
            }
        },
    );
    assert_eq!(block_on(end)?, TrainingEnd::Finished);
    assert_eq!(losses.len(), 2);
    Ok(losses)
}

/// The picture `ddim.ours` shows that diffusers loads such a file and draws as we do.
#[test]
fn adapters_are_written_as_diffusers_loads_them() -> Outcome {
    let device = Device::flex();
    let mut session = Session::new(device.clone(), load("sd15", &device)?);
    let tensors = |bytes: &[u8]| -> Result<Vec<_>, Box<dyn Error>> {
        let file = File::parse(bytes, Limits::ADAPTER)?;
        let tensors = file.tensors();
        Ok(tensors
            .map(|(info, _)| (info.name.clone(), info.dtype, info.shape.clone()))
            .collect())
    };
    for (name, text_encoder_learning_rate) in [("sd15", 0.0), ("sd15_text", 1e-3)] {
        let settings = TrainingSettings {
            rank: 4,
            text_encoder_learning_rate,
            ..Preset::Balanced.settings_for(ModelKind::StableDiffusion)
        };
        train_with(&mut session, &settings)?;
        let written = tensors(&session.save_adapter("ink")?)?;
        assert!(!written.is_empty());
        let golden = std::fs::read(golden(&format!("ours/{name}.safetensors")))?;
        assert_eq!(written, tensors(&golden)?);
    }
    Ok(())
}

#[test]
fn an_adapter_is_trained_on_every_layout() -> Outcome {
    let device = Device::flex();
    for kind in ["sd15", "sd21v", "tiny_sd", "lcm"] {
        let mut session = Session::new(device.clone(), load(kind, &device)?);
        let losses = train(&mut session, false)?;
        let file = session.save_adapter("ink")?;
        session.load_adapter(&file)?;
        let mut session = Session::new(device.clone(), load(kind, &device)?);
        let by_blocks = train(&mut session, true)?;
        for (plain, by_blocks) in losses.iter().zip(&by_blocks) {
            assert!((plain - by_blocks).abs() < 1e-5 * plain, "{kind}");
        }
    }
    Ok(())
}

/// With the sampler's recording still there.
#[test]
fn an_adapter_is_trained_after_a_picture_was_made() -> Outcome {
    let _gpu = GPU.lock().unwrap_or_else(PoisonError::into_inner);
    let device = Device::wgpu(Default::default());
    let mut session = Session::new(device.clone(), load("sd15", &device)?);
    let settings = settings("sd15", "dpmpp_2m")?;
    let before = block_on(session.sample(&settings, None, false, |_, _| true))?;
    train(&mut session, true)?;
    let after = block_on(session.sample(&settings, None, false, |_, _| true))?;
    assert!(psnr(&before.rgb, &after.rgb) > LEAST_PSNR);
    Ok(())
}

#[test]
fn parts_that_do_not_belong_together_are_refused() -> Outcome {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("mended");
    let device = Device::flex();
    for (file, option, value, said) in [
        (
            "unet/config.json",
            "cross_attention_dim",
            serde_json::json!(24),
            "width 24",
        ),
        (
            "unet/config.json",
            "in_channels",
            serde_json::json!(9),
            "inpainting",
        ),
        (
            "unet/config.json",
            "sample_size",
            serde_json::json!(null),
            "sample_size",
        ),
        (
            "vae/config.json",
            "latent_channels",
            serde_json::json!(16),
            "16",
        ),
        (
            "text_encoder/config.json",
            "hidden_size",
            serde_json::json!(18),
            "width",
        ),
        (
            "model_index.json",
            "vae",
            serde_json::json!(["diffusers", "VQModel"]),
            "VQModel",
        ),
    ] {
        copy(&golden("pipelines/lcm"), &folder)?;
        let path = folder.join(file);
        let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(&path)?)?;
        config[option] = value;
        std::fs::write(&path, config.to_string())?;
        let refused = block_on(Pipeline::load(&Folder(folder.clone()), &device, |_, _| {}));
        let sentence = refused.err().ok_or(option)?.to_string();
        assert!(sentence.contains(said), "{option}: {sentence}");
    }
    Ok(())
}

/// A folder and what is in it, in place of what was there.
fn copy(from: &std::path::Path, to: &std::path::Path) -> Outcome {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &target)?,
            false => {
                std::fs::copy(entry.path(), target)?;
            }
        }
    }
    Ok(())
}

#[test]
fn a_single_file_cut_short_says_so() -> Outcome {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cut");
    std::fs::create_dir_all(&folder)?;
    let whole = std::fs::read(golden("pipelines/single/model.safetensors"))?;
    let merges = std::fs::read_to_string(golden("clip/merges.txt"))?;
    for length in [0, 5, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(folder.join("model.safetensors"), &whole[..length])?;
        let device = Device::flex();
        let source = Folder(folder.clone());
        let refused = block_on(Pipeline::load_checkpoint(
            &source,
            "model.safetensors",
            &merges,
            &device,
            |_, _| {},
        ));
        let sentence = refused.err().ok_or("it was taken")?.to_string();
        assert!(
            sentence.contains("model.safetensors") && sentence.ends_with('.'),
            "{length}: {sentence}"
        );
    }
    Ok(())
}

#[test]
fn adapters_work_together() -> Outcome {
    let device = Device::flex();
    let mut session = Session::new(device.clone(), load("sd15", &device)?);
    let file = std::fs::read(golden("pipelines/sd15/adapter.safetensors"))?;
    let settings = settings("sd15", "ddim")?;
    let picture = |session: &mut Session, with_adapter| {
        let sampled = session.sample(&settings, None, with_adapter, |_, _| true);
        block_on(sampled).map(|picture| picture.rgb)
    };
    let base = picture(&mut session, false)?;
    session.load_adapter(&file)?;
    let whole = picture(&mut session, true)?;
    assert!(psnr(&whole, &base) < LEAST_PSNR);
    let present = session.mix_adapters("parts", &[(file.clone(), 0.25), (file.clone(), 0.75)])?;
    let rank = present.lora.rank();
    let parts = picture(&mut session, true)?;
    assert!(psnr(&parts, &whole) >= LEAST_PSNR);
    session.mix_adapters("nothing", &[(file.clone(), 1.0), (file.clone(), -1.0)])?;
    let nothing = picture(&mut session, true)?;
    assert!(psnr(&nothing, &base) >= LEAST_PSNR);
    session.load_adapter(&file)?;
    assert_eq!(
        session.adapter().map(|present| 2 * present.lora.rank()),
        Some(rank)
    );
    // What the file says of whose it is stays until it is said anew.
    let by = |author: &str| Label {
        author: author.into(),
        ..Label::from("whole")
    };
    for (said, kept) in [("A", "A"), ("", "A"), ("B", "B")] {
        let file = session.save_adapter(by(said))?;
        let author = &session.load_adapter(&file)?.metadata.author;
        assert_eq!(author.as_deref(), Some(kept));
    }
    session.load_adapter(&file)?;
    // One that does not fit leaves what is there.
    let bad = session.mix_adapters("bad", &[(file, 1.0), (Vec::new(), 1.0)]);
    assert!(bad.is_err());
    assert_eq!(
        session
            .adapter()
            .map(|present| present.metadata.title.as_str()),
        Some("")
    );
    Ok(())
}
