//! A project leaves the page and comes back.

use std::collections::HashMap;

use atelier_project::ModelRecord;
use atelier_protocol::{
    AdapterInfo, Buffer, Event, ModelInfo, ModelKind, Pixels, Work as TrainingWork,
};

use super::*;
use crate::store::{Activity, FollowUp};

fn store() -> (Owner, Store) {
    let owner = Owner::new();
    owner.set();
    (owner, Store::default())
}

fn work(store: &Store, caption: &str) -> WorkId {
    let id = store.new_work_id();
    store.works.update(|works| {
        works.push(Work {
            id,
            name: "fox.png".into(),
            url: None,
            caption: ArcRwSignal::new(caption.into()),
            focus: ArcRwSignal::new(0.25),
            state: ArcRwSignal::new(WorkState::Accepted),
            seen: ArcRwSignal::new(None),
            sample_set: None,
        });
    });
    id
}

/// A run of ten steps on one work, up to `step`, with a checkpoint there.
fn half_a_run(store: &Store, step: u32) -> JobId {
    let id = work(store, "a fox");
    let settings = TrainingSettings {
        steps: 10,
        ..Preset::Quick.settings()
    };
    let works = vec![TrainingWork {
        id,
        caption: "a fox".into(),
        focus: 0.25,
    }];
    let job = store.new_job();
    store.run.set(Some(Run::new(job, settings, works)));
    store.activity.set(Activity::Training(job));
    store.engine.set(EngineState::Ready);
    let preview = |step, adapter| {
        let pixels = Pixels {
            width: 16,
            height: 16,
            rgba: Buffer(0),
        };
        let previewed = Event::Previewed {
            job,
            step,
            pictures: vec![pixels],
            adapter,
            nearness: Some(0.9),
        };
        let buffers = [vec![255; 16 * 16 * 4].into(), vec![5; 3].into()];
        store.apply(previewed, &buffers, 0.0);
    };
    preview(0, None);
    for n in 1..=step + 2 {
        if n == 2 {
            preview(n, Some(Buffer(1)));
        }
        let trained = Event::Trained {
            job,
            step: n,
            steps: 10,
            loss: 0.5,
            seconds_per_step: 1.0,
            seconds_left: 9.0,
        };
        store.apply(trained, &[], 0.0);
        if n == step {
            let bytes = Buffer(0);
            store.apply(
                Event::Checkpoint { job, step, bytes },
                &[vec![7; 9].into()],
                0.0,
            );
        }
    }
    job
}

/// The record and all files, as the database would have them.
fn kept(store: &Store) -> (Project, HashMap<String, Bytes>) {
    let project = store.record();
    let files = project.files().into_iter();
    let files = files.filter_map(|name| Some((name.clone(), store.file(&name)?)));
    (project.clone(), files.collect())
}

#[test]
fn a_crash_in_training_comes_back_at_its_checkpoint() {
    let (_owner, before) = store();
    half_a_run(&before, 4);
    let (project, files) = kept(&before);
    assert!(files.contains_key(&checkpoint_file(4)) && files.contains_key(&preview_file(0, 0)));

    let (_owner, after) = store();
    after.restore(project.clone(), |name| files.get(name).cloned());
    let run = after.run.get_untracked().unwrap();
    assert_eq!((run.step, run.steps), (4, 10));
    assert!(run.is_paused());
    assert_eq!(run.checkpoint.unwrap().bytes[..], [7; 9]);
    assert_eq!(after.loss.with_untracked(|l| l.raw_until(99).0.len()), 4);
    let previews = after.previews.get_untracked();
    let adapters: Vec<_> = previews.iter().map(|row| row.adapter.as_deref()).collect();
    assert_eq!(adapters, [None, Some(&[5; 3][..])]);
    assert_eq!(run.nearness, Some(0.9));
    // Kept again it is the same.
    assert_eq!(kept(&after).0, project);
}

#[test]
fn going_on_waits_for_the_works() {
    let (_owner, before) = store();
    half_a_run(&before, 4);
    let (project, files) = kept(&before);
    let (_owner, after) = store();
    assert_eq!(after.go_on_gate(), GoOnGate::Nothing);
    after.restore(project, |name| files.get(name).cloned());
    after.engine.set(EngineState::Ready);
    assert_eq!(after.go_on_gate(), GoOnGate::Wait);
    let works = after.works.get_untracked();
    works[0].state.set(WorkState::Accepted);
    assert_eq!(after.go_on_gate(), GoOnGate::Open);
    // New works have numbers of their own.
    assert!(after.new_work_id() != works[0].id);
    after.works.set(Vec::new());
    assert_eq!(after.go_on_gate(), GoOnGate::WorksGone);
}

#[test]
fn a_lost_engine_leaves_the_checkpoint() {
    let (_owner, store) = store();
    half_a_run(&store, 4);
    store.engine_lost("gone".into());
    let run = store.run.get_untracked().unwrap();
    assert!(run.is_paused());
    assert_eq!(run.step, 4);
    assert_eq!(store.loss.with_untracked(|l| l.raw_until(99).0.len()), 4);
}

#[test]
fn a_run_keeps_one_adapter_however_often_it_is_paused() {
    let (_owner, store) = store();
    let job = half_a_run(&store, 4);
    let pause = |job, steps_done| {
        let adapter = Some(AdapterInfo {
            title: String::new(),
            trigger: "in my hand".into(),
            rank: 8,
            parameters: 9,
            steps: steps_done,
            hash: String::new(),
        });
        let outcome = Outcome::Stopped;
        let ended = Event::TrainingEnded {
            job,
            outcome,
            steps_done,
            adapter,
        };
        store.apply(ended, &[], 0.0)
    };
    assert_eq!(pause(job, 4), [FollowUp::KeepAdapter(0)]);
    let first = store.shelf.get_untracked()[0].id;
    store.activity.set(Activity::Training(job));
    assert_eq!(pause(job, 8), [FollowUp::KeepAdapter(0)]);
    let shelf = store.shelf.get_untracked();
    assert_eq!((shelf.len(), shelf[0].info.steps), (1, 8));
    assert_ne!(shelf[0].id, first, "another file");
    // One that was saved stays.
    store.shelf.update(|s| s[0].saved = true);
    store.activity.set(Activity::Training(job));
    assert_eq!(pause(job, 9), [FollowUp::KeepAdapter(1)]);
}

#[test]
fn a_project_has_its_model_and_settings_that_suit_it() {
    let (_owner, store) = store();
    let ink = ModelRecord {
        model: "5d".into(),
        title: "studio/ink".into(),
    };
    let load = |kind| {
        let model = ModelInfo {
            name: "ink".into(),
            resolution: 64,
            parameters: 1,
            kind,
            hash: String::new(),
        };
        store.apply(Event::ModelLoaded(model), &[], 0.0);
    };
    store.chosen.set(Some(ink.clone()));
    load(ModelKind::Lcm);
    store.sample.update(|settings| settings.steps = 6);
    let record = store.record();

    store.clear_project();
    assert_eq!(
        store.sample.get_untracked().steps,
        4,
        "a new one goes on with the model"
    );
    store.chosen.set(None);
    load(ModelKind::Sketch);
    assert_eq!(store.sample.get_untracked().steps, 20);

    store.clear_project();
    store.restore(record, |_| None);
    assert_eq!(store.chosen.get_untracked(), Some(ink));
    assert_eq!(store.model.get_untracked(), None, "it is to be loaded");
    load(ModelKind::Lcm);
    assert_eq!(store.sample.get_untracked().steps, 6, "the artist's own");
}
