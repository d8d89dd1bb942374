//! Numbers and names as people write them. Language-free parts only; words are in `strings`.

/// A length of time, cut to the units that matter at its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    Seconds(u32),
    Minutes(u32),
    Hours { hours: u32, minutes: u32 },
}

/// Rounds as one would say it: 7 s, 40 s (in fives above 20), 2 min, 1 h 20 min.
/// None for what is no length of time.
pub fn span(seconds: f64) -> Option<Span> {
    if !seconds.is_finite() || seconds < 0.0 {
        return None;
    }
    let seconds = seconds.min(3.6e6);
    let whole = seconds.round() as u32;
    Some(match whole {
        0..=20 => Span::Seconds(whole.max(1)),
        21..=87 => Span::Seconds((seconds / 5.0).round() as u32 * 5),
        88..=3569 => Span::Minutes((seconds / 60.0).round() as u32),
        _ => {
            let minutes = (seconds / 600.0).round() as u32 * 10;
            Span::Hours {
                hours: minutes / 60,
                minutes: minutes % 60,
            }
        }
    })
}

/// Bytes in megabytes: one digit after the point below ten.
pub fn megabytes(bytes: u64) -> String {
    let mb = bytes as f64 / 1e6;
    if mb < 10.0 {
        format!("{mb:.1}")
    } else {
        format!("{mb:.0}")
    }
}

/// A file's size, in the unit that suits it.
pub fn size(bytes: f64) -> String {
    if bytes < 1e3 {
        format!("{bytes:.0} B")
    } else if bytes < 1e6 {
        format!("{:.0} kB", bytes / 1e3)
    } else if bytes < 1e9 {
        format!("{} MB", megabytes(bytes as u64))
    } else {
        format!("{:.1} GB", bytes / 1e9)
    }
}

/// A number that is not exact, to two digits that count, with a mark between thousands.
pub fn thousands(number: u64, mark: char) -> String {
    let unit = 10u64.pow(number.checked_ilog10().unwrap_or(0).saturating_sub(1));
    let digits = (number.saturating_add(unit / 2) / unit * unit).to_string();
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(mark);
        }
        out.push(digit);
    }
    out
}

/// A loss with three digits that say something.
pub fn loss(value: f32) -> String {
    if value >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

/// A number as it stands in a field: no more digits than an `f32` of a few steps deserves.
pub fn number(value: f64) -> String {
    let rounded = format!("{value:.7}");
    rounded
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

/// What a file's name says about the picture, as a caption to start from. Empty for the names
/// that cameras, scanners and browsers give (`IMG_2041.jpg`, `image.png`).
pub fn caption_from_file_name(name: &str) -> String {
    const EMPTY_WORDS: [&str; 25] = [
        "a",
        "img",
        "image",
        "dsc",
        "dscn",
        "dscf",
        "pxl",
        "photo",
        "picture",
        "scan",
        "screenshot",
        "screen",
        "shot",
        "untitled",
        "unnamed",
        "png",
        "jpg",
        "jpeg",
        "webp",
        "copy",
        "download",
        "pasted",
        "final",
        "file",
        "work",
    ];
    let words: Vec<String> = stem(name)
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| word.chars().count() > 1 || word.eq_ignore_ascii_case("a"))
        .map(str::to_lowercase)
        .collect();
    if words
        .iter()
        .all(|word| EMPTY_WORDS.contains(&word.as_str()))
    {
        return String::new();
    }
    // A digest or an id rather than words.
    if words.iter().any(|word| word.chars().count() > 24) {
        return String::new();
    }
    words.join(" ")
}

/// `Name`, and `Name 2`, `Name 3` for the others.
pub fn numbered(name: &str, number: usize) -> String {
    if number <= 1 {
        name.to_owned()
    } else {
        format!("{name} {number}")
    }
}

/// A file's name without folders and ending.
pub fn stem(name: &str) -> &str {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name);
    match base.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => base,
    }
}

/// Whether the name ends so, whatever the case.
pub fn has_ending(name: &str, ending: &str) -> bool {
    name.to_ascii_lowercase().ends_with(ending)
}

/// Words made fit for a file's name: letters and digits joined by `-`, at most 40 characters.
pub fn slug(words: &str) -> String {
    let mut slug = String::new();
    for c in words.chars() {
        if c.is_alphanumeric() {
            slug.extend(c.to_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.chars().count() >= 40 {
            break;
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// A prompt as far as a line holds it.
pub fn shortened(prompt: &str) -> String {
    const CHARS: usize = 160;
    match prompt.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{} …", &prompt[..end]),
        None => prompt.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_one_would_say_them() {
        assert_eq!(span(0.2), Some(Span::Seconds(1)));
        assert_eq!(span(12.4), Some(Span::Seconds(12)));
        assert_eq!(span(43.0), Some(Span::Seconds(45)));
        assert_eq!(span(89.0), Some(Span::Minutes(1)));
        assert_eq!(span(600.0), Some(Span::Minutes(10)));
        assert_eq!(
            span(3_590.0),
            Some(Span::Hours {
                hours: 1,
                minutes: 0
            })
        );
        assert_eq!(
            span(4_700.0),
            Some(Span::Hours {
                hours: 1,
                minutes: 20
            })
        );
        assert_eq!(span(f64::NAN), None);
        assert_eq!(span(-1.0), None);
    }

    #[test]
    fn sizes_have_the_unit_that_suits_them() {
        assert_eq!(size(0.0), "0 B");
        assert_eq!(size(1_499.0), "1 kB");
        assert_eq!(size(60.8e6), "61 MB");
    }

    #[test]
    fn large_numbers_can_be_read() {
        assert_eq!(thousands(532_753, ','), "530,000");
        assert_eq!(thousands(996_000, '.'), "1.000.000");
        assert_eq!(thousands(1_061_889, '.'), "1.100.000");
        assert_eq!(thousands(47, ','), "47");
        assert_eq!(thousands(0, ','), "0");
        assert_eq!(thousands(u64::MAX, ',').len(), 26);
    }

    #[test]
    fn numbers_show_no_rounding_noise() {
        assert_eq!(number(300.0), "300");
        assert_eq!(number(f64::from(0.1_f32)), "0.1");
        assert_eq!(number(f64::from(1e-3_f32)), "0.001");
        assert_eq!(number(f64::from(1e-6_f32)), "0.000001");
        assert_eq!(number(0.0), "0");
    }

    #[test]
    fn captions_come_from_names_that_say_something() {
        assert_eq!(caption_from_file_name("red-fox_02.PNG"), "red fox");
        assert_eq!(
            caption_from_file_name("icons/Old House (3).jpeg"),
            "old house"
        );
        assert_eq!(caption_from_file_name("a-cup.png"), "a cup");
        assert_eq!(caption_from_file_name("IMG_2041.jpg"), "");
        assert_eq!(caption_from_file_name("image.png"), "");
        assert_eq!(caption_from_file_name("0012.webp"), "");
        assert_eq!(caption_from_file_name(".png"), "");
    }

    #[test]
    fn slugs_are_fit_for_file_names() {
        assert_eq!(
            slug("In my hand: a cat, on a mat!"),
            "in-my-hand-a-cat-on-a-mat"
        );
        assert_eq!(slug("../../etc"), "etc");
        assert_eq!(slug("Füchsin"), "füchsin");
        assert!(slug(&"word ".repeat(100)).chars().count() <= 40);
    }
}
