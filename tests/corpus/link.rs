//! Hostile links: a million of them, none of which may crash, hang, take much memory or bring
//! anything into the page but plain values.

#[allow(dead_code)] // What other parsers need.
mod common;
use common::{ALLOWANCE, peak_of, unreadable};

use std::collections::BTreeMap;

use atelier_link::{
    AdapterRef, Recipe, clean, from_fragment, is_safe_address, pack_adapter, to_link,
};
use atelier_protocol::{MAX_PROMPT_CHARS, SampleSettings};
use atelier_weights::{Dtype, TensorView, write};

const RUNS: u64 = 1_000_000;

fn seeds() -> Vec<Vec<u8>> {
    let small = Recipe::default();
    let full = Recipe {
        model: "Sketch".into(),
        model_hash: "ab".repeat(32).parse().ok(),
        side: Some(128),
        settings: SampleSettings {
            prompt: "<script>alert(1)</script> a fox \u{202e}in the snow".into(),
            negative_prompt: "\" onload=\"x".into(),
            seed: u64::MAX,
            ..SampleSettings::default()
        },
        adapters: vec![AdapterRef {
            title: "My hand".into(),
            hash: "cd".repeat(32).parse().ok(),
            address: Some("https://example.org/hand.safetensors".into()),
        }],
        from_image: true,
    };
    let tensor = TensorView {
        name: "a",
        dtype: Dtype::F32,
        shape: &[2],
        bytes: &[0; 8],
    };
    let file = write(&[tensor], &BTreeMap::new()).unwrap();
    let packed = pack_adapter(&file).unwrap();
    let links = [
        to_link("", &small, None).unwrap(),
        to_link("", &full, None).unwrap(),
        to_link("", &full, Some(&packed)).unwrap(),
    ];
    links.map(String::into_bytes).to_vec()
}

/// What holds for any fragment whatever.
fn check(fragment: &str) {
    let Some(result) = from_fragment(fragment) else {
        return;
    };
    match result {
        Err(error) => assert_eq!(unreadable(&error.to_string()), None, "{error}"),
        Ok(carried) => {
            let recipe = carried.recipe;
            let s = &recipe.settings;
            for words in [&s.prompt, &s.negative_prompt, &recipe.model] {
                assert_eq!(&clean(words, MAX_PROMPT_CHARS), words);
            }
            assert!((1..=150).contains(&s.steps));
            assert!(s.guidance_scale.is_finite() && s.strength.is_finite());
            for adapter in &recipe.adapters {
                assert!(adapter.address.as_deref().is_none_or(is_safe_address));
                assert_eq!(clean(&adapter.title, 80), adapter.title);
            }
            // What was read can be given on, and is read the same again.
            let again = to_link("", &recipe, None).map(|link| from_fragment(&link));
            if let Ok(Some(again)) = again {
                assert_eq!(again.map(|c| c.recipe), Ok(recipe));
            }
        }
    }
}

/// Half are mutations of good links, half are good links around mutated fields: the first break the
/// outer layers, the second get behind them.
#[test]
fn a_million_hostile_fragments() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
    use miniz_oxide::{deflate::compress_to_vec, inflate::decompress_to_vec};
    let links = seeds();
    let inner: Vec<Vec<u8>> = links
        .iter()
        .map(|link| {
            let text = std::str::from_utf8(link).unwrap();
            let packed = text.split('.').nth(1).unwrap();
            decompress_to_vec(&BASE64.decode(packed).unwrap()).unwrap()
        })
        .collect();
    for number in 0..RUNS {
        let fragment = if number % 2 == 0 {
            String::from_utf8_lossy(&common::mutation(&links, number)).into_owned()
        } else {
            let fields = common::mutation(&inner, number);
            format!("picture=1.{}", BASE64.encode(compress_to_vec(&fields, 1)))
        };
        let result = std::panic::catch_unwind(|| check(&fragment));
        assert!(result.is_ok(), "run {number}: {fragment}");
    }
}

#[test]
fn bombs_are_small() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
    let bomb = miniz_oxide::deflate::compress_to_vec(&vec![0; 64 << 20], 9);
    let bomb = BASE64.encode(bomb);
    let good = String::from_utf8(seeds().remove(0)).unwrap();
    for fragment in [
        format!("picture=1.{}", &bomb[..1900]),
        format!("{good}.{bomb}"),
        format!("picture=1.{}", "A".repeat(50 << 20)),
        format!("{good}.{}", "A".repeat(50 << 20)),
    ] {
        let (peak, result) = peak_of(|| from_fragment(&fragment));
        assert!(matches!(result, Some(Err(_))));
        assert!(peak < ALLOWANCE, "took {peak} bytes");
    }
}
