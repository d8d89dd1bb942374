/// Words from a stranger, fit to stand among ours: at most `chars` characters, line ends and other
/// controls as spaces, and without the marks that turn the direction of what follows (Unicode
/// Technical Report 36, section 2.5.1) or that are not to be seen at all.
pub fn clean(words: &str, chars: usize) -> String {
    let unseen = |c: &char| {
        matches!(*c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
            // Emoji are joined by this one.
            && *c != '\u{200d}'
    };
    let seen = words.chars().filter(|c| !unseen(c));
    let plain = seen.map(|c| {
        let space = c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        if space { ' ' } else { c }
    });
    let cut: String = plain.take(chars).collect();
    cut.trim().to_owned()
}

/// Longest address that is kept.
const MAX_ADDRESS: usize = 300;

/// Whether an address is one the page may show and open: `https://` and a plain host, or a path
/// below the page's own folder. Nothing that a browser would read as another scheme, another host
/// than it seems, or a way up.
pub fn is_safe_address(address: &str) -> bool {
    let plain = |s: &str| {
        s.bytes()
            .all(|b| b.is_ascii_graphic() && !b"\"'<>\\`{}|^".contains(&b))
    };
    if address.is_empty() || address.len() > MAX_ADDRESS || !plain(address) {
        return false;
    }
    match address.strip_prefix("https://") {
        Some(rest) => {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let host = host.split_once(':').map_or(host, |(host, _port)| host);
            host.contains('.')
                && !host.starts_with('.')
                && host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
        }
        None => {
            address
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b))
                && !address.starts_with('/')
                && address
                    .split('/')
                    .all(|part| !part.is_empty() && part != "..")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_cannot_disturb_the_page() {
        assert_eq!(clean(" a\u{0}fox\r\nruns ", 99), "a fox  runs");
        assert_eq!(clean("safe\u{202e}gnp.exe", 99), "safegnp.exe");
        assert_eq!(
            clean("<b>&amp;", 99),
            "<b>&amp;",
            "shown as text, so left alone"
        );
        assert_eq!(clean("狐狐狐狐", 2), "狐狐");
        assert_eq!(clean("\u{200b}\u{feff}", 9), "");
    }

    #[test]
    fn addresses_are_what_they_seem() {
        for good in [
            "https://example.org/hand.safetensors",
            "https://example.org:8443/a?b=c#d",
            "adapters/hand.safetensors",
            "hand.safetensors",
        ] {
            assert!(is_safe_address(good), "{good}");
        }
        for bad in [
            "",
            "javascript:alert(1)",
            "JAVASCRIPT:alert(1)",
            "data:text/html,x",
            "http://example.org/x",
            "//example.org/x",
            "/x",
            "../x",
            "a/../../x",
            "https://good.org@evil.org/",
            "https://localhost/",
            "https:///x",
            "https://ex ample.org/",
            "https://example.org/\"><script>",
            "https://exämple.org/",
            "https://example.org\\@evil.org",
        ] {
            assert!(!is_safe_address(bad), "{bad}");
        }
        assert!(!is_safe_address(&format!(
            "https://a.org/{}",
            "x".repeat(300)
        )));
    }
}
