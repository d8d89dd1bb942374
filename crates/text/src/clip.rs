//! CLIP's tokenizer, from the files that its models are published with.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::error::{bad_json, problem};
use crate::merges::{Merges, WORD_END, vocabulary};
use crate::split::{normalize, words};
use crate::{TextError, Tokens};

const START: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";
/// CLIP has 49,408 tokens.
const MOST_TOKENS: usize = 100_000;
/// Longest file read, in bytes; CLIP's tokenizer.json takes 2.2 million.
const LONGEST_FILE: usize = 16 << 20;
const TOO_MANY: &str = "it has more tokens than any model";

/// The byte-pair tokenizer of CLIP's text encoders (OpenAI's of Stable Diffusion 1.x, OpenCLIP's of
/// 2.x).
///
/// Tokens are those of transformers' `CLIPTokenizer`. `<|startoftext|>`, `<|endoftext|>` and the
/// padding token are taken for themselves wherever a text has them written so; with Stable
/// Diffusion 2.x's padding every `!` is token 0, as it is there.
#[derive(Debug, Clone)]
pub struct ClipTokenizer {
    vocabulary: HashMap<String, i32>,
    merges: Merges,
    start: i32,
    end: i32,
    pad: i32,
    /// What is a token as it is written, and which.
    special: Vec<(String, i32)>,
}

impl ClipTokenizer {
    /// Reads `vocab.json` and `merges.txt`, as Stable Diffusion's folders have them.
    ///
    /// # Errors
    /// [`TextError::BadJson`], [`TextError::Tokenizer`] where the two do not belong together.
    pub fn from_files(vocab_json: &str, merges_txt: &str) -> Result<Self, TextError> {
        let file = "vocab.json";
        short_enough(file, vocab_json)?;
        let Vocabulary(vocabulary) =
            serde_json::from_str(vocab_json).map_err(|error| bad_json(file, &error))?;
        Self::new(vocabulary, pairs(merges_txt)?.into_iter())
    }

    /// Makes the vocabulary of `merges.txt` alone, as OpenAI and OpenCLIP do: for single-file
    /// checkpoints, which come without a tokenizer.
    ///
    /// # Errors
    /// [`TextError::Tokenizer`].
    pub fn from_merges(merges_txt: &str) -> Result<Self, TextError> {
        let pairs = pairs(merges_txt)?;
        let vocabulary = vocabulary(pairs.iter().copied(), [START, END]);
        Self::new(vocabulary, pairs.into_iter())
    }

    /// Reads a `tokenizer.json` as Hugging Face's `tokenizers` writes it.
    ///
    /// # Errors
    /// [`TextError::BadJson`], [`TextError::Tokenizer`] when it is not one of CLIP's kind.
    pub fn from_json(tokenizer_json: &str) -> Result<Self, TextError> {
        let file = "tokenizer.json";
        short_enough(file, tokenizer_json)?;
        let Json { model } =
            serde_json::from_str(tokenizer_json).map_err(|error| bad_json(file, &error))?;
        if model.kind != "BPE" {
            return Err(problem(
                "it is not of CLIP's kind; choose a Stable Diffusion model",
            ));
        }
        if model.end_of_word_suffix.as_deref() != Some(WORD_END) {
            return Err(problem(
                "its tokenizer.json does not mark the ends of words as CLIP does; choose a Stable Diffusion model",
            ));
        }
        let pairs = (model.merges.0.iter())
            .map(Pair::split)
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| {
                problem("a merge in its tokenizer.json is no pair; get the file again")
            })?;
        Self::new(model.vocab.0, pairs.into_iter())
    }

    fn new<'a>(
        vocabulary: HashMap<String, i32>,
        pairs: impl ExactSizeIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, TextError> {
        if vocabulary.len().max(pairs.len()) > MOST_TOKENS {
            return Err(problem(format!(
                "it has more than {MOST_TOKENS} tokens; choose a Stable Diffusion model"
            )));
        }
        let merges = Merges::new(&vocabulary, pairs)?;
        let special = |token: &str| match vocabulary.get(token) {
            Some(&id) => Ok(id),
            None => Err(problem(format!(
                "its vocabulary lacks {token}; choose a Stable Diffusion model"
            ))),
        };
        let (start, end) = (special(START)?, special(END)?);
        Ok(Self {
            special: vec![(START.to_owned(), start), (END.to_owned(), end)],
            vocabulary,
            merges,
            start,
            end,
            pad: end,
        })
    }

    /// The same with another padding token: `!` for Stable Diffusion 2.x, whose
    /// `tokenizer_config.json` says so.
    ///
    /// # Errors
    /// [`TextError::Tokenizer`] where the vocabulary has no such token.
    pub fn pad_with(mut self, token: &str) -> Result<Self, TextError> {
        let Some(&pad) = self.vocabulary.get(token) else {
            return Err(problem(
                "its padding token is not in its vocabulary; get its files again from where the model was published",
            ));
        };
        self.pad = pad;
        self.special.truncate(2);
        if !self.special.iter().any(|(special, _)| special == token) && !token.is_empty() {
            self.special.push((token.to_owned(), pad));
        }
        Ok(self)
    }

    /// The same with the padding token that a `tokenizer_config.json` or `special_tokens_map.json`
    /// names, if it names one.
    ///
    /// # Errors
    /// As [`pad_with`](Self::pad_with), or text that is no such file.
    pub fn configured(self, json: &str) -> Result<Self, TextError> {
        let file = "tokenizer_config.json";
        short_enough(file, json)?;
        let config: Config = serde_json::from_str(json).map_err(|error| bad_json(file, &error))?;
        match config.pad_token {
            None => Ok(self),
            Some(Token::Plain(token) | Token::Added { content: token }) => self.pad_with(&token),
        }
    }

    /// The token that begins every text.
    pub fn start(&self) -> i32 {
        self.start
    }

    /// The token that ends every text; the pooled embedding is the one at its first place.
    pub fn end(&self) -> i32 {
        self.end
    }

    /// The token that fills what is left.
    pub fn pad(&self) -> i32 {
        self.pad
    }

    /// The token of a whole piece, as the vocabulary writes it.
    pub(crate) fn id(&self, piece: &str) -> Option<i32> {
        self.vocabulary.get(piece).copied()
    }

    /// `text` as exactly `max_tokens` tokens (77 for every CLIP): cut at the end if it has more,
    /// padded if it has fewer. The mask is 1 for the text's tokens and the two around it; Stable
    /// Diffusion's text encoders are run without one.
    pub fn encode(&self, text: &str, max_tokens: usize) -> Tokens {
        let room = max_tokens.saturating_sub(2);
        let mut own = self.tokens(text, room + 1);
        let truncated = own.len() > room;
        own.truncate(room);
        let mut ids = [&[self.start][..], &own, &[self.end]].concat();
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

    /// The text's own tokens, without the two around it. Stops soon after `enough`.
    pub fn tokens(&self, text: &str, enough: usize) -> Vec<i32> {
        let mut ids = Vec::new();
        let mut rest = text;
        while !rest.is_empty() && ids.len() < enough {
            let next = (self.special.iter())
                .filter_map(|(token, id)| Some((rest.find(token.as_str())?, token.len(), *id)))
                .min_by_key(|&(at, length, _)| (at, usize::MAX - length));
            let plain = next.map_or(rest, |(at, ..)| &rest[..at]);
            for word in words(&normalize(plain)) {
                self.merges.encode(word, &mut ids);
                if ids.len() >= enough {
                    return ids;
                }
            }
            let Some((at, length, id)) = next else { break };
            ids.push(id);
            rest = &rest[at + length..];
        }
        ids
    }
}

/// The lines of a merges.txt, in the order of their ranks.
fn pairs(merges_txt: &str) -> Result<Vec<(&str, &str)>, TextError> {
    short_enough("merges.txt", merges_txt)?;
    merges_txt
        .lines()
        .enumerate()
        .filter(|&(i, line)| i > 0 || !line.starts_with("#version"))
        .filter(|(_, line)| !line.is_empty())
        .take(MOST_TOKENS + 1) // one too many is refused
        .map(|(_, line)| line.split_once(' '))
        .map(|pair| pair.filter(|(a, b)| !a.is_empty() && !b.is_empty() && !b.contains(' ')))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| {
            problem("a line of its merges.txt is no pair; get the file again from where the model was published")
        })
}

fn short_enough(file: &'static str, text: &str) -> Result<(), TextError> {
    if text.len() <= LONGEST_FILE {
        return Ok(());
    }
    Err(TextError::BadJson {
        file,
        problem: format!(
            "it has {} bytes, and at most {LONGEST_FILE} are read",
            text.len()
        ),
    })
}

/// The parts of a tokenizer.json that are used.
#[derive(serde::Deserialize)]
struct Json {
    model: Model,
}

#[derive(serde::Deserialize)]
struct Model {
    #[serde(rename = "type")]
    kind: String,
    end_of_word_suffix: Option<String>,
    vocab: Vocabulary,
    merges: Merged,
}

/// A token's number by its piece; reading stops at one too many.
struct Vocabulary(HashMap<String, i32>);

impl<'de> Deserialize<'de> for Vocabulary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pieces;

        impl<'de> Visitor<'de> for Pieces {
            type Value = Vocabulary;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of numbers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pieces = HashMap::new();
                while let Some((piece, id)) = map.next_entry()? {
                    if pieces.len() >= MOST_TOKENS {
                        return Err(A::Error::custom(TOO_MANY));
                    }
                    pieces.insert(piece, id);
                }
                Ok(Vocabulary(pieces))
            }
        }

        deserializer.deserialize_map(Pieces)
    }
}

/// The pairs to join; reading stops at one too many.
struct Merged(Vec<Pair>);

impl<'de> Deserialize<'de> for Merged {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Merged;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of pairs")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = list.next_element()? {
                    if pairs.len() >= MOST_TOKENS {
                        return Err(A::Error::custom(TOO_MANY));
                    }
                    pairs.push(pair);
                }
                Ok(Merged(pairs))
            }
        }

        deserializer.deserialize_seq(Pairs)
    }
}

/// "a b" in older files, ["a", "b"] in newer ones.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Pair {
    Text(String),
    List(String, String),
}

impl Pair {
    fn split(&self) -> Option<(&str, &str)> {
        match self {
            Pair::Text(text) => text.split_once(' '),
            Pair::List(a, b) => Some((a, b)),
        }
    }
}

/// The one field of a tokenizer_config.json or special_tokens_map.json that differs between models.
#[derive(serde::Deserialize)]
struct Config {
    pad_token: Option<Token>,
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Token {
    Plain(String),
    Added { content: String },
}
