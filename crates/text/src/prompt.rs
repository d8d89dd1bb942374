//! A prompt with weights, as A1111's web UI reads it.

use crate::TextError;

/// Longest prompt read, in bytes.
pub const MAX_PROMPT: usize = 16 << 10;
/// Weights are kept between this and its negative: more is a slip of the keyboard, or brackets
/// drawn for fun.
const MAX_WEIGHT: f32 = 100.0;
/// What a pair of brackets multiplies or divides by.
const BRACKET: f32 = 1.1;

/// A piece of a prompt.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// A text whose embedding is multiplied by `weight`.
    Text { text: String, weight: f32 },
    /// `BREAK`: what follows begins a new chunk.
    Break,
}

/// Reads A1111's weights: `(text)` weighs 1.1, `[text]` 1/1.1, `(text:1.3)` 1.3, each times the
/// weight of the brackets around it; `\(`, `\)`, `\[`, `\]` and `\\` are those characters; the word
/// `BREAK` begins a new chunk. Brackets left open count to the end; ones never opened are text.
///
/// There is always at least one part; neighbours differ in weight.
///
/// # Errors
/// [`TextError::PromptTooLong`].
pub fn parse_prompt(prompt: &str) -> Result<Vec<Part>, TextError> {
    if prompt.len() > MAX_PROMPT {
        return Err(TextError::PromptTooLong {
            got: prompt.len(),
            most: MAX_PROMPT,
        });
    }
    let mut parts = Vec::new();
    // Where in `parts` each open bracket began.
    let (mut round, mut square) = (Vec::new(), Vec::new());
    let mut rest = prompt;
    while let Some(first) = rest.chars().next() {
        let mut taken = first.len_utf8();
        match first {
            '\\' => {
                let escaped = rest[1..].chars().next();
                let escaped = escaped.filter(|c| matches!(c, '(' | ')' | '[' | ']' | '\\'));
                // A backslash before anything else is nothing.
                if let Some(escaped) = escaped {
                    taken += 1;
                    push(&mut parts, escaped.encode_utf8(&mut [0; 4]));
                }
            }
            '(' => round.push(parts.len()),
            '[' => square.push(parts.len()),
            ')' if let Some(from) = round.pop() => multiply(&mut parts, from, BRACKET),
            ']' if let Some(from) = square.pop() => multiply(&mut parts, from, 1.0 / BRACKET),
            ':' if let Some((weight, length)) = closing_weight(rest)
                && let Some(from) = round.pop() =>
            {
                multiply(&mut parts, from, weight);
                taken = length;
            }
            ':' | ')' | ']' => push(&mut parts, &rest[..taken]),
            _ => {
                taken = rest
                    .find(['\\', '(', ')', '[', ']', ':'])
                    .unwrap_or(rest.len());
                with_breaks(&mut parts, &rest[..taken]);
            }
        }
        rest = &rest[taken..];
    }
    for from in round {
        multiply(&mut parts, from, BRACKET);
    }
    for from in square {
        multiply(&mut parts, from, 1.0 / BRACKET);
    }
    Ok(joined(parts))
}

fn push(parts: &mut Vec<Part>, text: &str) {
    parts.push(Part::Text {
        text: text.to_owned(),
        weight: 1.0,
    });
}

fn multiply(parts: &mut [Part], from: usize, factor: f32) {
    for part in parts.iter_mut().skip(from) {
        if let Part::Text { weight, .. } = part {
            *weight = (*weight * factor).clamp(-MAX_WEIGHT, MAX_WEIGHT);
        }
    }
}

/// `:1.2)` at the beginning of `text`, white space allowed: the weight, and how long that is.
fn closing_weight(text: &str) -> Option<(f32, usize)> {
    let after = text.strip_prefix(':')?;
    let (number, _) = after.split_once(')')?;
    let digits = number.trim();
    let plain = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    if !plain.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let weight: f32 = digits.parse().ok()?;
    Some((weight.clamp(-MAX_WEIGHT, MAX_WEIGHT), 1 + number.len() + 1))
}

/// Takes the word BREAK, with the white space around it, out of `text`.
fn with_breaks(parts: &mut Vec<Part>, text: &str) {
    const WORD: &str = "BREAK";
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut begin, mut from) = (0, 0);
    while let Some(at) = text[from..].find(WORD).map(|at| at + from) {
        let end = at + WORD.len();
        let alone = !text[..at].ends_with(is_word) && !text[end..].starts_with(is_word);
        from = end;
        if alone {
            push(parts, text[begin..at].trim_end());
            parts.push(Part::Break);
            begin = end + (text[end..].len() - text[end..].trim_start().len());
            from = begin;
        }
    }
    push(parts, &text[begin..]);
}

/// Neighbours of equal weight as one, without empty ones.
fn joined(parts: Vec<Part>) -> Vec<Part> {
    let mut out: Vec<Part> = Vec::new();
    for part in parts {
        match (out.last_mut(), &part) {
            (_, Part::Text { text, .. }) if text.is_empty() => {}
            (
                Some(Part::Text { text, weight }),
                Part::Text {
                    text: more,
                    weight: same,
                },
            ) if weight == same => text.push_str(more),
            _ => out.push(part),
        }
    }
    if out.is_empty() {
        push(&mut out, "");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(prompt: &str) -> Vec<(String, f32)> {
        let parts = parse_prompt(prompt).unwrap();
        let shown = |part| match part {
            // four digits: products of 1.1 in f32
            Part::Text { text, weight } => (text, (weight * 1e4).round() / 1e4),
            Part::Break => ("BREAK".to_owned(), -1.0),
        };
        parts.into_iter().map(shown).collect()
    }

    fn same(prompt: &str, expected: &[(&str, f32)]) {
        let expected: Vec<(String, f32)> =
            expected.iter().map(|&(t, w)| (t.to_owned(), w)).collect();
        assert_eq!(parsed(prompt), expected, "{prompt:?}");
    }

    /// The examples that A1111's documentation and code give for their syntax.
    #[test]
    fn weights_are_a1111s() {
        same("normal text", &[("normal text", 1.0)]);
        same(
            "an (important) word",
            &[("an ", 1.0), ("important", 1.1), (" word", 1.0)],
        );
        same("(unbalanced", &[("unbalanced", 1.1)]);
        same(r"\(literal\]", &[("(literal]", 1.0)]);
        same("(unnecessary)(parens)", &[("unnecessaryparens", 1.1)]);
        same(
            "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
            &[
                ("a ", 1.0),
                ("house", 1.573),
                (" ", 1.1),
                ("on", 1.0),
                (" a ", 1.1),
                ("hill", 0.55),
                (", sun, ", 1.1),
                ("sky", 1.4641),
                (".", 1.1),
            ],
        );
    }

    #[test]
    fn odd_ones() {
        same("", &[("", 1.0)]);
        same("()[]", &[("", 1.0)]);
        same("a: b:1.2)", &[("a: b:1.2)", 1.0)]);
        same("(a : 1.5 )", &[("a ", 1.5)]);
        same("(a:-0.5)(b:+.5)", &[("a", -0.5), ("b", 0.5)]);
        same("(a:1.2.3)", &[("a:1.2.3", 1.1)]);
        same("(a:)(b:x)", &[("a:b:x", 1.1)]);
        same("[[a]]", &[("a", 0.8264)]);
        same(r"a\b \\ \", &[(r"ab \ ", 1.0)]);
        same("x] (日本:1.4)", &[("x] ", 1.0), ("日本", 1.4)]);
        same(
            "(a:99999999999999999999999999999999999999999)",
            &[("a", 100.0)],
        );
        let deep = format!("{}a", "(".repeat(10_000));
        same(&deep, &[("a", 100.0)]);
        assert!(matches!(
            parse_prompt(&"a".repeat(MAX_PROMPT + 1)),
            Err(TextError::PromptTooLong { .. })
        ));
    }

    #[test]
    fn breaks_stand_alone() {
        same("a BREAK b", &[("a", 1.0), ("BREAK", -1.0), ("b", 1.0)]);
        same("BREAKING a_BREAK", &[("BREAKING a_BREAK", 1.0)]);
        same("a, BREAK, b", &[("a,", 1.0), ("BREAK", -1.0), (", b", 1.0)]);
        same(
            "(a BREAK b:1.2)",
            &[("a", 1.2), ("BREAK", -1.0), ("b", 1.2)],
        );
        same("BREAKBREAK BREAK", &[("BREAKBREAK", 1.0), ("BREAK", -1.0)]);
    }
}
