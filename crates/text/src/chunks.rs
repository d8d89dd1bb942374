//! Prompts of any length, in chunks that a text encoder takes.

use crate::{ClipTokenizer, Part, TextError, parse_prompt};

/// Tokens of one chunk, the two around the text included: what every CLIP text encoder reads.
pub const LENGTH: usize = 77;
/// Most chunks of a prompt.
pub const MAX_CHUNKS: usize = 32;
/// The text's own tokens of a chunk.
const ROOM: usize = LENGTH - 2;
/// A chunk that is full ends at its last comma, if no more than so many tokens are behind it.
const COMMA_BACKTRACK: usize = 20;

/// A text encoder's input: `ids` [77] and the weight of each one's embedding.
///
/// Each chunk is encoded by itself; the embeddings are put one behind the other, [chunks * 77,
/// width]. Weights multiply a chunk's embeddings, which are then scaled to the mean they had
/// before, as A1111 does it.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    pub ids: Vec<i32>,
    pub weights: Vec<f32>,
}

impl Chunk {
    /// Whether any weight differs from 1.
    pub fn is_weighted(&self) -> bool {
        self.weights.iter().any(|&weight| weight != 1.0)
    }
}

impl ClipTokenizer {
    /// A prompt with A1111's weights (see [`parse_prompt`]) in chunks of 77 tokens, at least one.
    ///
    /// # Errors
    /// [`TextError::PromptTooLong`], [`TextError::TooManyChunks`].
    pub fn chunks(&self, prompt: &str) -> Result<Vec<Chunk>, TextError> {
        let most = MAX_CHUNKS * ROOM;
        let comma = self.id(",</w>");
        let mut cut = Cut::default();
        for part in parse_prompt(prompt)? {
            match part {
                Part::Break => cut.end_chunk(),
                Part::Text { text, weight } => {
                    for token in self.tokens(&text, most + 1) {
                        cut.push(token, weight, Some(token) == comma);
                    }
                }
            }
            if cut.done.len() > MAX_CHUNKS {
                break;
            }
        }
        if !cut.open.is_empty() || cut.done.is_empty() {
            cut.end_chunk();
        }
        if cut.done.len() > MAX_CHUNKS {
            return Err(TextError::TooManyChunks {
                most: MAX_CHUNKS,
                length: LENGTH,
            });
        }
        Ok(cut.done.iter().map(|tokens| self.chunk(tokens)).collect())
    }

    /// Adds empty chunks to the shorter of two prompts (one of them the negative), for guidance
    /// needs both of one length.
    pub fn level(&self, one: &mut Vec<Chunk>, other: &mut Vec<Chunk>) {
        let length = one.len().max(other.len());
        one.resize(length, self.chunk(&[]));
        other.resize(length, self.chunk(&[]));
    }

    fn chunk(&self, tokens: &[(i32, f32)]) -> Chunk {
        let own = || tokens.iter().take(ROOM);
        let mut ids: Vec<i32> = [self.start()]
            .into_iter()
            .chain(own().map(|&(id, _)| id))
            .chain([self.end()])
            .collect();
        let mut weights: Vec<f32> = [1.0]
            .into_iter()
            .chain(own().map(|&(_, weight)| weight))
            .collect();
        ids.resize(LENGTH, self.pad());
        weights.resize(LENGTH, 1.0);
        Chunk { ids, weights }
    }
}

/// A prompt on its way into chunks.
#[derive(Default)]
struct Cut {
    done: Vec<Vec<(i32, f32)>>,
    open: Vec<(i32, f32)>,
    /// Just behind the last comma of `open`.
    comma: Option<usize>,
}

impl Cut {
    fn push(&mut self, token: i32, weight: f32, is_comma: bool) {
        if self.open.len() == ROOM {
            // The phrase that does not fit goes over whole. A comma stays where it is.
            let moved = match self.comma {
                Some(comma) if !is_comma && ROOM - comma < COMMA_BACKTRACK => {
                    self.open.split_off(comma)
                }
                _ => Vec::new(),
            };
            self.end_chunk();
            self.open = moved;
        }
        self.open.push((token, weight));
        if is_comma {
            self.comma = Some(self.open.len());
        }
    }

    fn end_chunk(&mut self) {
        self.done.push(std::mem::take(&mut self.open));
        self.comma = None;
    }
}
