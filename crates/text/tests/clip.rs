//! CLIP's tokenizer against transformers (tests/golden/clip; README.md there), its chunks, and what
//! is refused.

use atelier_text::{ClipTokenizer, LENGTH, MAX_CHUNKS, TextError};
use serde::Deserialize;

const VOCAB: &str = include_str!("../../../tests/golden/clip/vocab.json");
const MERGES: &str = include_str!("../../../tests/golden/clip/merges.txt");
const JSON: &str = include_str!("../../../tests/golden/clip/tokenizer.json");
const TOKENS: &str = include_str!("../../../tests/golden/clip/tokens.json");

#[derive(Deserialize)]
struct Cases {
    length: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<i32>,
    /// Where Stable Diffusion 2.x's padding token changes them.
    ids_2: Option<Vec<i32>>,
}

fn tokenizer() -> ClipTokenizer {
    ClipTokenizer::from_files(VOCAB, MERGES).unwrap()
}

fn check(tokenizer: &ClipTokenizer, case: &Case, expected: &[i32], length: usize) {
    let whole = tokenizer.encode(&case.text, expected.len());
    assert_eq!(whole.ids, expected, "{:?}", case.text);
    assert!(!whole.truncated, "{:?}", case.text);

    let mut padded = expected.to_vec();
    if padded.len() > length {
        padded.truncate(length - 1);
        padded.push(tokenizer.end());
    }
    let own = padded.len();
    padded.resize(length, tokenizer.pad());
    let tokens = tokenizer.encode(&case.text, length);
    assert_eq!(tokens.ids, padded, "{:?}", case.text);
    assert_eq!(tokens.truncated, expected.len() > length, "{:?}", case.text);
    assert_eq!(tokens.mask.iter().filter(|&&m| m == 1.0).count(), own);
}

#[test]
fn tokens_are_those_of_transformers() {
    let Cases { length, cases } = serde_json::from_str(TOKENS).unwrap();
    assert!(cases.len() > 35);
    let second = r#"{"pad_token": "!", "model_max_length": 77}"#;
    for tokenizer in [
        tokenizer(),
        ClipTokenizer::from_merges(MERGES).unwrap(),
        ClipTokenizer::from_json(JSON).unwrap(),
    ] {
        let padded_with_zeros = tokenizer.clone().configured(second).unwrap();
        assert_eq!(padded_with_zeros.pad(), 0);
        for case in &cases {
            check(&tokenizer, case, &case.ids, length);
            let expected = case.ids_2.as_ref().unwrap_or(&case.ids);
            check(&padded_with_zeros, case, expected, length);
        }
    }
}

#[test]
fn padding_is_read_from_either_file() {
    let token = |json| tokenizer().configured(json).unwrap().pad();
    let end = tokenizer().end();
    assert_eq!(token("{}"), end);
    assert_eq!(token(r#"{"pad_token": null}"#), end);
    assert_eq!(token(r#"{"pad_token": "<|endoftext|>"}"#), end);
    assert_eq!(
        token(r#"{"pad_token": {"content": "!", "lstrip": false}}"#),
        0
    );
    assert!(tokenizer().configured(r#"{"pad_token": "[PAD]"}"#).is_err());
    assert!(tokenizer().configured("[").is_err());
}

#[test]
fn room_for_nothing_is_no_reason_to_panic() {
    for room in 0..4 {
        let tokens = tokenizer().encode("the cat and the dog", room);
        assert_eq!((tokens.ids.len(), tokens.mask.len()), (room, room));
        assert!(tokens.truncated);
    }
}

#[test]
fn a_word_of_a_million_letters_takes_no_time() {
    let start = std::time::Instant::now();
    let word: String = ('a'..='z').cycle().take(1_000_000).collect();
    assert!(tokenizer().tokens(&word, 10).len() > 10);
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn other_files_are_refused() {
    for (vocab, merges) in [
        ("", MERGES),
        ("[]", MERGES),
        ("{}", MERGES),
        (r#"{"a": "b"}"#, MERGES),
        (VOCAB, "#version: 0.2\na"),
        (VOCAB, "a b c"),
        (VOCAB, "zzz qqq"),
        (VOCAB, "<html>"),
    ] {
        let refused = ClipTokenizer::from_files(vocab, merges);
        assert!(refused.is_err(), "{vocab:.20} {merges:.20}");
    }
    for (from, to) in [
        ("\"BPE\"", "\"WordPiece\""),
        (
            "\"end_of_word_suffix\":\"</w>\"",
            "\"end_of_word_suffix\":null",
        ),
        ("<|endoftext|>", "<end>"),
    ] {
        assert!(JSON.contains(from), "{from}");
        assert!(
            ClipTokenizer::from_json(&JSON.replace(from, to)).is_err(),
            "{to}"
        );
    }
    let long = " ".repeat(17 << 20);
    assert!(matches!(
        ClipTokenizer::from_json(&long),
        Err(TextError::BadJson { .. })
    ));
}

/// The text's tokens of each chunk, by their number.
fn lengths(prompt: &str) -> Vec<usize> {
    let tokenizer = tokenizer();
    let chunks = tokenizer.chunks(prompt).unwrap();
    let own = |ids: &[i32]| ids.iter().position(|&id| id == tokenizer.end()).unwrap() - 1;
    for chunk in &chunks {
        assert_eq!((chunk.ids.len(), chunk.weights.len()), (LENGTH, LENGTH));
        assert_eq!(chunk.ids[0], tokenizer.start());
    }
    chunks.iter().map(|chunk| own(&chunk.ids)).collect()
}

#[test]
fn prompts_are_cut_into_chunks() {
    assert_eq!(lengths(""), [0]);
    assert_eq!(lengths("x"), [1]);
    assert_eq!(lengths(&"x ".repeat(75)), [75]);
    assert_eq!(lengths(&"x ".repeat(76)), [75, 1]);
    assert_eq!(lengths("x BREAK x x BREAK"), [1, 2]);
    assert_eq!(lengths("BREAK x"), [0, 1]);
    // 60 and a comma, then 20: what is behind the comma goes over, if it is short
    let tail = |n: usize, after: usize| format!("{}, {}", "x ".repeat(n), "x ".repeat(after));
    assert_eq!(lengths(&tail(60, 20)), [61, 20]);
    assert_eq!(lengths(&tail(50, 30)), [75, 6]);
    // a comma that is the 76th stays with what it ends
    assert_eq!(lengths(&format!("{},", "x ".repeat(75))), [75, 1]);
}

#[test]
fn weights_go_with_their_tokens() {
    let tokenizer = tokenizer();
    let [chunk] = &tokenizer.chunks("x (x:1.5) [x]").unwrap()[..] else {
        panic!("one chunk");
    };
    assert_eq!(chunk.weights[..4], [1.0, 1.0, 1.5, 1.0 / 1.1]);
    assert!(chunk.is_weighted() && chunk.weights[4..].iter().all(|&weight| weight == 1.0));
    assert_eq!(chunk.ids[1], chunk.ids[2]);

    let zeros = tokenizer.clone().pad_with("!").unwrap();
    let [chunk] = &zeros.chunks("x").unwrap()[..] else {
        panic!("one chunk");
    };
    assert_eq!(chunk.ids[2], zeros.end(), "one end, then zeros");
    assert!(chunk.ids[3..].iter().all(|&id| id == 0));

    let (mut long, mut short) = (
        tokenizer.chunks(&"x ".repeat(200)).unwrap(),
        tokenizer.chunks("").unwrap(),
    );
    tokenizer.level(&mut short, &mut long);
    assert_eq!((long.len(), short.len()), (3, 3));
    assert_eq!(short[0], short[2]);
}

#[test]
fn too_much_is_said() {
    let refused = tokenizer().chunks(&"x ".repeat(75 * MAX_CHUNKS + 1));
    assert!(matches!(refused, Err(TextError::TooManyChunks { .. })));
    assert!(tokenizer().chunks(&"x ".repeat(75 * MAX_CHUNKS)).is_ok());
    let refused = tokenizer().chunks(&" BREAK".repeat(MAX_CHUNKS + 1));
    assert!(matches!(refused, Err(TextError::TooManyChunks { .. })));
}
