//! Hostile adapter files: sound as safetensors, unsound as LoRA.

mod common;

use std::collections::BTreeMap;

use atelier_adapter::AdapterFile;
use atelier_weights::{Dtype, TensorView, write};
use common::{ALLOWANCE, Case, assert_refused, case, fuzz, peak_of, unreadable};

const Q: &str = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q";
const TEXT_K: &str = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k";
const KOHYA_Q: &str = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q";
const KOHYA_K: &str = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k";

/// Takes, gives, kernel.
fn shapes() -> BTreeMap<String, (usize, usize, usize)> {
    BTreeMap::from([(Q.into(), (8, 8, 1)), (TEXT_K.into(), (384, 8, 1))])
}

fn parse(bytes: &[u8]) -> Result<(), String> {
    let shapes = shapes();
    let known: Vec<String> = shapes.keys().cloned().collect();
    let file = AdapterFile::read(bytes, &known).map_err(|error| error.to_string())?;
    file.check(&shapes).map_err(|error| error.to_string())
}

/// F32 tensors, all values 0.5 unless given.
struct Tensors(Vec<(String, Dtype, Vec<usize>, Vec<u8>)>);

impl Tensors {
    fn new() -> Self {
        Tensors(Vec::new())
    }

    fn with(self, name: &str, shape: &[usize]) -> Self {
        self.of(name, shape, 0.5)
    }

    fn of(self, name: &str, shape: &[usize], value: f32) -> Self {
        let count: usize = shape.iter().product();
        let bytes = value.to_le_bytes().repeat(count);
        self.raw(name, Dtype::F32, shape, bytes)
    }

    fn raw(mut self, name: &str, dtype: Dtype, shape: &[usize], bytes: Vec<u8>) -> Self {
        self.0.push((name.into(), dtype, shape.to_vec(), bytes));
        self
    }

    /// Down and up of a module in kohya's spelling.
    fn module(self, name: &str, down: &[usize], up: &[usize]) -> Self {
        self.with(&format!("{name}.lora_down.weight"), down)
            .with(&format!("{name}.lora_up.weight"), up)
    }

    fn q(self) -> Self {
        self.module(KOHYA_Q, &[2, 8], &[8, 2])
    }

    fn write(self) -> Vec<u8> {
        let views: Vec<TensorView<'_>> = self
            .0
            .iter()
            .map(|(name, dtype, shape, bytes)| TensorView {
                name,
                dtype: *dtype,
                shape,
                bytes,
            })
            .collect();
        write(&views, &BTreeMap::new()).unwrap()
    }
}

fn sound() -> Vec<u8> {
    Tensors::new()
        .q()
        .module(KOHYA_K, &[2, 384], &[8, 2])
        .of(&format!("{KOHYA_Q}.alpha"), &[], 2.0)
        .write()
}

fn unsound() -> Vec<Case> {
    let t = Tensors::new;
    let down = format!("{KOHYA_Q}.lora_down.weight");
    let up = format!("{KOHYA_Q}.lora_up.weight");
    let alpha = format!("{KOHYA_Q}.alpha");
    let mut cases = vec![
        case("no tensors", t().write()),
        case("down alone", t().with(&down, &[2, 8]).write()),
        case("up alone", t().with(&up, &[8, 2]).write()),
        case("alpha alone", t().with(&alpha, &[]).write()),
        case(
            "ranks differ",
            t().module(KOHYA_Q, &[2, 8], &[8, 3]).write(),
        ),
        case("rank 0", t().module(KOHYA_Q, &[0, 8], &[8, 0]).write()),
        case(
            "rank 5000",
            t().module(KOHYA_Q, &[5000, 8], &[8, 5000]).write(),
        ),
        case("no inputs", t().module(KOHYA_Q, &[2, 0], &[8, 2]).write()),
        case("no outputs", t().module(KOHYA_Q, &[2, 8], &[0, 2]).write()),
        case(
            "up transposed",
            t().module(KOHYA_Q, &[2, 8], &[2, 8]).write(),
        ),
        case("scalars", t().module(KOHYA_Q, &[], &[]).write()),
        case("vectors", t().module(KOHYA_Q, &[16], &[16]).write()),
        case(
            "3 dimensions",
            t().module(KOHYA_Q, &[2, 8, 1], &[8, 2, 1]).write(),
        ),
        case(
            "5 dimensions",
            t().module(KOHYA_Q, &[2, 8, 1, 1, 1], &[8, 2]).write(),
        ),
        case(
            "oblong kernel",
            t().module(KOHYA_Q, &[2, 8, 1, 3], &[8, 2, 1, 1]).write(),
        ),
        case(
            "kernel of 0",
            t().module(KOHYA_Q, &[2, 8, 0, 0], &[8, 2, 1, 1]).write(),
        ),
        case(
            "kernel of 99",
            t().module(KOHYA_Q, &[2, 8, 99, 99], &[8, 2, 1, 1]).write(),
        ),
        case(
            "kernel on up",
            t().module(KOHYA_Q, &[2, 8, 3, 3], &[8, 2, 3, 3]).write(),
        ),
        case(
            "kernel on a linear module",
            t().module(KOHYA_Q, &[2, 8, 3, 3], &[8, 2, 1, 1]).write(),
        ),
        case(
            "other inputs",
            t().module(KOHYA_Q, &[2, 9], &[8, 2]).write(),
        ),
        case(
            "other outputs",
            t().module(KOHYA_Q, &[2, 8], &[9, 2]).write(),
        ),
        case(
            "SD 1 text",
            t().q().module(KOHYA_K, &[2, 768], &[8, 2]).write(),
        ),
        case(
            "SDXL text",
            t().q().module(KOHYA_K, &[2, 2048], &[8, 2]).write(),
        ),
        case(
            "NaN in down",
            t().of(&down, &[2, 8], f32::NAN).with(&up, &[8, 2]).write(),
        ),
        case(
            "infinity in up",
            t().with(&down, &[2, 8])
                .of(&up, &[8, 2], f32::INFINITY)
                .write(),
        ),
        case("NaN in alpha", t().q().of(&alpha, &[], f32::NAN).write()),
        case(
            "infinite alpha",
            t().q().of(&alpha, &[1], f32::NEG_INFINITY).write(),
        ),
        case("no alpha in alpha", t().q().with(&alpha, &[0]).write()),
        case("two alphas", t().q().with(&alpha, &[2]).write()),
        case(
            "f64 beyond f32",
            t().raw(
                &down,
                Dtype::F64,
                &[2, 8],
                1e300f64.to_le_bytes().repeat(16),
            )
            .with(&up, &[8, 2])
            .write(),
        ),
        case(
            "whole numbers",
            t().raw(&down, Dtype::I32, &[2, 8], vec![0; 64])
                .with(&up, &[8, 2])
                .write(),
        ),
        case(
            "booleans",
            t().raw(&down, Dtype::Bool, &[2, 8], vec![1; 16])
                .with(&up, &[8, 2])
                .write(),
        ),
        case(
            "module in two spellings",
            t().q()
                .module(Q, &[2, 8], &[8, 2])
                .with(&format!("{Q}.lora_A.weight"), &[2, 8])
                .write(),
        ),
        case(
            "PEFT bias",
            t().q().with(&format!("{Q}.lora_B.bias"), &[8]).write(),
        ),
        case(
            "hostile name",
            t().module(&"lora_unet_\n\u{202e}\"".repeat(300), &[2, 8], &[8, 2])
                .write(),
        ),
        case(
            "empty module name",
            t().module("", &[2, 8], &[8, 2]).write(),
        ),
        case(
            "10,000 unknown modules",
            (0..10_000)
                .fold(t(), |t, i| {
                    t.with(&format!("lora_unet_{i}.lora_up.weight"), &[0])
                })
                .write(),
        ),
    ];
    // Keys of other methods, other families and whole models, alone and beside a sound module.
    for key in [
        format!("{KOHYA_Q}.hada_w1_a"),
        format!("{KOHYA_Q}.lokr_w1"),
        format!("{KOHYA_Q}.oft_blocks"),
        format!("{KOHYA_Q}.oft_diag"),
        format!("{KOHYA_Q}.dora_scale"),
        format!("{KOHYA_Q}.lora_mid.weight"),
        format!("{KOHYA_Q}.diff"),
        format!("{KOHYA_Q}.on_input"),
        format!("{Q}.lora_magnitude_vector"),
        "lora_unet_double_blocks_0_img_attn_proj.lora_down.weight".into(),
        "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k.lora_down.weight".into(),
        "lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight".into(),
        "lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight".into(),
        "transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight".into(),
        "diffusion_model.double_blocks.0.img_attn.proj.lora_A.weight".into(),
        "unet.conv_in.lora.sideways.weight".into(),
        "model.diffusion_model.input_blocks.0.0.weight".into(),
        "first_stage_model.encoder.conv_in.weight".into(),
        "conv_in.weight".into(),
        "emb_params".into(),
        "bundle_emb.x.string_to_param.*".into(),
        "alpha".into(),
        "".into(),
    ] {
        cases.push(case(
            format!("\"{key}\" alone"),
            t().with(&key, &[2, 8]).write(),
        ));
        cases.push(case(
            format!("\"{key}\" beside"),
            t().q().with(&key, &[2, 8]).write(),
        ));
    }
    let file = sound();
    for len in [0, 7, 9, 100, file.len() / 2, file.len() - 1] {
        cases.push(case(format!("cut to {len} bytes"), &file[..len]));
    }
    cases.push(case(
        "zip renamed",
        b"PK\x03\x04\x14\0\0\0\0\0\0\0".as_slice(),
    ));
    cases.push(case(
        "pickle renamed",
        b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.".as_slice(),
    ));
    cases
}

#[test]
fn unsound_adapters_are_refused() {
    let cases = unsound();
    println!("{} files", cases.len());
    assert_refused(&cases, parse);
    assert_eq!(parse(&sound()), Ok(()));
}

#[test]
fn fuzz_adapters() {
    let peft = Tensors::new()
        .with(&format!("{Q}.lora_A.weight"), &[2, 8])
        .with(&format!("{Q}.lora_B.weight"), &[8, 2])
        .write();
    fuzz(&[sound(), peft], |bytes| {
        let (peak, result) = peak_of(|| parse(bytes));
        assert!(peak <= 2 * bytes.len() + ALLOWANCE, "{peak} bytes");
        if let Err(message) = result {
            assert_eq!(unreadable(&message), None, "{message}");
        }
    });
}
