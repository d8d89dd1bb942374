use std::collections::BTreeMap;

use atelier_weights::{Dtype, File, Limits, TensorView, WeightsError, write};

use super::*;

const Q: &str = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q";
const TEXT_K: &str = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k";
const PROJ: &str = "unet.mid_block.attentions.0.proj_in";
const CONV: &str = "unet.mid_block.resnets.0.conv1";

fn known() -> Vec<String> {
    [Q, TEXT_K, PROJ, CONV].map(String::from).to_vec()
}

/// Inputs, outputs, kernel.
fn shapes() -> BTreeMap<String, (usize, usize, usize)> {
    BTreeMap::from([
        (Q.into(), (8, 8, 1)),
        (TEXT_K.into(), (6, 8, 1)),
        (PROJ.into(), (8, 8, 1)),
        (CONV.into(), (8, 12, 3)),
    ])
}

fn factor(shape: &[usize]) -> Factor {
    let count: usize = shape.iter().product();
    Factor {
        shape: shape.to_vec(),
        // Exact in F16.
        values: (0..count).map(|i| i as f32 / 64.0 - 0.5).collect(),
    }
}

fn module(down: &[usize], up: &[usize], alpha: Option<f32>) -> Module {
    Module {
        down: factor(down),
        up: factor(up),
        alpha,
    }
}

fn adapter() -> AdapterFile {
    AdapterFile {
        modules: BTreeMap::from([
            (Q.into(), module(&[2, 8], &[8, 2], Some(1.0))),
            (TEXT_K.into(), module(&[2, 6], &[8, 2], Some(2.0))),
            (PROJ.into(), module(&[2, 8, 1, 1], &[8, 2, 1, 1], Some(0.1))),
            (
                CONV.into(),
                module(&[4, 8, 3, 3], &[12, 4, 1, 1], Some(4.0)),
            ),
        ]),
        metadata: BTreeMap::from([("modelspec.title".into(), "Hand".into())]),
    }
}

#[test]
fn what_is_written_is_read_back() {
    let bytes = adapter().write().unwrap();
    assert_eq!(bytes, adapter().write().unwrap());
    let back = AdapterFile::read(&bytes, &known()).unwrap();
    assert_eq!(back.modules, adapter().modules);
    assert_eq!(back.metadata["ss_network_dim"], "4");
    assert_eq!(back.metadata["modelspec.title"], "Hand");
    back.check(&shapes()).unwrap();
    let f32s = adapter().write_f32().unwrap();
    assert_eq!(
        AdapterFile::read(&f32s, &known()).unwrap().modules,
        adapter().modules
    );

    let file = File::parse(&bytes, Limits::ADAPTER).unwrap();
    let key = "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight";
    let (info, _) = file.tensor(key).unwrap();
    assert_eq!(
        (info.shape.as_slice(), info.dtype),
        ([2, 8, 1, 1].as_slice(), Dtype::F16)
    );
    // 0.1 would be rounded in F16.
    let (alpha, _) = file
        .tensor("lora_unet_mid_block_attentions_0_proj_in.alpha")
        .unwrap();
    assert_eq!(
        (alpha.shape.as_slice(), alpha.dtype),
        ([].as_slice(), Dtype::F32)
    );
    assert!(
        file.tensors()
            .all(|(info, _)| info.name.starts_with("lora_unet_"))
    );
}

#[test]
fn a_missing_alpha_is_written_as_the_rank() {
    let mut file = adapter();
    file.modules.retain(|path, _| path == Q);
    file.modules.get_mut(Q).unwrap().alpha = None;
    let back = AdapterFile::read(&file.write().unwrap(), &known()).unwrap();
    assert_eq!(back.modules[Q].alpha, Some(2.0));
    assert_eq!(back.modules[Q].scale(), file.modules[Q].scale());
}

/// A file of one module in the given spelling, F32.
fn spelled(down: &str, up: &str) -> Vec<u8> {
    let module = module(&[2, 8], &[8, 2], None);
    let bytes = [&module.down, &module.up].map(|f| f32_bytes(&f.values));
    let views = [
        TensorView {
            name: down,
            dtype: Dtype::F32,
            shape: &[2, 8],
            bytes: &bytes[0],
        },
        TensorView {
            name: up,
            dtype: Dtype::F32,
            shape: &[8, 2],
            bytes: &bytes[1],
        },
    ];
    let peft = r#"{"unet.lora_alpha": 16}"#;
    let metadata = BTreeMap::from([("lora_adapter_metadata".into(), peft.into())]);
    write(&views, &metadata).unwrap()
}

#[test]
fn diffusers_and_peft_spellings_are_read() {
    for [down, up] in [["lora.down", "lora.up"], ["lora_A", "lora_B"]] {
        let bytes = spelled(&format!("{Q}.{down}.weight"), &format!("{Q}.{up}.weight"));
        let file = AdapterFile::read(&bytes, &known()).unwrap();
        assert_eq!(file.modules[Q], module(&[2, 8], &[8, 2], Some(16.0)));
    }
}

#[test]
fn another_familys_adapter_says_so() {
    let mut shapes = shapes();
    shapes.insert(TEXT_K.into(), (384, 8, 1));
    let mut file = adapter();
    file.modules
        .insert(TEXT_K.into(), module(&[2, 768], &[8, 2], None));
    assert_eq!(
        file.check(&shapes).unwrap_err().to_string(),
        "This adapter was made for a model whose text vectors are 768 wide (as in Stable Diffusion \
         1.x), and this one's are 384 wide. Load the model that it was made for, or choose another \
         adapter."
    );
    let error = AdapterFile::read(&file.write().unwrap(), &[Q.to_owned()]).unwrap_err();
    assert!(
        matches!(&error, AdapterError::OtherModel { unknown: 3, all: 4, hint, .. }
            if hint.contains("768 wide, as in Stable Diffusion 1.x")),
        "{error}"
    );
}

#[test]
fn other_widths_and_kernels_are_refused() {
    let refused = |path: &str, shape| {
        let mut shapes = shapes();
        shapes.insert(path.into(), shape);
        adapter().check(&shapes).unwrap_err()
    };
    assert!(matches!(
        refused(Q, (9, 8, 1)),
        AdapterError::Width { does: "takes", .. }
    ));
    assert!(matches!(
        refused(Q, (8, 9, 1)),
        AdapterError::Width { does: "gives", .. }
    ));
    assert!(matches!(
        refused(CONV, (8, 12, 1)),
        AdapterError::Kernel { .. }
    ));
    let mut fewer = shapes();
    fewer.remove(Q);
    assert!(matches!(
        adapter().check(&fewer),
        Err(AdapterError::OtherModel { .. })
    ));
}

#[test]
fn unsound_content_is_neither_written_nor_read() {
    let refused = |change: fn(&mut Module)| {
        let mut file = adapter();
        change(file.modules.get_mut(Q).unwrap());
        file.write().unwrap_err()
    };
    assert!(matches!(
        refused(|m| m.up.values[3] = f32::NAN),
        AdapterError::NotFinite { part: "up", .. }
    ));
    assert!(matches!(
        refused(|m| m.alpha = Some(f32::INFINITY)),
        AdapterError::NotFinite { .. }
    ));
    assert!(matches!(
        refused(|m| m.up = factor(&[8, 3])),
        AdapterError::Ranks { .. }
    ));
    assert!(matches!(
        refused(|m| m.up.values.truncate(1)),
        AdapterError::Shape { .. }
    ));
    assert!(matches!(
        refused(|m| {
            m.up = factor(&[8, 0]);
            m.down = factor(&[0, 8]);
        }),
        AdapterError::RankZero
    ));
    assert!(matches!(
        refused(|m| m.up.values[0] = 1e6),
        AdapterError::File(WeightsError::TooLargeForF16 { .. })
    ));
    assert!(matches!(
        AdapterFile::default().write(),
        Err(AdapterError::Empty)
    ));
}
