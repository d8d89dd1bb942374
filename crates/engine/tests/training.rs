//! What a run can be asked for beside the UNet's adapter on square works: the text encoder, works in their own shapes,
//! pictures to stay true to, and what is kept for the next run. On small random Stable Diffusion pipelines.

use std::{
    error::Error,
    path::PathBuf,
    rc::Rc,
    sync::{Mutex, PoisonError},
};

use atelier_adapter::{TEXT_ENCODER, UNET};
use atelier_engine::{
    Folder, KeepFolder, Pipeline, Resume, Session, TrainingEnd, TrainingEvent, WorkInput,
};
use atelier_pictures::{Picture, decode};
use atelier_protocol::{ModelKind, Preset, SampleSettings, TrainingSettings};
use burn::tensor::Device;
use pollster::block_on;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn session(device: &Device) -> Outcome<Session> {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/golden/pipelines/sd15"
    );
    let source = Folder(folder.into());
    let pipeline = block_on(Pipeline::load(&source, device, |_, _| {}))?;
    Ok(Session::new(device.clone(), pipeline))
}

/// One capture at a time: test threads share the device's streams.
static GPU: Mutex<()> = Mutex::new(());

fn settings() -> TrainingSettings {
    TrainingSettings {
        steps: 4,
        rank: 2,
        alpha: 2.0,
        learning_rate: 1e-2,
        preview_every: 0,
        trigger: "in ink".into(),
        ..Preset::Quick.settings_for(ModelKind::StableDiffusion)
    }
}

/// A drawing cut to each of these widths and heights.
fn works(sizes: &[[u32; 2]]) -> Outcome<Vec<Picture>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../www/samples/gerald-food");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "png"));
    files.sort();
    let cut = |(file, size): (&PathBuf, &[u32; 2])| -> Outcome<Picture> {
        let cover = decode(&std::fs::read(file)?)?.cover(0.5, *size, [255; 3])?;
        Ok(Picture::new(size[0], size[1], cover.to_rgba())?)
    };
    files.iter().zip(sizes).map(cut).collect()
}

const SQUARES: [[u32; 2]; 3] = [[200, 200]; 3];

/// What a run told.
#[derive(Default)]
struct Told {
    losses: Vec<f32>,
    validated: Vec<f32>,
    prepared: usize,
    recorded: bool,
    checkpoint: Vec<u8>,
}

fn train(
    session: &mut Session,
    works: &[Picture],
    settings: &TrainingSettings,
    checkpoint: Option<&[u8]>,
) -> Outcome<Told> {
    let inputs = works.iter().map(|picture| WorkInput {
        picture,
        caption: "food",
        focus: 0.5,
    });
    let inputs: Vec<_> = inputs.collect();
    let mut told = Told::default();
    let resume = Resume {
        checkpoint,
        every: 2,
    };
    let end = session.train(
        &inputs,
        settings,
        resume,
        || false,
        |event| match event {
            TrainingEvent::Stepped { report, .. } => told.losses.push(report.loss),
            TrainingEvent::Validated { loss, .. } => told.validated.push(loss),
            TrainingEvent::Prepared { done, .. } => told.prepared = done,
            TrainingEvent::Recorded(_) => told.recorded = true,
            TrainingEvent::Checkpoint { bytes, .. } => told.checkpoint = bytes,
            _ => {}
        },
    );
    assert_eq!(block_on(end)?, TrainingEnd::Finished);
    assert!(
        told.losses
            .iter()
            .chain(&told.validated)
            .all(|loss| loss.is_finite())
    );
    Ok(told)
}

/// A picture of the prompt alone.
fn picture(session: &mut Session, with_adapter: bool) -> Outcome<Vec<u8>> {
    let settings = SampleSettings {
        prompt: "a fox".into(),
        steps: 3,
        ..SampleSettings::default()
    };
    let sampled = session.sample(&settings, None, with_adapter, |_, _| true);
    Ok(block_on(sampled)?.rgb)
}

#[test]
fn the_text_encoder_learns_along() -> Outcome {
    let device = Device::flex();
    let works = works(&SQUARES)?;
    let with_text = TrainingSettings {
        text_encoder_learning_rate: 5e-3,
        ..settings()
    };
    let mut session = session(&device)?;
    let base = picture(&mut session, false)?;
    let whole = train(&mut session, &works, &with_text, None)?;
    let lora = session.adapter().ok_or("an adapter")?.lora.clone();
    let count = |folder: &str| lora.layout.slots_in(folder).count();
    assert!(count(TEXT_ENCODER) == 18 && count(UNET) > 0);
    for (path, slot) in lora.layout.slots_in(TEXT_ENCODER) {
        let learned = lora.values[slot.up.range()].iter().any(|&up| up != 0.0);
        assert!(learned, "{path}");
    }
    let drawn = picture(&mut session, true)?;
    assert_ne!(drawn, base);
    // The base stays as it was, with the adapter's recordings in place.
    assert_eq!(picture(&mut session, false)?, base);

    // The file has all of it, and the text encoder's part does something by itself.
    let file = session.save_adapter("ink")?;
    session.load_adapter(&file)?;
    assert_eq!(picture(&mut session, true)?, drawn);
    let mut without = session.adapter().ok_or("an adapter")?.clone();
    for slot in &without.lora.layout.slots {
        if slot.path.starts_with(TEXT_ENCODER) {
            without.lora.values[slot.up.range()].fill(0.0);
        }
    }
    session.load_adapter(&without.lora.to_file(&without.metadata).write()?)?;
    assert_ne!(picture(&mut session, true)?, drawn);

    // By blocks it is the same run, and gone on with it ends alike.
    let by_blocks = TrainingSettings {
        block_checkpointing: !with_text.block_checkpointing,
        ..with_text.clone()
    };
    let other = train(&mut session, &works, &by_blocks, None)?;
    for (one, other) in whole.losses.iter().zip(&other.losses) {
        assert!((one - other).abs() < 1e-4 * one, "{one} {other}");
    }
    train(&mut session, &works, &with_text, Some(&whole.checkpoint))?;
    assert_eq!(session.save_adapter("ink")?, file);
    Ok(())
}

#[test]
fn works_keep_their_shapes() -> Outcome {
    let _gpu = GPU.lock().unwrap_or_else(PoisonError::into_inner);
    let works = works(&[[200, 200], [300, 150], [150, 300]])?;
    let squares = TrainingSettings {
        batch_size: 2,
        ..settings()
    };
    let shaped = TrainingSettings {
        aspect_buckets: true,
        ..squares.clone()
    };
    let open = |device: &Device| -> Outcome<Session> {
        let mut session = session(device)?;
        session.pipeline.set_resolution(128)?;
        Ok(session)
    };
    let mut session = open(&Device::flex())?;
    let square = train(&mut session, &works, &squares, None)?;
    let told = train(&mut session, &works, &shaped, None)?;
    // Works of several shapes are not recorded, and seen they are.
    assert!(square.recorded && !told.recorded);
    assert_ne!(square.losses, told.losses);
    let file = session.save_adapter("ink")?;
    train(&mut session, &works, &shaped, Some(&told.checkpoint))?;
    assert_eq!(session.save_adapter("ink")?, file, "gone on with");
    // Those of one shape are as if they were square.
    let alone = train(&mut session, &works[..1], &shaped, None)?;
    let square = train(&mut session, &works[..1], &squares, None)?;
    assert!(alone.recorded);
    assert_eq!(
        (alone.losses, alone.validated),
        (square.losses, square.validated)
    );

    let fewer = TrainingSettings { steps: 2, ..shaped };
    let on_gpu = train(
        &mut open(&Device::wgpu(Default::default()))?,
        &works,
        &fewer,
        None,
    )?;
    // The rate comes to its height in as many steps as there are: the first alone is that of the longer run.
    let off = (on_gpu.losses[0] - told.losses[0]).abs();
    assert!(off < 1e-3 * told.losses[0], "{off}");
    Ok(())
}

#[test]
fn the_models_own_pictures_are_kept_in_mind() -> Outcome {
    let device = Device::flex();
    let works = works(&SQUARES)?;
    let with_own = TrainingSettings {
        prior_pictures: 2,
        ..settings()
    };
    let mut session = session(&device)?;
    let alone = train(&mut session, &works, &settings(), None)?;
    let told = train(&mut session, &works, &with_own, None)?;
    assert_eq!((alone.prepared, told.prepared), (3, 5));
    // Every other step is about the works, and the first was, before the adapter had changed.
    assert_eq!(told.losses[0], alone.losses[0]);
    assert_ne!(told.losses[1], alone.losses[1]);
    let file = session.save_adapter("ink")?;
    train(&mut session, &works, &with_own, Some(&told.checkpoint))?;
    assert_eq!(session.save_adapter("ink")?, file);
    Ok(())
}

#[test]
fn what_was_encoded_is_kept_for_the_next_run() -> Outcome {
    let device = Device::flex();
    let works = works(&SQUARES)?;
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("kept");
    let _ = std::fs::remove_dir_all(&folder);
    let settings = TrainingSettings {
        prior_pictures: 1,
        ..settings()
    };
    let keep = Rc::new(KeepFolder(folder.clone()));
    let names = || -> Outcome<Vec<_>> {
        let entries = std::fs::read_dir(&folder)?;
        let path_and_time = |entry: std::io::Result<std::fs::DirEntry>| {
            let entry = entry?;
            Ok((entry.path(), entry.metadata()?.modified()?))
        };
        let names: Result<Vec<_>, std::io::Error> = entries.map(path_and_time).collect();
        let mut names = names?;
        // What is learned of the device's pace is written each time.
        names.retain(|(path, _)| !path.ends_with("pace"));
        names.sort();
        Ok(names)
    };
    let run = || -> Outcome<(Vec<u8>, Option<f64>)> {
        let mut session = session(&device)?.keeping(keep.clone());
        let foretold = block_on(session.foretell(&settings)).seconds;
        train(&mut session, &works, &settings, None)?;
        Ok((session.save_adapter("ink")?, foretold))
    };
    let (first, unknown) = run()?;
    assert_eq!(unknown, None);
    let kept = names()?;
    // Three works and their mirror images, their caption, the plain one and none, and a picture of the model's.
    assert_eq!(kept.len(), 6 + 3 + 1);
    let (second, foretold) = run()?;
    assert_eq!(second, first);
    assert_eq!(names()?, kept, "nothing was encoded again");
    assert!(foretold.is_some_and(|seconds| seconds > 0.0));
    // A damaged one is made anew.
    std::fs::write(&kept[0].0, b"?")?;
    assert_eq!(run()?.0, first);
    Ok(())
}
