//! WordPiece against Hugging Face's tokenizers (tests/golden/bert; README.md there).

use atelier_text::{TextError, Tokenizer};
use serde::Deserialize;

const TOKENIZER: &str = include_str!("../../../tests/golden/bert/tokenizer.json");
const TOKENS: &str = include_str!("../../../tests/golden/bert/tokens.json");

#[derive(Deserialize)]
struct Cases {
    length: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<i32>,
    attention_mask: Vec<f32>,
    untruncated_ids: Vec<i32>,
}

#[test]
fn tokens_are_those_of_hugging_faces_tokenizers() {
    let tokenizer = Tokenizer::from_json(TOKENIZER).unwrap();
    let Cases { length, cases } = serde_json::from_str(TOKENS).unwrap();
    for case in cases {
        let tokens = tokenizer.encode(&case.text, length);
        assert_eq!(tokens.ids, case.ids, "{:?}", case.text);
        assert_eq!(tokens.mask, case.attention_mask, "{:?}", case.text);
        let truncated = case.untruncated_ids.len() > length;
        assert_eq!(tokens.truncated, truncated, "{:?}", case.text);
        let whole = tokenizer.encode(&case.text, case.untruncated_ids.len());
        assert_eq!(whole.ids, case.untruncated_ids, "{:?}", case.text);
        assert!(!whole.truncated, "{:?}", case.text);
    }
}

#[test]
fn room_for_nothing_is_no_reason_to_panic() {
    let tokenizer = Tokenizer::from_json(TOKENIZER).unwrap();
    for room in 0..4 {
        let tokens = tokenizer.encode("the cat and the dog [SEP]", room);
        assert_eq!((tokens.ids.len(), tokens.mask.len()), (room, room));
        assert!(tokens.truncated);
    }
}

#[test]
fn other_tokenizers_are_refused() {
    let json = TOKENIZER;
    for (from, to) in [
        ("\"WordPiece\"", "\"BPE\""),
        ("\"BertNormalizer\"", "\"Lowercase\""),
        ("\"BertPreTokenizer\"", "\"Whitespace\""),
    ] {
        assert!(json.contains(from));
        let refused = Tokenizer::from_json(&json.replace(from, to));
        assert!(matches!(refused, Err(TextError::BadJson { .. })), "{to}");
    }
    let refused = Tokenizer::from_json(&json.replace("\"[UNK]\": 1", "\"[HUH]\": 1"));
    assert!(matches!(refused, Err(TextError::Tokenizer { .. })));
}
