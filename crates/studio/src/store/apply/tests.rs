//! A visit, event by event.

use atelier_protocol::{
    Adapter, Buffer, JobId, ModelInfo, SamplerKind, Stage, ToolVerdict, TrainingSettings,
};

use super::*;
use crate::store::{Run, Work};

/// Signals live in an owner; a test holds one as long as its store.
fn visit() -> (Owner, Store) {
    let owner = Owner::new();
    owner.set();
    (owner, Store::default())
}

fn work(store: &Store, name: &str) -> Work {
    let work = Work {
        id: store.new_work_id(),
        name: name.to_owned(),
        url: None,
        caption: ArcRwSignal::new(String::new()),
        focus: ArcRwSignal::new(0.5),
        state: ArcRwSignal::new(WorkState::Reading),
        seen: ArcRwSignal::new(None),
        sample_set: None,
    };
    store.works.update(|works| works.push(work.clone()));
    work
}

fn train(store: &Store) -> JobId {
    let job = store.new_job();
    store.activity.set(Activity::Training(job));
    let settings = atelier_protocol::TrainingSettings {
        steps: 10,
        ..atelier_protocol::Preset::Quick.settings()
    };
    store.run.set(Some(Run::new(job, settings, Vec::new())));
    job
}

fn info() -> AdapterInfo {
    AdapterInfo {
        title: "In my hand".into(),
        trigger: "in my hand".into(),
        rank: 8,
        parameters: 1_000,
        steps: 10,
        hash: String::new(),
    }
}

fn trained(job: JobId, step: u32) -> Event {
    Event::Trained {
        job,
        step,
        steps: 10,
        loss: 0.5,
        seconds_per_step: 1.0,
        seconds_left: 9.0,
    }
}

fn ended(job: JobId, outcome: Outcome) -> Event {
    Event::TrainingEnded {
        job,
        outcome,
        steps_done: 10,
        adapter: Some(info()),
    }
}

fn pixels(at: usize) -> Pixels {
    Pixels {
        width: 1,
        height: 1,
        rgba: Buffer(at),
    }
}

fn bytes(n: usize) -> Bytes {
    vec![7; n].into()
}

#[test]
fn the_engine_gets_ready() {
    let (_owner, store) = visit();
    let gpu = Adapter {
        name: "test".into(),
        software: false,
    };
    let next = store.apply(Event::Ready(gpu), &[], 0.0);
    assert_eq!(next, [FollowUp::LoadModel, FollowUp::SendWorks]);
    let progress = Event::Progress {
        stage: Stage::Download,
        done: 1,
        total: 4,
    };
    store.apply(progress, &[], 1.0);
    assert_eq!(store.meter.get_untracked().unwrap().fraction(), Some(0.25));
    let model = ModelInfo {
        name: "Sketch".into(),
        resolution: 128,
        parameters: 1,
        kind: ModelKind::Sketch,
        hash: String::new(),
    };
    assert_eq!(store.apply(Event::ModelLoaded(model), &[], 2.0), []);
    assert_eq!(store.engine.get_untracked(), EngineState::Ready);
    assert_eq!(store.meter.get_untracked(), None);
}

#[test]
fn a_refused_work_leaves_the_others() {
    let (_owner, store) = visit();
    let (good, bad) = (work(&store, "fox.png"), work(&store, "notes.zip"));
    store.apply(
        Event::WorkRefused {
            id: bad.id,
            message: "This is a zip archive.".into(),
        },
        &[],
        0.0,
    );
    let added = Event::WorkAdded {
        id: good.id,
        width: 10,
        height: 20,
        thumbnail: pixels(0),
    };
    store.apply(added, &[bytes(4)], 0.0);
    assert_eq!(store.works.with_untracked(Vec::len), 1);
    assert_eq!(good.state.get_untracked(), WorkState::Accepted);
    let notices = store.notices.get_untracked();
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].place, Place::Works);
    assert!(notices[0].text.contains("notes.zip"));
}

#[test]
fn training_ends_with_an_adapter_that_is_kept() {
    let (_owner, store) = visit();
    let job = train(&store);
    store.apply(trained(job, 1), &[], 0.0);
    assert_eq!(store.run.get_untracked().unwrap().step, 1);
    // An answer to a run of before changes nothing.
    store.apply(trained(JobId(99), 7), &[], 0.0);
    assert_eq!(store.run.get_untracked().unwrap().step, 1);

    let next = store.apply(ended(job, Outcome::Finished), &[], 0.0);
    assert_eq!(next, [FollowUp::KeepAdapter(0), FollowUp::FirstPicture]);
    assert_eq!(store.activity.get_untracked(), Activity::Idle);
    assert!(store.would_lose());

    for (purpose, downloads) in [(FilePurpose::Keep(0), 0), (FilePurpose::Save(0), 1)] {
        store.files_awaited.update_value(|f| f.push_back(purpose));
        let file = Event::AdapterFile {
            file_name: "a.safetensors".into(),
            bytes: Buffer(0),
            tools: vec![
                ToolVerdict {
                    tool: "diffusers".into(),
                    problem: None,
                },
                ToolVerdict {
                    tool: "A1111".into(),
                    problem: Some("It leaves one out.".into()),
                },
            ],
        };
        assert_eq!(store.apply(file, &[bytes(3)], 0.0).len(), downloads);
        let said = "Saved. With the model it was made for, it loads in diffusers. A1111: It leaves one out.";
        let notices = store
            .notices
            .with_untracked(|n| n.iter().filter(|n| n.text == said).count());
        assert_eq!(notices, downloads);
    }
    assert!(!store.would_lose());
}

#[test]
fn a_run_that_failed_shelves_nothing_twice() {
    let (_owner, store) = visit();
    let job = train(&store);
    store.apply(ended(job, Outcome::Finished), &[], 0.0);
    // The engine names the present adapter, which is still the one of before.
    let job = train(&store);
    assert_eq!(store.apply(ended(job, Outcome::Failed), &[], 0.0), []);
    assert_eq!(store.shelf.with_untracked(Vec::len), 1);
}

#[test]
fn an_adapter_without_a_title_is_called_by_its_trigger() {
    let untitled = AdapterInfo {
        title: String::new(),
        ..info()
    };
    let shelved = Shelved::new(untitled);
    assert_eq!(shelved.info.title, "in my hand");
    assert_eq!(shelved.file_name, "in-my-hand.safetensors");
}

fn lost(out_of_memory: bool) -> Event {
    Event::DeviceLost {
        message: "gone".into(),
        out_of_memory,
    }
}

#[test]
fn where_memory_ran_out_the_next_run_takes_less() {
    let (_owner, store) = visit();
    let mut rungs = 0;
    loop {
        let before = store.training.get_untracked();
        store.engine.set(EngineState::Ready);
        let job = train(&store);
        store.apply(trained(job, 1), &[], 0.0);
        store.apply(lost(true), &[], 0.0);
        let after = store.training.get_untracked();
        if after == before {
            break;
        }
        let works = |s: &TrainingSettings| s.batch_size * s.accumulate;
        assert_eq!(works(&after), works(&before));
        rungs += 1;
    }
    // In pieces; four works, two, one; rank 16, 8, 4.
    assert_eq!(rungs, 1 + 2 + 2);
    let said = |text: &str| {
        store
            .notices
            .with_untracked(|n| n.iter().any(|n| n.text == text))
    };
    assert!(said(t().made_lighter) && said(t().too_large));
}

#[test]
fn a_lost_gpu_takes_neither_works_nor_adapters() {
    let (_owner, store) = visit();
    let work = work(&store, "fox.png");
    work.state.set(WorkState::Accepted);
    let job = train(&store);
    store.apply(ended(job, Outcome::Finished), &[], 0.0);
    store.shelf.update(|s| s[0].bytes = Some(bytes(3)));
    let job = train(&store);
    store.apply(trained(job, 1), &[], 0.0);
    let settings = store.training.get_untracked();
    store.apply(lost(false), &[], 0.0);
    assert_eq!(store.training.get_untracked(), settings);
    assert_eq!(
        store.engine.get_untracked(),
        EngineState::Lost("gone".into())
    );
    assert_eq!(store.activity.get_untracked(), Activity::Idle);
    assert_eq!(work.state.get_untracked(), WorkState::Waiting);
    assert_eq!(
        store.run.get_untracked().unwrap().outcome,
        Some(Outcome::Failed)
    );

    let model = ModelInfo {
        name: "Sketch".into(),
        resolution: 128,
        parameters: 1,
        kind: ModelKind::Sketch,
        hash: String::new(),
    };
    let next = store.apply(Event::ModelLoaded(model), &[], 2.0);
    assert_eq!(next, [FollowUp::RestoreAdapter(0)]);
}

#[test]
fn a_pair_of_pictures_ends_sampling() {
    let (_owner, store) = visit();
    let job = store.new_job();
    store.activity.set(Activity::Sampling(job));
    store
        .sampling
        .set(Some(crate::store::SampleProgress::new(job, 2)));
    let picture = |with_adapter| Event::Picture {
        job,
        with_adapter,
        pixels: pixels(0),
        png: Buffer(1),
        settings: SampleSettings::default(),
        note: with_adapter.then(|| "cut".to_owned()),
    };
    store.apply(picture(false), &[bytes(4), bytes(9)], 0.0);
    assert_eq!(store.activity.get_untracked(), Activity::Sampling(job));
    store.apply(picture(true), &[bytes(4), bytes(9)], 0.0);
    assert_eq!(store.activity.get_untracked(), Activity::Idle);
    let made = store.made.get_untracked();
    assert_eq!(made.len(), 1);
    assert!(made[0].base.is_some() && made[0].adapter.is_some());
    assert_eq!(made[0].note.as_deref(), Some("cut"));
}

#[test]
fn failures_are_said_where_they_belong() {
    let (_owner, store) = visit();
    let job = train(&store);
    let failed = |request: &str, job| Event::Failed {
        request: request.to_owned(),
        job,
        message: format!("{request} failed"),
    };
    store.apply(failed("train", Some(job)), &[], 0.0);
    assert_eq!(store.activity.get_untracked(), Activity::Idle);
    assert_eq!(store.run.get_untracked(), None);
    let load = AdapterLoad::File {
        name: "bad.safetensors".into(),
        bytes: bytes(1),
    };
    store.loads_awaited.update_value(|l| l.push_back(load));
    store.apply(failed("load_adapter", None), &[], 0.0);
    store.apply(failed("load_model", None), &[], 0.0);
    let notices = store.notices.get_untracked();
    assert_eq!(notices[0].place, Place::Train);
    assert_eq!(notices[1].place, Place::Adapter);
    assert!(notices[1].text.contains("bad.safetensors"));
    assert_eq!(
        store.engine.get_untracked(),
        EngineState::ModelFailed("load_model failed".into())
    );
}

#[test]
fn a_model_of_another_kind_brings_its_settings() {
    let (_owner, store) = visit();
    let load = |kind, name: &str| {
        let model = ModelInfo {
            name: name.into(),
            resolution: 512,
            parameters: 1,
            kind,
            hash: String::new(),
        };
        store.apply(Event::ModelLoaded(model), &[], 0.0)
    };
    store.sample.update(|s| s.steps = 33);
    load(ModelKind::Sketch, "Sketch");
    assert_eq!(store.sample.get_untracked().steps, 33, "the artist's own");

    let job = train(&store);
    store.apply(ended(job, Outcome::Finished), &[], 0.0);
    let next = load(ModelKind::StableDiffusion, "sd");
    assert_eq!(next, [FollowUp::RestoreAdapter(0)]);
    assert_eq!(store.current.get_untracked(), None, "until it is taken");
    let sample = store.sample.get_untracked();
    assert_eq!(sample.sampler, SamplerKind::DpmPlusPlus2MKarras);
    let settings = store.training.get_untracked();
    assert_eq!((settings.batch_size, settings.learning_rate), (1, 1e-4));
    store.choose_preset(Preset::Quick);
    let quick = Preset::Quick.settings_for(ModelKind::StableDiffusion);
    assert_eq!(store.training.get_untracked().steps, quick.steps);
    // Another of the same kind leaves them.
    store.sample.update(|s| s.steps = 40);
    load(ModelKind::StableDiffusion, "other");
    assert_eq!(store.sample.get_untracked().steps, 40);
}

#[test]
fn a_preset_leaves_what_is_the_artists_own() {
    let (_owner, store) = visit();
    store.training.update(|s| {
        s.preview_prompts = vec!["a boat".into()];
        s.background = [1, 2, 3];
    });
    store.choose_preset(Preset::Quick);
    let settings = store.training.get_untracked();
    assert_eq!(settings.steps, Preset::Quick.settings().steps);
    assert_eq!(settings.preview_prompts, ["a boat"]);
    assert_eq!(settings.background, [1, 2, 3]);
}

#[test]
fn presets_suit_what_is_learned() {
    let (_owner, store) = visit();
    let expected = |works, learns| {
        let lesson = Lesson { works, learns };
        Preset::Balanced.suited(ModelKind::Sketch, lesson)
    };
    for _ in 0..6 {
        work(&store, "a fox");
    }
    store.suit_works();
    let steps = |store: &Store| store.training.with_untracked(|settings| settings.steps);
    assert_eq!(steps(&store), expected(6, Learns::Style).steps);
    assert!(steps(&store) < Preset::Balanced.settings().steps);

    store.choose_learns(Learns::Subject);
    let subject = (t().trigger_default)(Learns::Subject);
    assert_eq!(store.trigger.get_untracked(), subject);
    assert_eq!(steps(&store), expected(6, Learns::Subject).steps);
    assert_eq!(steps(&store), Preset::Balanced.settings().steps);
    // The artist's own words and values stay.
    store.trigger.set("my fox".into());
    store.preset.set(None);
    store.training.update(|settings| settings.steps = 7);
    store.choose_learns(Learns::Style);
    work(&store, "a fox");
    store.suit_works();
    assert_eq!(store.trigger.get_untracked(), "my fox");
    assert_eq!(steps(&store), 7);
}

#[test]
fn a_mixture_is_an_adapter_that_is_kept() {
    let (_owner, store) = visit();
    let info = AdapterInfo {
        title: "a 1 + b 0.5".into(),
        trigger: "in ink".into(),
        rank: 8,
        parameters: 1,
        steps: 0,
        hash: "ab".into(),
    };
    store
        .loads_awaited
        .update_value(|l| l.push_back(AdapterLoad::Made));
    let failed = Event::Failed {
        request: "mix_adapters".into(),
        job: None,
        message: "It does not fit.".into(),
    };
    assert_eq!(store.apply(failed, &[], 0.0), []);
    let said = store.notices.get_untracked();
    assert_eq!(
        (said[0].place, said[0].text.as_str()),
        (Place::Adapter, "It does not fit.")
    );
    store
        .loads_awaited
        .update_value(|l| l.push_back(AdapterLoad::Made));
    let next = store.apply(Event::AdapterLoaded(info), &[], 0.0);
    assert_eq!(next, [FollowUp::KeepAdapter(0)]);
    assert_eq!(store.current.get_untracked(), Some(0));
    assert!(!store.shelf.get_untracked()[0].saved);
}
