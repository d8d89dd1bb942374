//! Single-file checkpoints against the diffusers models they were made of (tests/golden/ldm; README.md
//! there), and what is refused.

use std::collections::BTreeMap;

use atelier_weights::{
    Checkpoint, Decoder, Dtype, Family, File, Folder, Header, Limits, TensorInfo, WeightsError,
};
use serde_json::Value;

const SD1: &[u8] = include_bytes!("../../../tests/golden/ldm/sd1.safetensors");
const SD2: &[u8] = include_bytes!("../../../tests/golden/ldm/sd2.safetensors");
const FOLDERS: &str = include_str!("../../../tests/golden/ldm/folders.json");
const FULL: &str = include_str!("../../../tests/golden/ldm/full.json");

type Shapes = BTreeMap<String, Vec<usize>>;
type Tensors = BTreeMap<String, (Vec<usize>, String)>;

fn fnv1a(bytes: &[u8]) -> String {
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{hash:016x}")
}

#[test]
fn every_tensor_is_diffusers_bit_by_bit() {
    let expected: BTreeMap<String, BTreeMap<String, Tensors>> =
        serde_json::from_str(FOLDERS).unwrap();
    for (kind, bytes) in [("sd1", SD1), ("sd2", SD2)] {
        let file = File::parse(bytes, Limits::BASE).unwrap();
        let checkpoint = Checkpoint::read(file.header()).unwrap();
        let data = &bytes[file.header().data_start as usize..];
        for folder in Folder::ALL {
            let got: Tensors = (checkpoint.tensors(folder).iter())
                .map(|info| {
                    assert_eq!(info.dtype, Dtype::F16);
                    let values = &data[info.begin as usize..info.end as usize];
                    let size: usize = info.shape.iter().product();
                    assert_eq!(values.len(), 2 * size);
                    (info.name.clone(), (info.shape.clone(), fnv1a(values)))
                })
                .collect();
            assert!(got == expected[kind][folder.name()], "{kind} {folder}");
        }
    }
}

/// The same, the file coming in pieces, and no more of it held than a tensor.
#[test]
fn a_stream_is_split_as_it_comes() {
    let expected: BTreeMap<String, BTreeMap<String, Tensors>> =
        serde_json::from_str(FOLDERS).unwrap();
    let mut decoder = Decoder::new(Limits::BASE);
    let mut checkpoint: Option<Checkpoint> = None;
    let mut pending = Vec::new();
    let mut got: BTreeMap<Folder, Tensors> = BTreeMap::new();
    for piece in SD2.chunks(5000) {
        decoder
            .push(piece, &mut |info, bytes| {
                pending.push((info, bytes));
                Ok::<(), WeightsError>(())
            })
            .unwrap();
        if checkpoint.is_none()
            && let Some(header) = decoder.header()
        {
            checkpoint = Some(Checkpoint::read(header).unwrap());
        }
        let Some(checkpoint) = &checkpoint else {
            continue;
        };
        for (info, bytes) in pending.drain(..) {
            for folder in Folder::ALL {
                let inside = |part: &&TensorInfo| info.begin <= part.begin && part.end <= info.end;
                for part in checkpoint.tensors(folder).iter().filter(inside) {
                    let range =
                        (part.begin - info.begin) as usize..(part.end - info.begin) as usize;
                    let value = (part.shape.clone(), fnv1a(&bytes[range]));
                    got.entry(folder)
                        .or_default()
                        .insert(part.name.clone(), value);
                }
            }
        }
    }
    for folder in Folder::ALL {
        assert!(got[&folder] == expected["sd2"][folder.name()], "{folder}");
    }
}

/// A header of these tensors in f16.
fn header<'a>(tensors: impl IntoIterator<Item = (&'a str, Vec<usize>)>) -> Header {
    let mut begin = 0;
    let tensors = tensors.into_iter().map(|(name, shape)| {
        let end = begin + 2 * shape.iter().product::<usize>() as u64;
        let info = TensorInfo {
            name: name.to_owned(),
            dtype: Dtype::F16,
            shape,
            begin,
            end,
        };
        begin = end;
        info
    });
    Header {
        tensors: tensors.collect(),
        metadata: BTreeMap::new(),
        data_start: 8,
    }
}

/// The published sizes, of which diffusers made the shapes.
fn full() -> BTreeMap<String, (Shapes, BTreeMap<String, String>)> {
    let full: BTreeMap<String, Value> = serde_json::from_str(FULL).unwrap();
    let read = |value: &Value| serde_json::from_value(value.clone()).unwrap();
    let vae: BTreeMap<String, Vec<usize>> = read(&full["sd1"]["tensors"]);
    full.iter()
        .map(|(kind, value)| {
            let mut tensors: BTreeMap<String, Vec<usize>> = read(&value["tensors"]);
            let vae = vae
                .iter()
                .filter(|(name, _)| name.starts_with("first_stage_model."));
            tensors.extend(vae.map(|(name, shape)| (name.clone(), shape.clone())));
            let folders = serde_json::from_value(value["folders"].clone()).unwrap();
            (kind.clone(), (tensors, folders))
        })
        .collect()
}

fn whole(tensors: &BTreeMap<String, Vec<usize>>) -> Header {
    header(
        tensors
            .iter()
            .map(|(name, shape)| (name.as_str(), shape.clone())),
    )
}

#[test]
fn the_published_models_are_read_whole() {
    for (kind, (tensors, folders)) in full() {
        let header = whole(&tensors);
        let checkpoint = Checkpoint::read(&header).unwrap();
        for folder in Folder::ALL {
            let mut lines: Vec<String> = (checkpoint.tensors(folder).iter())
                .map(|info| format!("{} {:?}\n", info.name, info.shape))
                .collect();
            lines.sort();
            let hash = fnv1a(lines.concat().as_bytes());
            assert_eq!(hash, folders[folder.name()], "{kind} {folder}");
        }
        let unet = checkpoint.config(Folder::Unet);
        assert_eq!(
            unet["block_out_channels"],
            serde_json::json!([320, 640, 1280, 1280])
        );
        assert_eq!(
            unet["down_block_types"],
            serde_json::json!([
                "CrossAttnDownBlock2D",
                "CrossAttnDownBlock2D",
                "CrossAttnDownBlock2D",
                "DownBlock2D"
            ])
        );
        assert_eq!(unet["layers_per_block"], 2);
        let vae = checkpoint.config(Folder::Vae);
        assert_eq!(
            vae["block_out_channels"],
            serde_json::json!([128, 256, 512, 512])
        );
        assert_eq!(
            (&vae["layers_per_block"], &vae["latent_channels"]),
            (&2.into(), &4.into())
        );
        let text = checkpoint.config(Folder::TextEncoder);
        assert_eq!(
            (&text["vocab_size"], &text["max_position_embeddings"]),
            (&49408.into(), &77.into())
        );
        if kind == "sd1" {
            assert_eq!(checkpoint.family(), Family::Sd1);
            // as v1-5-pruned-emaonly in f16, 2.13 GB
            assert_eq!(header.data_len(), 2_132_470_768);
            assert_eq!(unet["attention_head_dim"], 8);
            assert_eq!(unet["cross_attention_dim"], 768);
            assert_eq!(unet["use_linear_projection"], false);
            assert_eq!(
                (&text["num_attention_heads"], &text["num_hidden_layers"]),
                (&12.into(), &12.into())
            );
            assert!(checkpoint.undecided().is_none() && !checkpoint.is_inpainting());
            assert_eq!(checkpoint.scheduler_config()["prediction_type"], "epsilon");
        } else {
            assert_eq!(checkpoint.family(), Family::Sd2);
            assert_eq!(
                unet["attention_head_dim"],
                serde_json::json!([5, 10, 20, 20])
            );
            assert_eq!(unet["use_linear_projection"], true);
            assert_eq!(
                (&text["num_attention_heads"], &text["num_hidden_layers"]),
                (&16.into(), &23.into())
            );
            assert_eq!(checkpoint.pad_token(), "!");
        }
    }
}

#[test]
fn v_prediction_is_told_by_weights_or_metadata() {
    let (tensors, _) = full().remove("sd2").unwrap();
    let mut header = whole(&tensors);
    let mut checkpoint = Checkpoint::read(&header).unwrap();
    let telltale = checkpoint.undecided().unwrap();
    assert_eq!((telltale.shape[..] == [320], telltale.bytes()), (true, 640));
    checkpoint.decide_prediction(&[0.2, -0.2, 0.1, -0.1]);
    assert_eq!(
        checkpoint.scheduler_config()["prediction_type"],
        "v_prediction"
    );
    assert_eq!(checkpoint.config(Folder::Unet)["sample_size"], 96);
    checkpoint.decide_prediction(&[0.02, -0.02, 0.01]);
    assert_eq!(checkpoint.scheduler_config()["prediction_type"], "epsilon");
    checkpoint.decide_prediction(&[]);
    header
        .metadata
        .insert("modelspec.prediction_type".into(), "v".into());
    let checkpoint = Checkpoint::read(&header).unwrap();
    assert!(checkpoint.undecided().is_none());
    assert_eq!(
        checkpoint.scheduler_config()["prediction_type"],
        "v_prediction"
    );
}

#[test]
fn inpainting_models_and_old_names_are_read() {
    let (mut tensors, folders) = full().remove("sd1").unwrap();
    tensors.insert(
        "model.diffusion_model.input_blocks.0.0.weight".into(),
        vec![320, 9, 3, 3],
    );
    let tensors: BTreeMap<String, Vec<usize>> = tensors
        .into_iter()
        .map(|(name, shape)| {
            (
                name.replace(".transformer.text_model.", ".transformer."),
                shape,
            )
        })
        .collect();
    let checkpoint = Checkpoint::read(&whole(&tensors)).unwrap();
    assert!(checkpoint.is_inpainting());
    assert_eq!(checkpoint.config(Folder::Unet)["in_channels"], 9);
    let mut lines: Vec<String> = (checkpoint.tensors(Folder::TextEncoder).iter())
        .map(|info| format!("{} {:?}\n", info.name, info.shape))
        .collect();
    lines.sort();
    assert_eq!(fnv1a(lines.concat().as_bytes()), folders["text_encoder"]);
}

#[test]
fn what_is_missing_is_named() {
    let (tensors, _) = full().remove("sd1").unwrap();
    let without = |gone: &dyn Fn(&str) -> bool| {
        let left = tensors.iter().filter(|(name, _)| !gone(name));
        let left = header(left.map(|(name, shape)| (name.as_str(), shape.clone())));
        Checkpoint::read(&left).unwrap_err()
    };
    let error = without(&|name| name.starts_with("cond_stage"));
    assert!(
        error
            .to_string()
            .contains("lacks the text encoder (cond_stage_model.*)"),
        "{error}"
    );
    let error = without(&|name| !name.starts_with("model."));
    assert!(
        error
            .to_string()
            .contains("autoencoder (first_stage_model.*) and the text"),
        "{error}"
    );
    // Whichever tensor is missing, its own name or one that needs it is in the message.
    for name in tensors
        .keys()
        .filter(|name| !name.ends_with("position_ids"))
    {
        let error = without(&|other| other == name);
        let known = matches!(
            error,
            WeightsError::MissingTensors { .. }
                | WeightsError::UnknownTensor { .. }
                | WeightsError::WrongShape { .. }
        );
        assert!(known, "{name}: {error}");
    }
    let error = without(&|name| name.contains("input_blocks.4.0.skip_connection"));
    assert!(
        error
            .to_string()
            .contains("skip_connection.weight\" and 1 more"),
        "{error}"
    );
}

#[test]
fn other_models_are_named() {
    let (tensors, _) = full().remove("sd1").unwrap();
    let with = |name: &str, shape: &[usize]| {
        let mut tensors = tensors.clone();
        tensors.insert(name.to_owned(), shape.to_vec());
        Checkpoint::read(&whole(&tensors)).unwrap_err().to_string()
    };
    let xl = with("conditioner.embedders.1.model.ln_final.weight", &[1280]);
    assert!(xl.contains("This is Stable Diffusion XL,"), "{xl}");
    let upscaler = with(
        "model.diffusion_model.input_blocks.0.0.weight",
        &[320, 7, 3, 3],
    );
    assert!(upscaler.contains("upscaler"), "{upscaler}");
    let odd = with("model.diffusion_model.adapter.weight", &[1]);
    assert!(odd.contains("adapter.weight"), "{odd}");
    let wide = with(
        "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight",
        &[49408, 1024],
    );
    assert!(
        wide.contains("width 768") && wide.contains("1024"),
        "{wide}"
    );
    for (name, expected) in [
        ("lora_unet_x.lora_up.weight", "LoRA"),
        ("double_blocks.0.img_attn.qkv.weight", "Flux"),
        ("something", "no Stable Diffusion"),
    ] {
        let error = Checkpoint::read(&header([(name, vec![1])]))
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(Checkpoint::read(&header([])).is_err());
}
