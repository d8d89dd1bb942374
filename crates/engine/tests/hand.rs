//! StyleBench in small (`cargo xtask stylebench` is the whole): adapters of two hands are asked for the same things from
//! the same seeds, and each draws more in its own hand than the other. On the shipped model and the sample works.

use std::error::Error;
use std::path::Path;

use atelier_engine::{Folder, Pipeline, Resume, Session, TrainingEnd, WorkInput};
use atelier_pictures::{Picture, decode};
use atelier_protocol::{Preset, SampleSettings, TrainingSettings};
use burn::tensor::Device;
use pollster::block_on;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// One draws with shaded colours in black outlines, the other in flat colours without.
const HANDS: [&str; 2] = ["gerald-food", "flat-ui"];
/// Among neither's works.
const PROMPTS: [&str; 8] = [
    "car", "house", "fish", "cat", "tree", "bell", "guitar", "crown",
];
const STEPS: u32 = 80;

fn works(hand: &str) -> Outcome<Vec<(Picture, String)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../www/samples");
    let mut works = Vec::new();
    for entry in std::fs::read_dir(folder.join(hand))? {
        let path = entry?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        works.push((stem.replace('-', " "), decode(&std::fs::read(&path)?)?));
    }
    works.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(works.into_iter().map(|(name, work)| (work, name)).collect())
}

const LOOKS: usize = 5;

/// What a hand shows without regard to what is drawn: how dark, how colourful, how much of it is ink, how steep its steps
/// are, and how much of it is paper.
fn look(side: usize, rgb: &[u8]) -> [f64; LOOKS] {
    let pixels = rgb.as_chunks::<3>().0;
    let grey = |&[r, g, b]: &[u8; 3]| (f64::from(r) + f64::from(g) + f64::from(b)) / 765.0;
    let mean = |value: &dyn Fn(&[u8; 3]) -> f64| {
        pixels.iter().map(value).sum::<f64>() / pixels.len() as f64
    };
    let steps = (0..side * (side - 1)).map(|i| {
        let (x, y) = (i % (side - 1), i / (side - 1));
        let at = |x: usize, y: usize| grey(&pixels[y * side + x]);
        (at(x + 1, y) - at(x, y)).abs() + (at(y, x + 1) - at(y, x)).abs()
    });
    let steepest = steps.filter(|step| *step > 0.3).count() as f64;
    [
        mean(&grey),
        mean(&|p| f64::from(p[0].abs_diff(p[1]).max(p[1].abs_diff(p[2]))) / 255.0),
        mean(&|p| f64::from(u8::from(grey(p) < 0.2))),
        steepest / (side * side) as f64,
        mean(&|p| f64::from(u8::from(grey(p) > 0.96))),
    ]
}

/// Tells two hands apart, each feature by what it is worth alone.
struct Judge([(f64, f64); LOOKS]);

impl Judge {
    fn new(hands: [&[[f64; LOOKS]]; 2]) -> Self {
        Self(std::array::from_fn(|i| {
            let [a, b] = hands.map(|looks| {
                let values = || looks.iter().map(|look| look[i]);
                let mean = values().sum::<f64>() / looks.len() as f64;
                let variance = values().map(|v| (v - mean).powi(2)).sum::<f64>();
                (mean, variance / looks.len() as f64)
            });
            ((a.0 + b.0) / 2.0, (a.0 - b.0) / (a.1 + b.1).max(1e-9))
        }))
    }

    /// Above 0 it is rather the first hand's.
    fn judge(&self, look: &[f64; LOOKS]) -> f64 {
        let each = look.iter().zip(&self.0);
        each.map(|(value, (middle, worth))| (value - middle) * worth)
            .sum()
    }
}

#[test]
fn an_adapter_draws_in_the_hand_it_learned() -> Outcome<()> {
    let device = Device::flex();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../www/models/sketch");
    let pipeline = block_on(Pipeline::load(&Folder(model), &device, |_, _| {}))?;
    let side = pipeline.resolution() as u32;
    let mut session = Session::new(device, pipeline);
    let hands = HANDS.map(works).into_iter().collect::<Outcome<Vec<_>>>()?;
    let looks = |works: &[(Picture, String)]| {
        let squares = works.iter().map(|(work, _)| {
            let square = work.square(0.5, side, [255; 3])?;
            Ok(look(side as usize, square.rgb()))
        });
        squares.collect::<Outcome<Vec<_>>>()
    };
    let [first, second] = [looks(&hands[0])?, looks(&hands[1])?];
    let judge = Judge::new([&first, &second]);
    for (own, sign) in [(&first, 1.0), (&second, -1.0)] {
        let right = own.iter().filter(|look| sign * judge.judge(look) > 0.0);
        let share = right.count() as f64 / own.len() as f64;
        println!("the judge knows {share:.2} of a hand's own works");
        assert!(share > 0.85, "the judge does not know the hands");
    }

    let mut drawn = Vec::new();
    for works in &hands {
        let inputs: Vec<_> = works
            .iter()
            .map(|(picture, caption)| WorkInput {
                picture,
                caption,
                focus: 0.5,
            })
            .collect();
        let settings = TrainingSettings {
            steps: STEPS,
            preview_every: 0,
            trigger: "in this style".into(),
            ..Preset::Quick.settings()
        };
        let end = session.train(&inputs, &settings, Resume::default(), || false, |_| {});
        assert_eq!(block_on(end)?, TrainingEnd::Finished);
        let judged = PROMPTS.iter().zip(1..).map(|(prompt, seed)| {
            let settings = SampleSettings {
                prompt: (*prompt).into(),
                seed,
                steps: 12,
                ..SampleSettings::default()
            };
            let picture = block_on(session.sample(&settings, None, true, |_, _| true))?;
            Ok(judge.judge(&look(side as usize, &picture.rgb)))
        });
        drawn.push(judged.collect::<Outcome<Vec<f64>>>()?);
    }
    // Pair by pair, since what is drawn says more than by whom.
    let differences: Vec<f64> = drawn[0].iter().zip(&drawn[1]).map(|(a, b)| a - b).collect();
    let count = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / count;
    let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let t = mean / (variance / count).sqrt();
    println!("{differences:.2?}: mean {mean:.2}, t {t:.1}");
    assert!(t > 3.0, "their adapters draw alike");
    Ok(())
}
