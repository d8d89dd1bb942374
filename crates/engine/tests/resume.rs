//! A training run that is interrupted ends as the unbroken one does. On the shipped model, on the CPU.

use std::cell::Cell;
use std::path::Path;

use atelier_engine::{
    EngineError, Folder, Pipeline, Resume, Session, TrainingEnd, TrainingEvent, WorkInput,
};
use atelier_pictures::{Picture, decode};
use atelier_protocol::{Preset, TrainingSettings};
use burn::tensor::Device;
use pollster::block_on;

const STEPS: u32 = 6;

fn works() -> Vec<Picture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../www/samples/gerald-food");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "png"))
        .collect();
    files.sort();
    let read = |path: &std::path::PathBuf| decode(&std::fs::read(path).unwrap()).unwrap();
    files.iter().take(6).map(read).collect()
}

struct Run {
    end: Result<TrainingEnd, EngineError>,
    checkpoints: Vec<(u32, Vec<u8>)>,
    validated: Vec<u32>,
}

/// Trains until `stop_after` steps are done in this run.
fn train(
    session: &mut Session,
    works: &[Picture],
    settings: &TrainingSettings,
    resume: Resume,
    stop_after: u32,
) -> Run {
    let inputs: Vec<WorkInput> = works
        .iter()
        .map(|picture| WorkInput {
            picture,
            caption: "food",
            focus: 0.5,
        })
        .collect();
    let done = Cell::new(0);
    let (mut checkpoints, mut validated) = (Vec::new(), Vec::new());
    let end = block_on(session.train(
        &inputs,
        settings,
        resume,
        || done.get() >= stop_after,
        |event| match event {
            TrainingEvent::Stepped { .. } => done.set(done.get() + 1),
            TrainingEvent::Checkpoint { step, bytes } => checkpoints.push((step, bytes)),
            TrainingEvent::Validated { step, .. } => validated.push(step),
            _ => {}
        },
    ));
    Run {
        end,
        checkpoints,
        validated,
    }
}

#[test]
fn an_interrupted_run_ends_as_the_unbroken_one() {
    let device = Device::flex();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../www/models/sketch");
    let pipeline = block_on(Pipeline::load(&Folder(model), &device, |_, _| {})).unwrap();
    let mut session = Session::new(device, pipeline);
    let works = works();
    let settings = TrainingSettings {
        steps: STEPS,
        preview_every: 0,
        ..Preset::Quick.settings()
    };
    let file = |session: &Session| session.save_adapter("a").unwrap();

    let whole = train(
        &mut session,
        &works,
        &settings,
        Resume::default(),
        STEPS + 1,
    );
    assert_eq!(whole.end.unwrap(), TrainingEnd::Finished);
    assert!(whole.checkpoints.is_empty());
    let unbroken = file(&session);

    let every = Resume {
        every: 2,
        ..Resume::default()
    };
    let broken = train(&mut session, &works, &settings, every, 3);
    assert_eq!(broken.end.unwrap(), TrainingEnd::Stopped);
    let steps: Vec<u32> = broken.checkpoints.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [2, 3]);
    assert_ne!(file(&session), unbroken);

    for (step, bytes) in &broken.checkpoints {
        let resume = Resume {
            checkpoint: Some(bytes),
            every: 0,
        };
        let rest = train(&mut session, &works, &settings, resume, STEPS);
        assert_eq!(rest.end.unwrap(), TrainingEnd::Finished);
        assert!(rest.validated.iter().all(|validated| validated > step));
        assert_eq!(file(&session), unbroken, "gone on from step {step}");
    }

    // Paused again before a step was done: the same checkpoint, and that step's adapter.
    let (step, bytes) = &broken.checkpoints[1];
    let resume = Resume {
        checkpoint: Some(bytes),
        every: 0,
    };
    let paused = train(&mut session, &works, &settings, resume, 0);
    assert_eq!(paused.end.unwrap(), TrainingEnd::Stopped);
    assert_eq!(paused.checkpoints, [(*step, bytes.clone())]);

    // Other works, other settings, other bytes.
    let other = TrainingSettings {
        learning_rate: 1e-4,
        ..settings.clone()
    };
    for (works, settings) in [(&works[1..], &settings), (&works[..], &other)] {
        let refused = train(&mut session, works, settings, resume, STEPS).end;
        assert!(refused.unwrap_err().to_string().contains("Put them back"));
    }
    let cut = Resume {
        checkpoint: Some(&bytes[..bytes.len() / 2]),
        every: 0,
    };
    assert!(
        train(&mut session, &works, &settings, cut, STEPS)
            .end
            .is_err()
    );
}
