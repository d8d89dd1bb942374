//! What a server's answer means.

use crate::{Entry, LibraryError, Name};

/// Where the bytes of an answer belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Where they were asked for.
    There,
    /// At the file's beginning: the server does not know ranges, or the file is another now.
    Over,
}

/// The answer to [`Name::listing_url`]. `code` is the Hub's `X-Error-Code`.
///
/// # Errors
/// All statuses but 200. To those not signed in the Hub says 401 of what is private and of what is
/// not there at all, so as not to tell which.
pub fn of_listing(status: u16, code: Option<&str>, name: &Name) -> Result<(), LibraryError> {
    let gated = code == Some("GatedRepo");
    Err(match status {
        200 => return Ok(()),
        401 | 403 if gated => LibraryError::Gated {
            name: name.to_string(),
        },
        404 if code == Some("RevisionNotFound") => LibraryError::NoRevision {
            name: name.to_string(),
            revision: name.revision.clone(),
        },
        401 | 403 | 404 => LibraryError::NotFound {
            name: name.to_string(),
        },
        429 => LibraryError::TooOften,
        status => LibraryError::Status {
            host: name.host(),
            status,
        },
    })
}

/// The answer to a file's address from byte `begin` on. `range` is its `Content-Range`, which not
/// every host lets a page see.
///
/// # Errors
/// All statuses but 200, 206 and 416.
pub fn of_file(
    status: u16,
    range: Option<&str>,
    begin: u64,
    entry: &Entry,
    name: &Name,
) -> Result<Begin, LibraryError> {
    Err(match status {
        200 if begin == 0 => return Ok(Begin::There),
        200 | 416 => return Ok(Begin::Over),
        206 => {
            return Ok(match range.map(|range| is_rest(range, begin, entry.size)) {
                Some(false) => Begin::Over,
                None | Some(true) => Begin::There,
            });
        }
        401 | 403 => LibraryError::Gated {
            name: name.to_string(),
        },
        404 | 410 => LibraryError::FileGone {
            path: entry.path.clone(),
        },
        429 => LibraryError::TooOften,
        status => LibraryError::Status {
            host: name.host(),
            status,
        },
    })
}

/// Whether `bytes 100-199/200` begins where it was asked to, in a file as long as it was announced.
fn is_rest(range: &str, begin: u64, size: u64) -> bool {
    let numbers = range.trim().strip_prefix("bytes ");
    let Some((range, whole)) = numbers.and_then(|range| range.split_once('/')) else {
        return false;
    };
    let first = range
        .split_once('-')
        .and_then(|(first, _)| first.parse().ok());
    first == Some(begin) && (whole == "*" || whole.parse() == Ok(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_sentence() {
        let name = Name::parse("a/b@v9", "").unwrap();
        assert_eq!(of_listing(200, None, &name), Ok(()));
        for (status, code, says) in [
            (401, None, "no model a/b"),
            (401, Some("RepoNotFound"), "no model a/b"),
            (404, None, "no model a/b"),
            (401, Some("GatedRepo"), "accept their terms"),
            (404, Some("RevisionNotFound"), "no revision v9"),
            (429, None, "Wait a few minutes"),
            (503, None, "huggingface.co answered with an error (503)"),
        ] {
            let sentence = of_listing(status, code, &name).unwrap_err().to_string();
            assert!(sentence.contains(says), "{status} {code:?}: {sentence}");
        }
    }

    #[test]
    fn an_answer_goes_on_only_where_it_was_asked_to() {
        let name = Name::parse("a/b", "").unwrap();
        let entry = Entry {
            path: "x".into(),
            size: 200,
            sha256: None,
        };
        let of = |status, range, begin| of_file(status, range, begin, &entry, &name);
        assert_eq!(of(200, None, 0), Ok(Begin::There));
        assert_eq!(of(206, Some("bytes 100-199/200"), 100), Ok(Begin::There));
        assert_eq!(of(206, Some("bytes 100-199/*"), 100), Ok(Begin::There));
        assert_eq!(of(206, None, 100), Ok(Begin::There));
        for (status, range) in [
            (200, None),
            (416, Some("bytes */50")),
            (206, Some("bytes 0-199/200")),
            (206, Some("bytes 100-299/300")),
            (206, Some("items 100-199/200")),
            (206, Some("bytes -5/200")),
            (206, Some("")),
        ] {
            assert_eq!(
                of(status, range, 100),
                Ok(Begin::Over),
                "{status} {range:?}"
            );
        }
        assert!(matches!(
            of(404, None, 0),
            Err(LibraryError::FileGone { .. })
        ));
        assert!(matches!(of(403, None, 0), Err(LibraryError::Gated { .. })));
        assert!(of(502, None, 0).unwrap_err().is_of_the_network());
    }
}
