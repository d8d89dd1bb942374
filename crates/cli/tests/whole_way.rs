//! The command line on the shipped model and the sample works, on the CPU.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn atelier(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_atelier"))
        .args(arguments)
        .output()
        .unwrap()
}

fn succeed(arguments: &[&str]) -> String {
    let output = atelier(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// What it says when it refuses.
fn refused(arguments: &[&str]) -> String {
    let output = atelier(arguments);
    assert!(!output.status.success(), "{arguments:?} was carried out");
    String::from_utf8(output.stderr).unwrap()
}

/// A folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn model() -> String {
    root()
        .join("www/models/sketch")
        .to_str()
        .unwrap()
        .to_string()
}

fn works() -> String {
    root()
        .join("www/samples/gerald-food")
        .to_str()
        .unwrap()
        .to_string()
}

fn train(out: &Path, seed: &str) {
    succeed(&[
        "train",
        "--model",
        &model(),
        "--works",
        &works(),
        "--trigger",
        "gerald style",
        "--steps",
        "6",
        "--rank",
        "4",
        "--seed",
        seed,
        "--device",
        "cpu",
        "--out",
        text(out),
        "--json",
    ]);
}

const TEA: &str = "a cup of tea";

/// A picture of tea with seed 3.
fn sample(out: &Path, adapter: Option<&str>) -> Vec<u8> {
    draw(&[TEA], "3", out, adapter);
    std::fs::read(out).unwrap()
}

fn draw(prompts: &[&str], seed: &str, out: &Path, adapter: Option<&str>) {
    let model = model();
    let mut arguments = vec![
        "sample",
        "--model",
        &model,
        "--steps",
        "4",
        "--seed",
        seed,
        "--device",
        "cpu",
        "--out",
        text(out),
        "--json",
    ];
    if let Some(adapter) = adapter {
        arguments.extend(["--adapter", adapter]);
    }
    for prompt in prompts {
        arguments.extend(["--prompt", prompt]);
    }
    succeed(&arguments);
}

#[test]
fn the_same_seed_gives_the_same_adapter_and_the_adapter_changes_the_picture() {
    let folder = folder("way");
    let [first, again, other] =
        ["a", "b", "c"].map(|name| folder.join(format!("{name}.safetensors")));
    train(&first, "1");
    train(&again, "1");
    train(&other, "2");
    let [one, two, three] = [&first, &again, &other].map(|path| {
        // The title is the file's name, and the one thing that may differ.
        let bytes = std::fs::read(path).unwrap();
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        bytes[8 + header..].to_vec()
    });
    assert_eq!(one, two, "seeded");
    assert_ne!(one, three);

    let shown = succeed(&["inspect", text(&first)]);
    assert!(
        shown.contains("lora_unet_") && shown.contains("gerald style"),
        "{shown}"
    );

    let picture = folder.join("picture.png");
    let base = sample(&picture, None);
    let several = folder.join("several");
    draw(&["a fox", TEA], "2", &several, None);
    let [fox, tea] = ["000.png", "001.png"].map(|name| std::fs::read(several.join(name)).unwrap());
    assert_eq!(tea, base, "seeded, and every one with the next seed");
    assert_ne!(tea, fox);
    let adapted = sample(&picture, Some(text(&first)));
    assert_ne!(base, adapted);
    let stronger = sample(&picture, Some(&format!("{}:4", first.display())));
    assert_ne!(adapted, stronger);
}

#[test]
fn what_cannot_be_done_is_said_in_a_sentence() {
    let folder = folder("refused");
    let out = folder.join("out.safetensors");
    let model = model();
    let said = refused(&[
        "train",
        "--model",
        &model,
        "--works",
        text(&folder),
        "--out",
        text(&out),
    ]);
    assert!(said.contains("no pictures"), "{said}");
    let said = refused(&[
        "sample",
        "--model",
        text(&folder),
        "--prompt",
        "x",
        "--device",
        "cpu",
        "--out",
        text(&out),
    ]);
    assert!(said.contains("model_index.json"), "{said}");
    let not_an_adapter = folder.join("broken.safetensors");
    std::fs::write(&not_an_adapter, b"PK\x03\x04 a zip").unwrap();
    let said = refused(&[
        "sample",
        "--model",
        &model,
        "--prompt",
        "x",
        "--device",
        "cpu",
        "--adapter",
        text(&not_an_adapter),
        "--out",
        text(&out),
    ]);
    assert!(said.ends_with(".\n"), "{said}");
    let said = refused(&["inspect", text(&not_an_adapter)]);
    assert!(
        said.contains("safetensors") || said.contains("archive"),
        "{said}"
    );
    let said = refused(&[
        "sample",
        "--model",
        &model,
        "--prompt",
        "x",
        "--steps",
        "0",
        "--device",
        "cpu",
        "--out",
        text(&out),
    ]);
    assert!(said.contains("steps"), "{said}");
}
