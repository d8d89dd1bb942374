//! What the Hub says of a model.

use serde::Deserialize;
use serde_json::Value;

use atelier_weights::shown;

use crate::{Entry, LibraryError, Name, name::is_plain};

/// Longest answer read, in bytes. A thousand files take about 200 kB.
pub const LONGEST: u64 = 8 << 20;
/// Most files looked at.
const MOST: usize = 20_000;
/// Largest file believed, in bytes; the Hub's own bound is 50 GB.
const LARGEST: u64 = 64 << 30;

/// A model at one commit: its files, and what is said of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// Full hash: what is fetched later is of this and nothing newer.
    pub commit: String,
    /// The licence's name as the authors gave it.
    pub licence: Option<String>,
    pub entries: Vec<Entry>,
}

/// Source: `huggingface_hub`'s `ModelInfo`, `RepoSibling` and `BlobLfsInfo`.
#[derive(Deserialize)]
struct Answer {
    sha: String,
    #[serde(default)]
    gated: Value,
    #[serde(default)]
    siblings: Vec<Sibling>,
    #[serde(default, rename = "cardData")]
    card: Option<Value>,
    #[serde(default)]
    tags: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    #[serde(alias = "oid")]
    sha256: String,
    size: Option<u64>,
}

impl Listing {
    /// Reads the answer to [`Name::listing_url`].
    ///
    /// # Errors
    /// [`LibraryError::Gated`], [`LibraryError::Answer`].
    pub fn parse(bytes: &[u8], name: &Name) -> Result<Self, LibraryError> {
        let wrong = |reason: &str| LibraryError::Answer {
            reason: reason.to_owned(),
        };
        if bytes.len() as u64 > LONGEST {
            return Err(wrong("it is too long"));
        }
        let answer: Answer = serde_json::from_slice(bytes).map_err(|error| {
            let error = error.to_string();
            wrong(&shown(error.split(" at line ").next().unwrap_or_default()))
        })?;
        // `false`, or how access is granted: "auto", "manual".
        if !matches!(answer.gated, Value::Null | Value::Bool(false)) {
            return Err(LibraryError::Gated {
                name: name.to_string(),
            });
        }
        if !is_hex(&answer.sha, 40) {
            return Err(wrong("it names no commit"));
        }
        if answer.siblings.len() > MOST {
            return Err(wrong("it lists too many files"));
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(answer.siblings.len());
        for Sibling {
            rfilename,
            size,
            lfs,
        } in answer.siblings
        {
            let size = lfs.as_ref().and_then(|lfs| lfs.size).or(size);
            // Without a size, or with a path that is none: of no use, and not asked for.
            let Some(size) = size.filter(|size| *size <= LARGEST && is_plain(&rfilename)) else {
                continue;
            };
            let sha256 = lfs.map(|lfs| lfs.sha256.to_lowercase());
            if sha256.as_ref().is_some_and(|hash| !is_hex(hash, 64)) {
                return Err(wrong("a file's SHA-256 is none"));
            }
            entries.push(Entry {
                path: rfilename,
                size,
                sha256,
            });
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        if entries.windows(2).any(|two| two[0].path == two[1].path) {
            return Err(wrong("it lists a file twice"));
        }
        Ok(Self {
            commit: answer.sha,
            licence: licence(answer.card.as_ref(), answer.tags.as_deref()),
            entries,
        })
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The model card's `license` (with `license_name` where that is "other"), or the tag made of it.
fn licence(card: Option<&Value>, tags: Option<&[Value]>) -> Option<String> {
    let of_card = |key: &str| match card?.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => list.first()?.as_str().map(str::to_owned),
        _ => None,
    };
    let of_tags = || {
        let tags = tags?.iter().filter_map(Value::as_str);
        tags.filter_map(|tag| tag.strip_prefix("license:"))
            .next()
            .map(str::to_owned)
    };
    let licence = match of_card("license").as_deref() {
        Some("other") | None => of_card("license_name").or_else(|| of_card("license")),
        Some(licence) => Some(licence.to_owned()),
    };
    licence
        .or_else(of_tags)
        .map(|licence| shown(licence.trim()))
        .filter(|licence| !licence.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COMMIT: &str = "451f4fe16113bff5a5d2269ed5ad43b0592e9a14";

    fn parse(answer: &Value) -> Result<Listing, LibraryError> {
        let name = Name::parse("a/b", "").unwrap();
        Listing::parse(answer.to_string().as_bytes(), &name)
    }

    fn with(siblings: Value) -> Value {
        json!({"sha": COMMIT, "gated": false, "siblings": siblings})
    }

    #[test]
    fn reads_an_answer() {
        let hash = "6c".repeat(32);
        // Shortened from the answer about a published model.
        let listing = parse(&json!({
            "_id": "x", "id": "a/b", "private": false, "gated": false, "disabled": false, "sha": COMMIT,
            "pipeline_tag": "text-to-image", "tags": ["diffusers", "license:creativeml-openrail-m"],
            "cardData": {"license": "creativeml-openrail-m", "inference": true},
            "siblings": [
                {"rfilename": "unet/diffusion_pytorch_model.safetensors", "blobId": "y", "size": 1_719_125_304u64,
                 "lfs": {"sha256": hash, "size": 1_719_125_304u64, "pointerSize": 135}},
                {"rfilename": "model_index.json", "blobId": "z", "size": 541},
            ],
        }))
        .unwrap();
        assert_eq!(listing.commit, COMMIT);
        assert_eq!(listing.licence.as_deref(), Some("creativeml-openrail-m"));
        let paths: Vec<_> = listing
            .entries
            .iter()
            .map(|e| (e.path.as_str(), e.size))
            .collect();
        assert_eq!(
            paths,
            [
                ("model_index.json", 541),
                ("unet/diffusion_pytorch_model.safetensors", 1_719_125_304)
            ]
        );
        assert_eq!(listing.entries[1].sha256, Some(hash));
    }

    #[test]
    fn the_licence_is_named_as_the_authors_do() {
        let of = |card: Value, tags: Value| {
            parse(&json!({"sha": COMMIT, "cardData": card, "tags": tags}))
                .unwrap()
                .licence
        };
        let own = json!({"license": "other", "license_name": "sai-nc-community"});
        assert_eq!(of(own, json!([])).as_deref(), Some("sai-nc-community"));
        assert_eq!(
            of(json!({"license": ["mit"]}), json!([])).as_deref(),
            Some("mit")
        );
        assert_eq!(
            of(json!(null), json!(["license:mit"])).as_deref(),
            Some("mit")
        );
        assert_eq!(of(json!({"license": {"a": 1}}), json!([3])), None);
        let rewriting = of(json!({"license": "x\u{202e}\n\"y\""}), json!([])).unwrap();
        assert!(!rewriting.contains(['\u{202e}', '\n', '"']), "{rewriting}");
    }

    #[test]
    fn who_must_sign_in_is_told_so() {
        for gated in [json!("auto"), json!("manual"), json!(true), json!({"x": 1})] {
            let answer = json!({"sha": COMMIT, "gated": gated});
            assert!(matches!(parse(&answer), Err(LibraryError::Gated { .. })));
        }
    }

    #[test]
    fn hostile_answers_are_refused() {
        let refused = |answer: &Value| matches!(parse(answer), Err(LibraryError::Answer { .. }));
        for answer in [
            json!(null),
            json!([]),
            json!({}),
            json!({"sha": "main"}),
            json!({"sha": COMMIT.replace('4', "/")}),
            json!({"sha": COMMIT, "siblings": {"a": 1}}),
            with(json!([{"rfilename": 1}])),
            with(json!([{"rfilename": "a", "size": -1}])),
            with(json!([{"rfilename": "a", "size": 1e30}])),
            with(json!([{"rfilename": "a", "size": 1, "lfs": {"sha256": "short"}}])),
            with(json!([{"rfilename": "a", "size": 1}, {"rfilename": "a", "size": 2}])),
        ] {
            assert!(refused(&answer), "{answer}");
        }
        let many: Vec<_> = (0..=MOST)
            .map(|i| json!({"rfilename": i.to_string(), "size": 1}))
            .collect();
        assert!(refused(&with(json!(many))));
        let name = Name::parse("a/b", "").unwrap();
        let long = vec![b' '; LONGEST as usize + 1];
        assert!(Listing::parse(&long, &name).is_err());
        assert!(Listing::parse("[".repeat(200_000).as_bytes(), &name).is_err());
        assert!(Listing::parse(b"<html>", &name).is_err());
    }

    #[test]
    fn files_that_cannot_be_asked_for_are_left_out() {
        let listing = parse(&with(json!([
            {"rfilename": "../etc/passwd", "size": 1}, {"rfilename": "/a", "size": 1},
            {"rfilename": "a//b", "size": 1}, {"rfilename": "a\\b", "size": 1},
            {"rfilename": "a?b", "size": 1}, {"rfilename": "a\u{0}", "size": 1},
            {"rfilename": "huge", "size": u64::MAX}, {"rfilename": "sizeless"},
            {"rfilename": "x".repeat(300), "size": 1}, {"rfilename": "good", "size": 1},
        ])))
        .unwrap();
        assert_eq!(listing.entries.len(), 1, "{:?}", listing.entries);
    }
}
