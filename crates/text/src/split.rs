//! CLIP's way from a text to words: one normal form, lower case, split by kind of letter.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The text in Unicode's normal form C, in lower case (letter by letter).
pub(crate) fn normalize(text: &str) -> String {
    text.nfc().flat_map(char::to_lowercase).collect()
}

/// The words of a normalised text, as CLIP's regular expression finds them: English contractions,
/// runs of letters, single digits, runs of what is neither letter, digit nor white space.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let length = match contraction(rest) {
            Some(length) => length,
            None => match Kind::of(first) {
                Kind::Number => first.len_utf8(),
                kind => rest.find(|c| Kind::of(c) != kind).unwrap_or(rest.len()),
            },
        };
        let (word, later) = rest.split_at(length);
        rest = later;
        Some(word)
    })
}

/// How long the contraction is that the text begins with.
fn contraction(text: &str) -> Option<usize> {
    ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"]
        .into_iter()
        .find(|ending| text.starts_with(ending))
        .map(str::len)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    Number,
    Space,
    Other,
}

impl Kind {
    fn of(c: char) -> Self {
        if c.is_whitespace() {
            Kind::Space
        } else if c.is_numeric() {
            Kind::Number
        } else if c.is_alphabetic() && !is_combining_mark(c) && !is_lettered_symbol(c) {
            // Unicode's Alphabetic is its letters and, besides, some numbers, marks and symbols.
            Kind::Letter
        } else {
            Kind::Other
        }
    }
}

/// Letters in circles and squares, which are alphabetic and yet symbols.
fn is_lettered_symbol(c: char) -> bool {
    matches!(c, '\u{24b6}'..='\u{24e9}' | '\u{1f130}'..='\u{1f149}'
        | '\u{1f150}'..='\u{1f169}' | '\u{1f170}'..='\u{1f189}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_clips() {
        let split = |text: &str| {
            words(&normalize(text))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(split("Don't  stop!'s"), ["don", "'t", "stop", "!'", "s"]);
        assert_eq!(
            split("'Tis 24k\u{3000}x²"),
            ["'t", "is", "2", "4", "k", "x", "²"]
        );
        assert_eq!(split("e\u{301}a\u{320}b Ⓐ"), ["éa", "\u{320}", "b", "ⓐ"]);
        assert!(split(" \t\n").is_empty());
    }
}
