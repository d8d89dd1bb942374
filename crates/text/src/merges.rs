//! Byte-pair encoding: Sennrich et al., "Neural Machine Translation of Rare Words with Subword
//! Units" (arXiv 1508.07909), on bytes, a word's last byte being marked `</w>`.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use crate::TextError;
use crate::error::problem;

/// What marks the end of a word.
pub(crate) const WORD_END: &str = "</w>";

/// Which pairs of tokens are one, by their rank: the least is joined first.
#[derive(Debug, Clone)]
pub(crate) struct Merges {
    pairs: HashMap<(i32, i32), (usize, i32)>,
    /// The token of each byte, inside a word and at its end.
    bytes: [[i32; 2]; 256],
}

impl Merges {
    /// # Errors
    /// A piece that the vocabulary lacks.
    pub fn new<'a>(
        vocabulary: &HashMap<String, i32>,
        pairs: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, TextError> {
        let id = |piece: &str| {
            vocabulary.get(piece).copied().ok_or_else(|| {
                let shown: String = piece.chars().take(40).filter(|c| !c.is_control()).collect();
                problem(format!(
                    "its vocabulary lacks \"{shown}\"; get its files again from where the model was published"
                ))
            })
        };
        let mut ranks = HashMap::new();
        for (rank, (a, b)) in pairs.enumerate() {
            let joined = id(&format!("{a}{b}"))?;
            ranks.entry((id(a)?, id(b)?)).or_insert((rank, joined));
        }
        let mut bytes = [[0; 2]; 256];
        for (byte, letter) in letters().into_iter().enumerate() {
            bytes[byte] = [
                id(&letter.to_string())?,
                id(&format!("{letter}{WORD_END}"))?,
            ];
        }
        Ok(Self {
            pairs: ranks,
            bytes,
        })
    }

    /// Adds the tokens of one word. Takes n log n for a word of n bytes.
    pub fn encode(&self, word: &str, ids: &mut Vec<i32>) {
        let last = word.len().saturating_sub(1);
        let mut tokens: Vec<Option<i32>> = word
            .bytes()
            .enumerate()
            .map(|(i, byte)| Some(self.bytes[usize::from(byte)][usize::from(i == last)]))
            .collect();
        // Neighbours of each place, over those that were joined away; an end is out of range.
        let mut after: Vec<usize> = (1..=tokens.len()).collect();
        let mut before: Vec<usize> = (0..tokens.len()).map(|i| i.wrapping_sub(1)).collect();
        let at = |tokens: &[Option<i32>], place: usize| tokens.get(place).copied().flatten();
        let found = |tokens: &[Option<i32>], left: usize, right: usize| {
            let pair = (at(tokens, left)?, at(tokens, right)?);
            let &(rank, joined) = self.pairs.get(&pair)?;
            Some(Reverse((rank, left, pair, joined)))
        };
        let mut heap: BinaryHeap<_> = (0..last).filter_map(|i| found(&tokens, i, i + 1)).collect();
        while let Some(Reverse((_, left, pair, joined))) = heap.pop() {
            let Some(&right) = after.get(left) else {
                continue;
            };
            // Either may have been joined to another since.
            if (at(&tokens, left), at(&tokens, right)) != (Some(pair.0), Some(pair.1)) {
                continue;
            }
            tokens[left] = Some(joined);
            tokens[right] = None;
            after[left] = after[right];
            if let Some(back) = before.get_mut(after[left]) {
                *back = left;
            }
            heap.extend(found(&tokens, left, after[left]));
            heap.extend(found(&tokens, before[left], left));
        }
        ids.extend(tokens.into_iter().flatten());
    }
}

/// The letter that stands for each byte in the vocabulary (OpenAI's `bytes_to_unicode`): itself
/// where it is a plain letter of Latin-1, else one from 256 on.
pub(crate) fn letters() -> [char; 256] {
    let mut letters = ['\0'; 256];
    let mut next = 256;
    for byte in 0..=255_u8 {
        let plain = matches!(byte, 33..=126 | 161..=172 | 174..=255);
        let code = if plain {
            u32::from(byte)
        } else {
            next += 1;
            next - 1
        };
        letters[usize::from(byte)] = char::from_u32(code).unwrap_or_default();
    }
    letters
}

/// The vocabulary that CLIP makes of its merges: bytes, bytes at a word's end, merges, then the two
/// ends of a text.
pub(crate) fn vocabulary<'a>(
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
    ends: [&str; 2],
) -> HashMap<String, i32> {
    let letters = letters();
    let (plain, others): (Vec<char>, Vec<char>) = letters
        .into_iter()
        .partition(|&letter| u32::from(letter) < 256);
    let letters = || plain.iter().chain(&others);
    let pieces = letters()
        .map(char::to_string)
        .chain(letters().map(|letter| format!("{letter}{WORD_END}")))
        .chain(pairs.map(|(a, b)| format!("{a}{b}")))
        .chain(ends.map(str::to_owned));
    pieces.zip(0..).collect()
}
