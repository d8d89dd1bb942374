use std::cell::Cell;

use atelier_weights::{Dtype, File, TensorView, write};
use pollster::block_on;
use serde_json::json;

use super::*;
use crate::Record;

const SD1: &[u8] = include_bytes!("../../../../tests/golden/ldm/sd1.safetensors");
const SD2: &[u8] = include_bytes!("../../../../tests/golden/ldm/sd2.safetensors");

/// Files in memory, and how many bytes of them were read at most at once, and in all.
#[derive(Default)]
struct Memory {
    entries: Vec<Entry>,
    contents: Vec<Vec<u8>>,
    most: Cell<usize>,
    read: Cell<usize>,
}

impl Memory {
    fn with(mut self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        if self.entry(path).is_some() {
            self = self.without(path);
        }
        self.entries.push(Entry {
            path: path.into(),
            size: bytes.len() as u64,
            sha256: None,
        });
        self.contents.push(bytes);
        self
    }

    fn json(self, path: &str, value: Value) -> Self {
        self.with(path, value.to_string())
    }

    fn without(mut self, path: &str) -> Self {
        let at = self
            .entries
            .iter()
            .position(|entry| entry.path == path)
            .unwrap();
        self.entries.remove(at);
        self.contents.remove(at);
        self
    }
}

impl Files for Memory {
    fn entries(&self) -> &[Entry] {
        &self.entries
    }

    async fn read(&self, entry: &Entry, begin: u64, bytes: u64) -> Result<Vec<u8>, LibraryError> {
        let at = self.entries.iter().position(|e| e == entry).unwrap();
        let bytes = self.contents[at][begin as usize..(begin + bytes) as usize].to_vec();
        self.most.set(self.most.get().max(bytes.len()));
        self.read.set(self.read.get() + bytes.len());
        Ok(bytes)
    }
}

fn tensors(names: &[&str]) -> Vec<u8> {
    let views: Vec<_> = names
        .iter()
        .map(|name| TensorView {
            name,
            dtype: Dtype::F16,
            shape: &[2, 3],
            bytes: &[7; 12],
        })
        .collect();
    write(&views, &Default::default()).unwrap()
}

/// A folder as diffusers writes it, in small, with all that published ones have besides.
fn folder() -> Memory {
    let unet = "unet/diffusion_pytorch_model";
    Memory::default()
        .json("model_index.json", json!({
            "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.31.0",
            "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"],
            "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
            "scheduler": ["diffusers", "PNDMScheduler"], "safety_checker": ["x", "SafetyChecker"],
        }))
        .json("unet/config.json", json!({"cross_attention_dim": 768, "in_channels": 4}))
        .with(&format!("{unet}.safetensors"), tensors(&["a", "b", "c"]))
        .with(&format!("{unet}.fp16.safetensors"), tensors(&["a", "b"]))
        .with(&format!("{unet}.non_ema.safetensors"), tensors(&["a"]))
        .with(&format!("{unet}.bin"), "PK\x03\x04")
        .json("vae/config.json", json!({}))
        .with("vae/diffusion_pytorch_model.safetensors", tensors(&["d"]))
        .json("text_encoder/config.json", json!({}))
        .with("text_encoder/model.safetensors", tensors(&["e"]))
        .json("scheduler/scheduler_config.json", json!({"beta_start": 0.00085}))
        .json("tokenizer/vocab.json", json!({}))
        .with("tokenizer/merges.txt", "#version\n")
        .with("safety_checker/model.safetensors", tensors(&["s"]))
        .with("v1-5-pruned-emaonly.safetensors", SD1)
        .with("README.md", "# Model")
}

fn open(files: &Memory) -> Result<Model, LibraryError> {
    block_on(Model::open(files, None))
}

fn refusal(files: &Memory) -> String {
    open(files).unwrap_err().to_string()
}

#[test]
fn a_folder_needs_its_parts_and_nothing_else() {
    let model = open(&folder()).unwrap();
    let mut paths: Vec<_> = model
        .files
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            "model_index.json",
            "scheduler/scheduler_config.json",
            "text_encoder/config.json",
            "text_encoder/model.safetensors",
            "tokenizer/merges.txt",
            "tokenizer/vocab.json",
            "unet/config.json",
            "unet/diffusion_pytorch_model.fp16.safetensors",
            "vae/config.json",
            "vae/diffusion_pytorch_model.safetensors",
        ]
    );
    assert_eq!(model.family, ModelFamily::Sd1);
    assert_eq!(model.parameters(), 4 * 6);
    assert_eq!(model.config(Folder::Unet)["cross_attention_dim"], 768);
    assert_eq!(model.scheduler["beta_start"], 0.00085);
}

#[test]
fn families_are_told() {
    let with = |width: Value| {
        open(&folder().json("unet/config.json", json!({"cross_attention_dim": width})))
    };
    assert_eq!(with(json!(1024)).unwrap().family, ModelFamily::Sd2);
    assert_eq!(with(json!([768, 768])).unwrap().family, ModelFamily::Sd1);
    assert!(
        with(json!(2048))
            .unwrap_err()
            .to_string()
            .contains("Stable Diffusion XL")
    );
    for odd in [json!("x"), json!(null), json!(-1), json!([]), json!(1e99)] {
        assert!(with(odd).is_err());
    }
    let inputs = json!({"cross_attention_dim": 768, "in_channels": 8});
    assert!(refusal(&folder().json("unet/config.json", inputs)).contains("other inputs"));
}

#[test]
fn shards_are_all_needed() {
    let index = "unet/diffusion_pytorch_model.safetensors.index.fp16.json";
    let (one, two) = ("unet/one.safetensors", "unet/two.safetensors");
    let sharded = |map: Value| {
        folder()
            .without("unet/diffusion_pytorch_model.fp16.safetensors")
            .json(index, json!({"weight_map": map}))
            .with(one, tensors(&["a"]))
            .with(two, tensors(&["b"]))
    };
    let right = json!({"a": "one.safetensors", "b": "two.safetensors"});
    let model = open(&sharded(right.clone())).unwrap();
    let names: Vec<_> = (model.tensors(Folder::Unet).iter())
        .map(|t| (t.info.name.as_str(), model.files[t.file].path.as_str()))
        .collect();
    assert_eq!(names, [("a", one), ("b", two)]);
    assert!(model.files.iter().any(|entry| entry.path == index));
    assert!(refusal(&sharded(right).without(two)).contains("lacks unet/two.safetensors"));
    let swapped = json!({"a": "two.safetensors", "b": "one.safetensors"});
    assert!(refusal(&sharded(swapped)).contains("the index does not have"));
    let outside = json!({"a": "../vae/x.safetensors"});
    assert!(refusal(&sharded(outside)).contains("not a plain name"));
}

#[test]
fn single_files_are_models_too() {
    for (bytes, family) in [(SD1, ModelFamily::Sd1), (SD2, ModelFamily::Sd2)] {
        let files = Memory::default()
            .with("ink.safetensors", bytes)
            .with("notes.txt", "notes")
            .with("loras/x.safetensors", "");
        let model = open(&files).unwrap();
        assert_eq!((model.family, model.files.len()), (family, 1));
        assert!(model.config(Folder::Unet)["cross_attention_dim"].is_u64());
        assert!(
            files.read.get() < bytes.len() / 2,
            "weights were read to look at the model"
        );

        // Every tensor is what it is in the file, read in pieces from it.
        let file = File::parse(bytes, Limits::BASE).unwrap();
        let start = file.header().data_start as usize;
        for folder in Folder::ALL {
            assert!(!model.tensors(folder).is_empty());
            for tensor in model.tensors(folder) {
                let mut read = Vec::new();
                block_on(model.read(&files, tensor, &mut |piece| {
                    read.extend_from_slice(piece);
                    Ok::<(), LibraryError>(())
                }))
                .unwrap();
                let place = start + tensor.info.begin as usize..start + tensor.info.end as usize;
                assert_eq!(read, bytes[place], "{}", tensor.info.name);
            }
        }
    }
    let two = Memory::default()
        .with("a.safetensors", SD1)
        .with("b.safetensors", SD2);
    assert!(refusal(&two).contains("a.safetensors, b.safetensors"));
    assert_eq!(
        block_on(Model::open(&two, Some("b.safetensors")))
            .unwrap()
            .family,
        ModelFamily::Sd2
    );
    let inside = block_on(Model::open(
        &folder(),
        Some("v1-5-pruned-emaonly.safetensors"),
    ))
    .unwrap();
    assert_eq!(inside.files.len(), 1);
}

#[test]
fn a_large_tensor_is_read_in_pieces() {
    let bytes = vec![1; 2 * PIECE as usize + 10];
    let large = TensorView {
        name: "a",
        dtype: Dtype::U8,
        shape: &[bytes.len()],
        bytes: &bytes,
    };
    let path = "unet/diffusion_pytorch_model.fp16.safetensors";
    let files = folder().with(path, write(&[large], &Default::default()).unwrap());
    let model = open(&files).unwrap();
    let mut sizes = Vec::new();
    block_on(
        model.read(&files, &model.tensors(Folder::Unet)[0], &mut |piece| {
            sizes.push(piece.len() as u64);
            Ok::<(), LibraryError>(())
        }),
    )
    .unwrap();
    assert_eq!(sizes, [PIECE, PIECE, 10]);
    assert_eq!(files.most.get() as u64, PIECE);
}

#[test]
fn pickles_are_refused_by_name_and_by_content() {
    let weights = "unet/diffusion_pytorch_model";
    let mut files = folder();
    for name in ["safetensors", "fp16.safetensors", "non_ema.safetensors"] {
        files = files.without(&format!("{weights}.{name}"));
    }
    assert!(refusal(&files).contains("can run code"));
    // One that says it is none.
    for pickle in ["PK\x03\x04rest of it", "\u{80}\u{2}}q\u{0}"] {
        let bytes: Vec<u8> = pickle.chars().map(|c| c as u8).collect();
        let files = folder().with("vae/diffusion_pytorch_model.safetensors", bytes.clone());
        assert!(refusal(&files).contains("can run code"), "{pickle:?}");
        assert!(refusal(&Memory::default().with("x.safetensors", bytes)).contains("can run code"));
    }
    assert!(refusal(&Memory::default().with("model.ckpt", "PK")).contains("can run code"));
    let named = block_on(Model::open(
        &Memory::default().with("model.CKPT", SD1),
        Some("model.CKPT"),
    ));
    assert!(named.unwrap_err().to_string().contains("can run code"));
}

#[test]
fn what_is_missing_is_named() {
    for path in [
        "unet/config.json",
        "vae/config.json",
        "text_encoder/config.json",
        "scheduler/scheduler_config.json",
    ] {
        assert_eq!(
            open(&folder().without(path)).unwrap_err(),
            LibraryError::Missing { path: path.into() }
        );
    }
    assert!(
        refusal(&folder().without("text_encoder/model.safetensors")).contains("no file of weights")
    );
    let mute = folder()
        .without("tokenizer/vocab.json")
        .without("tokenizer/merges.txt");
    assert!(refusal(&mute).contains("lacks tokenizer/"));
    assert!(refusal(&Memory::default().with("README.md", "x")).contains("holds no model"));
    assert!(refusal(&Memory::default()).contains("holds no model"));
}

#[test]
fn other_pipelines_are_refused_before_their_weights_are_looked_at() {
    let class = |part: &str, class: &str| {
        let mut index = json!({
            "_class_name": "P", "unet": ["d", "UNet2DConditionModel"], "vae": ["d", "AutoencoderKL"],
            "text_encoder": ["t", "CLIPTextModel"],
        });
        index[part] = json!(["d", class]);
        refusal(&folder().json("model_index.json", index))
    };
    assert!(class("text_encoder_2", "CLIPTextModelWithProjection").contains("Stable Diffusion XL"));
    assert!(class("transformer", "FluxTransformer2DModel").contains("diffusion transformer"));
    assert!(class("vae", "AutoencoderKLWan").contains("AutoencoderKLWan"));
    assert!(class("unet", "UNet\u{202e}\n").contains("UNet??"));
    let adapter = tensors(&["lora_unet_x.lora_down.weight", "lora_unet_x.lora_up.weight"]);
    assert!(refusal(&Memory::default().with("x.safetensors", adapter)).contains("a LoRA adapter"));
}

#[test]
fn damaged_files_are_refused() {
    let weights = "vae/diffusion_pytorch_model.safetensors";
    let whole = tensors(&["d"]);
    assert!(refusal(&folder().with(weights, &whole[..whole.len() - 1])).contains("cut short"));
    assert!(refusal(&folder().with(weights, "")).contains("empty"));
    assert!(
        refusal(&folder().with(weights, "<!doctype html><title>Sign in</title>"))
            .contains("web page")
    );
    let mut long = whole.clone();
    long[7] = 0x7f;
    assert!(open(&folder().with(weights, long)).is_err());
    for path in [
        "model_index.json",
        "unet/config.json",
        "scheduler/scheduler_config.json",
    ] {
        for bad in ["", "{", "[1", "\u{0}", "{\"a\":1}{"] {
            assert!(open(&folder().with(path, bad)).is_err(), "{path} {bad:?}");
        }
        let huge = vec![b' '; CONFIG as usize + 1];
        assert!(open(&folder().with(path, huge)).is_err(), "{path}");
    }
}

#[test]
fn a_record_says_what_is_here_and_asks_no_other_host() {
    let name = Name::parse("a/b@v1", "").unwrap();
    let model = open(&folder()).unwrap();
    let commit = "451f4fe16113bff5a5d2269ed5ad43b0592e9a14";
    let record = Record::fetched(&name, commit, Some("mit".into()), &model);
    let read = Record::parse(&record.to_bytes()).unwrap();
    assert_eq!(read, record);
    assert_eq!(read.id(), record.id());
    assert_eq!(read.id().len(), 16);
    assert_ne!(read.id(), Record::chosen("b", &model).id());
    let again = read.name("").unwrap().unwrap();
    assert_eq!(
        (again.to_string().as_str(), again.revision.as_str()),
        ("a/b", commit)
    );

    let count = record.files.len();
    let mut states = vec![State::Checked; count];
    assert!(record.is_whole(&states) && record.here(&states) == record.bytes());
    states[0] = State::Partial(3);
    assert!(!record.is_whole(&states));
    assert_eq!(
        record.here(&states),
        record.bytes() - record.files[0].size + 3
    );
    states[0] = State::Partial(u64::MAX);
    assert_eq!(record.here(&states), record.bytes() - record.files[0].size);
    assert!(!record.is_whole(&states[1..]));

    let elsewhere = String::from_utf8(record.to_bytes()).unwrap();
    let elsewhere = elsewhere.replace("https://huggingface.co/", "https://evil.test/");
    assert!(
        Record::parse(elsewhere.as_bytes())
            .unwrap()
            .name("")
            .is_err()
    );
    for bad in [
        "",
        "{}",
        "null",
        &elsewhere[..elsewhere.len() / 2],
        &elsewhere.replace("vae/", "../"),
    ] {
        assert!(Record::parse(bad.as_bytes()).is_err());
    }
}

use crate::{Name, State};
