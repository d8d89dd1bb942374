//! Which tools load which LoRA files: diffusers' answers against diffusers itself
//! (tests/golden/loaders.json; README.md there), the others' as a table.

use std::collections::BTreeMap;

use atelier_weights::{Dtype, Header, TensorInfo, Tool, Verdict, check_loaders};

#[derive(serde::Deserialize)]
struct Case {
    title: String,
    tensors: BTreeMap<String, Vec<usize>>,
    metadata: BTreeMap<String, String>,
    diffusers: Outcome,
}

#[derive(serde::Deserialize)]
struct Outcome {
    layers: Option<usize>,
    error: Option<String>,
}

fn header(tensors: &BTreeMap<String, Vec<usize>>, metadata: BTreeMap<String, String>) -> Header {
    let mut begin = 0;
    let tensors = tensors.iter().map(|(name, shape)| {
        let end = begin + 4 * shape.iter().product::<usize>() as u64;
        let info = TensorInfo {
            name: name.clone(),
            dtype: Dtype::F32,
            shape: shape.clone(),
            begin,
            end,
        };
        begin = end;
        info
    });
    Header {
        tensors: tensors.collect(),
        metadata,
        data_start: 8,
    }
}

fn cases() -> BTreeMap<String, Case> {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../../../tests/golden/loaders.json")).unwrap();
    cases
        .into_iter()
        .map(|case| (case.title.clone(), case))
        .collect()
}

#[test]
fn diffusers_does_what_is_said() {
    for (title, case) in cases() {
        let header = header(&case.tensors, case.metadata);
        let down = |name: &&String| {
            ["down.weight", "lora_A.weight"]
                .iter()
                .any(|e| name.ends_with(e))
        };
        let modules = case.tensors.keys().filter(down).count();
        let verdict = &check_loaders(&header)[&Tool::Diffusers];
        let agrees = match (verdict, case.diffusers.layers) {
            (Verdict::Loads, Some(layers)) => layers == modules && layers > 0,
            (Verdict::LoadsInPart(_), Some(layers)) => 0 < layers && layers < modules,
            (Verdict::Refuses(_), None | Some(0)) => true,
            _ => false,
        };
        let did = (case.diffusers.layers, case.diffusers.error);
        // An adapter of 2.x, which the pipeline of 1.x there cannot take: sound by itself.
        let other_family = title == "kohya, other width" && did.0.is_none();
        let agrees = agrees || (other_family && *verdict == Verdict::Loads);
        assert!(agrees, "{title}: {verdict:?}, and diffusers: {did:?}");
    }
}

/// The other tools' rules, as read from their sources: who loads what.
#[test]
fn the_others_rules() {
    let table: [(&str, [bool; 3]); 21] = [
        // title, [ComfyUI, A1111, InvokeAI]
        ("kohya", [true, true, true]),
        ("kohya, no metadata", [true, true, true]),
        ("kohya, no alpha", [true, true, true]),
        ("kohya, self-attention alone", [true, true, false]),
        ("kohya, text encoder alone", [true, true, false]),
        ("kohya, text encoder without out_proj", [true, true, true]),
        ("kohya, flat projection", [true, true, true]),
        ("kohya, convolution", [true, true, true]),
        ("kohya, a key of its own", [true, true, false]),
        ("kohya, no up", [true, false, false]),
        ("kohya, no down", [false, false, false]),
        ("kohya, unknown modules alone", [false, false, false]),
        ("kohya, LDM's blocks", [true, true, false]),
        ("kohya, other width", [true, true, true]),
        ("kohya, with diffusers' metadata", [true, true, true]),
        ("diffusers, as saved", [false, false, false]),
        ("diffusers, as PEFT", [false, false, false]),
        ("diffusers, processors", [true, false, false]),
        ("LDM dotted", [true, false, false]),
        ("mixed", [true, true, false]),
        ("nothing", [false, false, false]),
    ];
    let cases = cases();
    for (title, expected) in table {
        let case = &cases[title];
        let verdicts = check_loaders(&header(&case.tensors, case.metadata.clone()));
        let loads = [Tool::ComfyUi, Tool::A1111, Tool::InvokeAi]
            .map(|tool| !matches!(verdicts[&tool], Verdict::Refuses(_)));
        assert_eq!(loads, expected, "{title}: {verdicts:?}");
    }
}

#[test]
fn other_models_adapters_are_for_no_tool() {
    let sketch = BTreeMap::from(["lora_down", "lora_up"].map(|part| {
        let module = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k";
        (format!("{module}.{part}.weight"), vec![4, 384])
    }));
    for (tool, verdict) in check_loaders(&header(&sketch, BTreeMap::new())) {
        assert!(
            matches!(&verdict, Verdict::Refuses(why) if why.contains("384")),
            "{tool:?}"
        );
    }
}

#[test]
fn the_wrong_family_in_the_metadata_is_said() {
    let case = &cases()["kohya"];
    let metadata = BTreeMap::from([("ss_v2".to_owned(), "True".to_owned())]);
    let verdict = &check_loaders(&header(&case.tensors, metadata))[&Tool::A1111];
    assert!(
        matches!(verdict, Verdict::LoadsInPart(why) if why.contains("ss_v2")),
        "{verdict:?}"
    );
}
