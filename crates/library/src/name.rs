//! What an artist writes to name a model, and the addresses that follow from it.

use std::fmt::{self, Write};

use atelier_weights::shown;

use crate::{LibraryError, hosts::HUB};

/// Where a Hub's models lie on a site that serves some itself, in the Hub's own layout.
const OWN_HUB: &str = "hub";
/// Longest name or revision believed; the Hub's own bound for a name is 96.
const LONGEST: usize = 128;

/// A model on the Hub, or on the page's own site in the same layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Without a `/` at its end.
    base: String,
    owner: String,
    name: String,
    /// Branch, tag or commit.
    pub revision: String,
    /// One file of it: a single-file checkpoint.
    pub file: Option<String>,
}

impl Name {
    /// Reads `owner/name`, `owner/name@revision`, or an address on the Hub: of the model's page
    /// (`/tree/revision` too) or of one of its files (`/blob/revision/path`, `/resolve/...`).
    ///
    /// `site` is the page's own folder (ends in `/`). Models that a site serves itself lie under
    /// `hub/` in it, and are named by their address.
    ///
    /// # Errors
    /// [`LibraryError::Name`], and [`LibraryError::Host`] for addresses elsewhere.
    pub fn parse(given: &str, site: &str) -> Result<Self, LibraryError> {
        let given = given.trim();
        let wrong = || LibraryError::Name {
            given: shown(given),
        };
        let whole = given.split(['?', '#']).next().unwrap_or_default();
        let own = format!("{site}{OWN_HUB}/");
        let scheme = whole.split_once("://");
        let (base, path) = match scheme {
            Some(_) if !site.is_empty() && whole.starts_with(&own) => {
                (format!("{site}{OWN_HUB}"), &whole[own.len()..])
            }
            Some((scheme, rest)) => {
                let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
                let host = host.to_lowercase();
                if scheme != "https" && scheme != "http" {
                    return Err(wrong());
                }
                if !is_hub(&host) {
                    return Err(LibraryError::Host { host: shown(&host) });
                }
                (HUB.to_owned(), path)
            }
            None => match whole.split_once('/') {
                Some((host, path)) if is_hub(&host.to_lowercase()) && path.contains('/') => {
                    (HUB.to_owned(), path)
                }
                _ => (HUB.to_owned(), whole),
            },
        };
        let mut parts = path.trim_end_matches('/').split('/');
        let (Some(owner), Some(name)) = (parts.next(), parts.next()) else {
            return Err(wrong());
        };
        let rest: Vec<&str> = parts.collect();
        let (name, after) = match name.split_once('@') {
            // A revision after an @ may itself have slashes.
            Some((name, revision)) => {
                let mut whole = revision.to_owned();
                for part in &rest {
                    whole.push('/');
                    whole.push_str(part);
                }
                (name, Some(whole))
            }
            None => (name, None),
        };
        let (revision, file) = match (after, rest.as_slice()) {
            (Some(revision), _) => (revision, None),
            (None, []) => ("main".to_owned(), None),
            (None, ["tree", revision, ..]) => (decoded(revision).ok_or_else(wrong)?, None),
            (None, ["blob" | "resolve", revision, path @ ..]) if !path.is_empty() => {
                let path = decoded(&path.join("/")).ok_or_else(wrong)?;
                if !is_plain(&path) {
                    return Err(wrong());
                }
                (decoded(revision).ok_or_else(wrong)?, Some(path))
            }
            _ => return Err(wrong()),
        };
        if !is_word(owner) || !is_word(name) || !is_revision(&revision) {
            return Err(wrong());
        }
        Ok(Self {
            base,
            owner: owner.to_owned(),
            name: name.to_owned(),
            revision,
            file,
        })
    }

    /// The Hub's answer about the model, its files and their sizes among it.
    ///
    /// Source: `huggingface_hub`'s `HfApi.model_info(files_metadata=True)`.
    pub fn listing_url(&self) -> String {
        let revision = encoded(&self.revision, false);
        format!(
            "{}/api/models/{self}/revision/{revision}?blobs=true",
            self.base
        )
    }

    /// A file of it at a commit.
    pub fn file_url(&self, commit: &str, path: &str) -> String {
        let (commit, path) = (encoded(commit, false), encoded(path, true));
        format!("{}/{self}/resolve/{commit}/{path}", self.base)
    }

    /// The model's page, for people.
    pub fn page_url(&self) -> String {
        format!("{}/{self}", self.base)
    }

    /// Host, for sentences.
    pub fn host(&self) -> String {
        let after = self.base.split("://").nth(1).unwrap_or(&self.base);
        after.split('/').next().unwrap_or_default().to_owned()
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }
}

/// `owner/name`.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

fn is_hub(host: &str) -> bool {
    matches!(host, "huggingface.co" | "www.huggingface.co" | "hf.co")
}

fn is_word(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len())
        && !text.starts_with(['.', '-'])
        && !text.contains("..")
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

fn is_revision(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.split('/').all(is_word)
}

/// Whether a path is one that is asked for: relative, no way up, nothing that is not printed.
pub(crate) fn is_plain(path: &str) -> bool {
    path.len() <= 255
        && path
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..")
        && !path.chars().any(|c| c.is_control() || "\\?#".contains(c))
}

/// Percent-encoded, the unreserved characters of RFC 3986 apart.
fn encoded(text: &str, is_path: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'/' if is_path => out.push('/'),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => {
                // To a string, which cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
        out.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: &str = "https://studio.test/atelier/";

    fn parse(given: &str) -> Result<Name, LibraryError> {
        Name::parse(given, SITE)
    }

    #[test]
    fn names_and_addresses_lead_to_the_same() {
        for given in [
            "segmind/tiny-sd",
            "  segmind/tiny-sd/ ",
            "segmind/tiny-sd@main",
            "https://huggingface.co/segmind/tiny-sd",
            "http://www.huggingface.co/segmind/tiny-sd?library=diffusers#files",
            "huggingface.co/segmind/tiny-sd",
            "hf.co/segmind/tiny-sd/tree/main/unet",
        ] {
            let name = parse(given).unwrap();
            assert_eq!(name.to_string(), "segmind/tiny-sd", "{given}");
            assert_eq!(
                (name.revision.as_str(), &name.file),
                ("main", &None),
                "{given}"
            );
            assert_eq!(
                name.listing_url(),
                "https://huggingface.co/api/models/segmind/tiny-sd/revision/main?blobs=true"
            );
        }
    }

    #[test]
    fn revisions_and_files_are_read() {
        let name = parse("a/b@refs/pr/3").unwrap();
        assert_eq!(name.revision, "refs/pr/3");
        assert!(name.listing_url().contains("/revision/refs%2Fpr%2F3?"));
        let name = parse("https://huggingface.co/a/b/tree/refs%2Fpr%2F3").unwrap();
        assert_eq!(name.revision, "refs/pr/3");
        let name = parse(
            "https://huggingface.co/a/b/resolve/v1/deep/An%20ink%20(v3).safetensors?download=true",
        )
        .unwrap();
        assert_eq!(name.revision, "v1");
        assert_eq!(name.file.as_deref(), Some("deep/An ink (v3).safetensors"));
        assert_eq!(
            name.file_url("0123", "deep/An ink (v3).safetensors"),
            "https://huggingface.co/a/b/resolve/0123/deep/An%20ink%20%28v3%29.safetensors"
        );
    }

    #[test]
    fn the_pages_own_site_may_serve_models_and_no_other_may() {
        let name = parse("https://studio.test/atelier/hub/a/b").unwrap();
        assert_eq!(
            name.file_url("c", "unet/config.json"),
            "https://studio.test/atelier/hub/a/b/resolve/c/unet/config.json"
        );
        for elsewhere in [
            "https://studio.test/other/hub/a/b",
            "https://studio.test/atelier/a/b",
            "https://civitai.com/models/1",
            "https://huggingface.co.evil.test/a/b",
            "https://evil.test/huggingface.co/a/b",
            "https://huggingface.co@evil.test/a/b",
            "https://huggingface.co:8443/a/b",
        ] {
            let error = parse(elsewhere).unwrap_err();
            assert!(
                matches!(error, LibraryError::Host { .. }),
                "{elsewhere}: {error}"
            );
        }
        assert!(Name::parse("https://studio.test/hub/a/b", "").is_err());
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in [
            "",
            "a",
            "a/",
            "/b",
            "a b/c",
            "../b",
            "a/..",
            "a/b@",
            "a/b@../x",
            "a/b/c",
            "a/b/blob/main",
            "a/b/resolve/main/../x",
            "a/b/resolve/main/%2e%2e/x",
            "a/b/blob/main/x%00",
            "a/b/blob/main/%zz",
            "ftp://huggingface.co/a/b",
            "javascript://a/b",
            "spaces/a/b",
            "a/b\u{202e}",
        ] {
            let error = parse(bad).unwrap_err();
            assert!(matches!(error, LibraryError::Name { .. }), "{bad}: {error}");
        }
        assert!(parse(&format!("a/{}", "b".repeat(200))).is_err());
    }
}
