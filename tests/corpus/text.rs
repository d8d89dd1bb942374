//! Hostile tokenizer files and prompts.

mod common;

use atelier_text::{ClipTokenizer, LENGTH, Part, TextError, Tokenizer, parse_prompt};
use common::{ALLOWANCE, Case, assert_refused, case, fuzz, peak_of, unreadable};

const VOCAB: &str = include_str!("../golden/clip/vocab.json");
const MERGES: &str = include_str!("../golden/clip/merges.txt");
const CLIP: &str = include_str!("../golden/clip/tokenizer.json");
const BERT: &str = include_str!("../golden/bert/tokenizer.json");

/// A file as any of the kinds that are read.
fn read(text: &str) -> [Result<(), TextError>; 4] {
    [
        ClipTokenizer::from_files(text, MERGES).map(drop),
        ClipTokenizer::from_files(VOCAB, text).map(drop),
        ClipTokenizer::from_json(text).map(drop),
        Tokenizer::from_json(text).map(drop),
    ]
}

#[test]
fn hostile_files_are_refused() {
    let many: Vec<String> = (0..300_000).map(|i| format!("\"{i}\":{i}")).collect();
    let pairs: String = (0..300_000).map(|i| format!("{i} x\n")).collect();
    let cases: Vec<Case> = vec![
        case("web page", b"<!doctype html><title>404</title>".as_slice()),
        case("list", b"[]".as_slice()),
        case("deep", "[".repeat(100_000)),
        case(
            "deep model",
            format!("{{\"model\":{}", "{\"a\":".repeat(100_000)),
        ),
        case("300,000 pieces", format!("{{{}}}", many.join(","))),
        case(
            "300,000 pieces in a model",
            format!(
                "{{\"model\":{{\"type\":\"BPE\",\"vocab\":{{{}}}}}}}",
                many.join(",")
            ),
        ),
        case("300,000 merges", pairs),
        case("17 MB", " ".repeat(17 << 20)),
        case("no number", r#"{"a": 1.5}"#),
        case("huge number", r#"{"a": 99999999999}"#),
        case("hostile piece", "\u{202e}\u{1}\"x y z"),
    ];
    type Read = fn(&str) -> Result<(), TextError>;
    let kinds: [Read; 3] = [
        |text| ClipTokenizer::from_files(text, MERGES).map(drop),
        |text| ClipTokenizer::from_files(VOCAB, text).map(drop),
        |text| ClipTokenizer::from_json(text).map(drop),
    ];
    for read in kinds {
        assert_refused(&cases, |bytes| {
            read(std::str::from_utf8(bytes).unwrap()).map_err(|error| error.to_string())
        });
    }
}

#[test]
fn fuzz_tokenizer_files() {
    let seeds = [VOCAB, MERGES, CLIP, BERT].map(|text| text.as_bytes().to_vec());
    fuzz(&seeds, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let (peak, results) = peak_of(|| read(&text));
        assert!(peak <= 2 * bytes.len() + ALLOWANCE, "{peak} bytes");
        for error in results.into_iter().filter_map(Result::err) {
            assert_eq!(unreadable(&error.to_string()), None, "{error}");
        }
    });
}

#[test]
fn fuzz_prompts() {
    let tokenizer = ClipTokenizer::from_files(VOCAB, MERGES).unwrap();
    let bert = Tokenizer::from_json(BERT).unwrap();
    let seeds = [
        "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))). BREAK \\(x\\) <|endoftext|>",
        "don't ((a:1.2) BREAK [b:0.5]] 👩‍🎨 café e\u{301} 日本語 ½ BREAKBREAK :1.2) \\",
        ", , , , (((((((((((([[[[[[[[[[[[[:9)",
    ]
    .map(|text| text.as_bytes().to_vec());
    fuzz(&seeds, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let parts = parse_prompt(&text).unwrap();
        assert!(!parts.is_empty());
        for part in &parts {
            if let Part::Text { weight, .. } = part {
                assert!(weight.abs() <= 100.0);
            }
        }
        for chunk in tokenizer.chunks(&text).unwrap() {
            assert_eq!((chunk.ids.len(), chunk.weights.len()), (LENGTH, LENGTH));
            assert!(chunk.ids.contains(&tokenizer.end()));
        }
        assert_eq!(bert.encode(&text, 16).ids.len(), 16);
    });
}
