//! BERT's WordPiece tokenizer, read from the `tokenizer.json` that Hugging Face's `tokenizers` writes.

use std::collections::HashMap;

use serde::Deserialize;
use unicode_categories::UnicodeCategories;
use unicode_normalization::UnicodeNormalization;

use crate::TextError;
use crate::error::{bad_json, problem};

/// A text as a model takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tokens {
    /// As many as was asked for, the text's own between `[CLS]` and `[SEP]`, then `[PAD]`.
    pub ids: Vec<i32>,
    /// 1 for the text's tokens (and the two around it), 0 for padding.
    pub mask: Vec<f32>,
    /// Whether the text had more tokens than fit, and lost its end.
    pub truncated: bool,
}

/// A WordPiece tokenizer (Wu et al., <https://arxiv.org/abs/1609.08144>) with BERT's normalisation.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    normalizer: BertNormalizer,
    model: WordPiece,
    /// Special tokens, taken out of the text as they are written, before anything else: `[SEP]` is that token.
    special: Vec<AddedToken>,
    /// What the template puts before and after a text.
    before: Vec<i32>,
    after: Vec<i32>,
    pad: i32,
}

impl Tokenizer {
    /// Reads a tokenizer.json. Its truncation and padding are the caller's part and ignored.
    ///
    /// # Errors
    /// Not JSON; any other kind of tokenizer; special tokens that are not in the vocabulary.
    pub fn from_json(json: &str) -> Result<Self, TextError> {
        let file: File =
            serde_json::from_str(json).map_err(|error| bad_json("tokenizer.json", &error))?;
        let plain = |token: &AddedToken| {
            !(token.single_word || token.lstrip || token.rstrip || token.normalized)
        };
        if !file.added_tokens.iter().all(plain) {
            return Err(problem(
                "its added tokens have options that are not supported: choose a model with a plain BERT tokenizer",
            ));
        }
        let Normalizer::BertNormalizer(normalizer) = file.normalizer;
        let Model::WordPiece(model) = file.model;
        let pad = match &file.padding {
            Some(padding) => padding.pad_id,
            None => model.id("[PAD]")?,
        };
        let (before, after) = file.post_processor.around(&model)?;
        model.id(&model.unk_token)?;
        Ok(Self {
            normalizer,
            model,
            special: file.added_tokens,
            before,
            after,
            pad,
        })
    }

    /// `text` as exactly `max_tokens` tokens: cut at the end if it has more, padded if it has fewer.
    pub fn encode(&self, text: &str, max_tokens: usize) -> Tokens {
        let room = max_tokens.saturating_sub(self.before.len() + self.after.len());
        let mut own = self.pieces(text, room + 1);
        let truncated = own.len() > room;
        own.truncate(room);
        let mut ids = [&self.before[..], &own, &self.after].concat();
        ids.truncate(max_tokens);
        let mut mask = vec![1.0; ids.len()];
        ids.resize(max_tokens, self.pad);
        mask.resize(max_tokens, 0.0);
        Tokens {
            ids,
            mask,
            truncated,
        }
    }

    /// The text's own tokens. Stops soon after `enough`.
    fn pieces(&self, text: &str, enough: usize) -> Vec<i32> {
        let mut ids = Vec::new();
        let mut rest = text;
        while !rest.is_empty() && ids.len() < enough {
            let next = self.next_special(rest);
            let (plain, found) = match next {
                Some((at, token)) => (&rest[..at], Some(token)),
                None => (rest, None),
            };
            let normal = self.normalizer.normalize(plain);
            for word in words(&normal) {
                self.model.tokenize(word, &mut ids);
                if ids.len() >= enough {
                    return ids;
                }
            }
            let Some(token) = found else { break };
            ids.push(token.id);
            rest = &rest[plain.len() + token.content.len()..];
        }
        ids
    }

    /// The first special token in `text` and where it is; of two at one place, the longer.
    fn next_special(&self, text: &str) -> Option<(usize, &AddedToken)> {
        (self.special.iter())
            .filter(|token| !token.content.is_empty())
            .filter_map(|token| Some((text.find(&token.content)?, token)))
            .min_by_key(|(at, token)| (*at, usize::MAX - token.content.len()))
    }
}

/// The parts of a tokenizer.json that are used.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    padding: Option<Padding>,
    normalizer: Normalizer,
    /// Always BERT's; read so that any other kind is an error.
    #[serde(rename = "pre_tokenizer")]
    _pre_tokenizer: PreTokenizer,
    post_processor: PostProcessor,
    model: Model,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Normalizer {
    BertNormalizer(BertNormalizer),
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Model {
    WordPiece(WordPiece),
}

#[derive(Deserialize)]
struct Padding {
    pad_id: i32,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum PreTokenizer {
    BertPreTokenizer {},
}

#[derive(Debug, Clone, Deserialize)]
struct AddedToken {
    id: i32,
    content: String,
    single_word: bool,
    lstrip: bool,
    rstrip: bool,
    normalized: bool,
}

/// What is put around the text.
#[derive(Deserialize)]
#[serde(tag = "type")]
enum PostProcessor {
    TemplateProcessing {
        single: Vec<TemplatePiece>,
    },
    BertProcessing {
        sep: (String, i32),
        cls: (String, i32),
    },
}

#[derive(Deserialize)]
enum TemplatePiece {
    SpecialToken { id: String },
    Sequence {},
}

impl PostProcessor {
    /// The ids before and after the text.
    fn around(&self, model: &WordPiece) -> Result<(Vec<i32>, Vec<i32>), TextError> {
        let single = match self {
            PostProcessor::TemplateProcessing { single } => single,
            PostProcessor::BertProcessing { sep, cls } => return Ok((vec![cls.1], vec![sep.1])),
        };
        let (mut before, mut after, mut sequences) = (Vec::new(), Vec::new(), 0);
        for piece in single {
            match piece {
                TemplatePiece::Sequence {} => sequences += 1,
                TemplatePiece::SpecialToken { id } if sequences == 0 => before.push(model.id(id)?),
                TemplatePiece::SpecialToken { id } => after.push(model.id(id)?),
            }
        }
        match sequences {
            1 => Ok((before, after)),
            _ => Err(problem(
                "its template does not have the text once: get the file again from where the model was published",
            )),
        }
    }
}

/// Cleaning, spaces around CJK characters, accents off, lower case; as BERT's own code does it.
#[derive(Debug, Clone, Deserialize)]
struct BertNormalizer {
    clean_text: bool,
    handle_chinese_chars: bool,
    /// By default, where `lowercase` is.
    strip_accents: Option<bool>,
    lowercase: bool,
}

impl BertNormalizer {
    fn normalize(&self, text: &str) -> String {
        let mut normal = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                _ if self.clean_text && is_removed(c) => {}
                _ if self.clean_text && c.is_whitespace() => normal.push(' '),
                _ if self.handle_chinese_chars && is_cjk(c) => normal.extend([' ', c, ' ']),
                _ => normal.push(c),
            }
        }
        if self.strip_accents.unwrap_or(self.lowercase) {
            normal = (normal.nfd()).filter(|c| !c.is_mark_nonspacing()).collect();
        }
        if self.lowercase {
            // Letter by letter: `str::to_lowercase` would give a Greek sigma its form at a word's end.
            normal = normal.chars().flat_map(char::to_lowercase).collect();
        }
        normal
    }
}

/// Characters that cleaning drops: not a character at all, controls, formats, private use.
fn is_removed(c: char) -> bool {
    match c {
        '\0' | '\u{fffd}' => true,
        '\t' | '\n' | '\r' => false,
        c => c.is_other(),
    }
}

/// Characters that are words by themselves. The list is BERT's, gaps and all.
fn is_cjk(c: char) -> bool {
    matches!(c,
        '\u{4e00}'..='\u{9fff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{20000}'..='\u{2a6df}'
        | '\u{2a700}'..='\u{2b73f}'
        | '\u{2b740}'..='\u{2b81f}'
        | '\u{2b920}'..='\u{2ceaf}'
        | '\u{f900}'..='\u{faff}'
        | '\u{2f800}'..='\u{2fa1f}')
}

/// Splits at white space, and before and after every punctuation character, which is a word by itself.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().flat_map(|run| {
        run.split_inclusive(is_punctuation).flat_map(|part| {
            let end = part.char_indices().next_back();
            let cut = match end {
                Some((at, c)) if is_punctuation(c) => at,
                _ => part.len(),
            };
            let (word, mark) = part.split_at(cut);
            [word, mark].into_iter().filter(|word| !word.is_empty())
        })
    })
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation() || c.is_punctuation()
}

/// The pieces, and greedy longest-match-first.
#[derive(Debug, Clone, Deserialize)]
struct WordPiece {
    unk_token: String,
    continuing_subword_prefix: String,
    max_input_chars_per_word: usize,
    vocab: HashMap<String, i32>,
}

impl WordPiece {
    fn id(&self, token: &str) -> Result<i32, TextError> {
        self.vocab.get(token).copied().ok_or_else(|| {
            problem(format!(
                "its vocabulary lacks {token}: get the file again from where the model was published"
            ))
        })
    }

    /// Adds the ids of a word's pieces, or the one of `unk_token` for a word that has none or is too long.
    fn tokenize(&self, word: &str, ids: &mut Vec<i32>) {
        let length = ids.len();
        if word.chars().count() > self.max_input_chars_per_word || !self.split(word, ids) {
            ids.truncate(length);
            ids.extend(self.vocab.get(&self.unk_token));
        }
    }

    /// False if some part of the word is no piece.
    fn split(&self, word: &str, ids: &mut Vec<i32>) -> bool {
        let mut start = 0;
        let mut candidate = String::new();
        while start < word.len() {
            candidate.clear();
            if start > 0 {
                candidate.push_str(&self.continuing_subword_prefix);
            }
            let prefix = candidate.len();
            candidate.push_str(&word[start..]);
            let id = loop {
                if candidate.len() == prefix {
                    return false;
                }
                if let Some(id) = self.vocab.get(&candidate) {
                    break *id;
                }
                candidate.pop();
            };
            ids.push(id);
            start += candidate.len() - prefix;
        }
        true
    }
}
