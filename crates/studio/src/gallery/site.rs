//! `files.json`: all files of the site, their hashes and sizes, as `cargo xtask` writes it beside the
//! page; and the gatekeeper, which has the hashes in itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The list, which is not in itself; the gatekeeper knows its hash.
pub const LIST: &str = "files.json";
/// In no list: the browser itself looks whether it has changed.
pub const GATEKEEPER: &str = "sw.js";
/// What is the gallery's own.
const GALLERY: &str = "gallery/";

/// The gatekeeper as it is before it knows any file: of the same build as this page.
const BLANK: &str = include_str!("../../../../www/sw.js");
const NO_FILES: &str = "const FILES = {};";

const MAX_FILES: usize = 5_000;
const MAX_SITE_BYTES: u64 = 2_000_000_000;
const MAX_PATH: usize = 300;

/// Files by their paths, with `/` between parts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Site {
    files: BTreeMap<String, SiteFile>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SiteFile {
    /// Of its contents, in hexadecimal.
    pub sha256: String,
    pub bytes: u64,
}

/// The list is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteError;

impl Site {
    /// Longest list that is read, in bytes.
    pub const MAX_BYTES: usize = 1 << 20;

    /// # Errors
    /// [`SiteError`].
    pub fn parse(json: &[u8]) -> Result<Self, SiteError> {
        if json.len() > Self::MAX_BYTES {
            return Err(SiteError);
        }
        let site: Site = serde_json::from_slice(json).map_err(|_| SiteError)?;
        let sum = site
            .files
            .values()
            .try_fold(0u64, |sum, file| sum.checked_add(file.bytes));
        let fits = site.files.len() <= MAX_FILES && sum.is_some_and(|sum| sum <= MAX_SITE_BYTES);
        let sound = |(path, file): (&String, &SiteFile)| {
            let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            is_inside(path) && file.sha256.len() == 64 && file.sha256.bytes().all(hex)
        };
        (fits && site.files.iter().all(sound))
            .then_some(site)
            .ok_or(SiteError)
    }

    /// Without a gallery, and without the page's lists, which are written anew.
    pub fn bare(mut self) -> Self {
        self.files
            .retain(|path, _| !path.starts_with(GALLERY) && path != LIST && path != GATEKEEPER);
        self
    }

    pub fn files(&self) -> impl Iterator<Item = (&str, &SiteFile)> {
        self.files.iter().map(|(path, file)| (path.as_str(), file))
    }

    pub fn get(&self, path: &str) -> Option<&SiteFile> {
        self.files.get(path)
    }

    /// Sum of all files.
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.bytes).sum()
    }

    /// Adds a file, or puts it in the place of the one of that name.
    pub fn put(&mut self, path: &str, file: SiteFile) {
        self.files.insert(path.to_owned(), file);
    }

    /// The list as it is written.
    pub fn to_json(&self) -> Vec<u8> {
        // Plain fields; writing them does not fail.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// The gatekeeper that knows these files, and the list of them by its hash.
    ///
    /// # Errors
    /// [`SiteError`] where the page was built with a gatekeeper of another kind.
    pub fn gatekeeper(&self, list_sha256: &str) -> Result<String, SiteError> {
        let mut hashes: BTreeMap<&str, &str> = self
            .files()
            .map(|(path, file)| (path, file.sha256.as_str()))
            .collect();
        hashes.insert(LIST, list_sha256);
        let list = serde_json::to_string_pretty(&hashes).map_err(|_| SiteError)?;
        // JSON is JavaScript but for two line ends, which no path has.
        match BLANK.matches(NO_FILES).count() {
            1 => Ok(BLANK.replace(NO_FILES, &format!("const FILES = {list};"))),
            _ => Err(SiteError),
        }
    }
}

/// Whether a path leads to a file of the site and nowhere else, in an address and in a zip.
fn is_inside(path: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && !part.contains(['\\', ':', '\u{2028}', '\u{2029}'])
            && !part.contains(char::is_control)
    };
    path.len() <= MAX_PATH && path.split('/').all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(digit: char, bytes: u64) -> SiteFile {
        SiteFile {
            sha256: digit.to_string().repeat(64),
            bytes,
        }
    }

    fn site() -> Site {
        let mut site = Site::default();
        for (path, digit) in [("index.html", 'a'), ("models/sketch/a b.json", 'b')] {
            site.put(path, file(digit, 10));
        }
        site
    }

    #[test]
    fn a_list_goes_there_and_back() {
        assert_eq!(Site::parse(&site().to_json()), Ok(site()));
        assert_eq!(site().bytes(), 20);
    }

    /// As `cargo xtask` writes it.
    #[test]
    fn it_is_read_as_it_is_written_beside_the_page() {
        let hash = "0123456789abcdef".repeat(4);
        let json = format!("{{\n  \"a/b.js\": {{ \"sha256\": \"{hash}\", \"bytes\": 3 }}\n}}\n");
        let site = Site::parse(json.as_bytes()).unwrap();
        assert_eq!(site.get("a/b.js").map(|f| f.bytes), Some(3));
    }

    #[test]
    fn hostile_lists_are_refused() {
        let with = |path: &str, file: SiteFile| {
            let mut site = site();
            site.put(path, file);
            Site::parse(&site.to_json())
        };
        assert!(with("a/b.js", file('0', 1)).is_ok());
        for path in [
            "",
            "/etc/passwd",
            "../up",
            "a/../../up",
            "a//b",
            "C:/x",
            "a\\b",
            "a\nb",
            "a/",
            "./a",
        ] {
            assert_eq!(with(path, file('0', 1)), Err(SiteError), "{path}");
        }
        assert_eq!(with("a", file('g', 1)), Err(SiteError));
        assert_eq!(with("a", file('0', u64::MAX)), Err(SiteError));
        let short = SiteFile {
            sha256: "ab".into(),
            bytes: 1,
        };
        assert_eq!(with("a", short), Err(SiteError));
        assert_eq!(Site::parse(b"[]"), Err(SiteError));
        assert_eq!(
            Site::parse(&vec![b' '; Site::MAX_BYTES + 1]),
            Err(SiteError)
        );
    }

    #[test]
    fn a_gallery_is_taken_out_before_another_is_put_in() {
        let mut published = site();
        for path in ["gallery/gallery.json", "gallery/pictures/1.png", LIST] {
            published.put(path, file('c', 5));
        }
        assert_eq!(published.bare(), site());
    }

    #[test]
    fn the_gatekeeper_knows_every_file_and_the_list() {
        let text = site().gatekeeper(&"d".repeat(64)).unwrap();
        let list = text.split_once("const FILES = ").unwrap().1;
        let list = list.split_once(";\n").unwrap().0;
        let files: BTreeMap<String, String> = serde_json::from_str(list).unwrap();
        let paths: Vec<&str> = files.keys().map(String::as_str).collect();
        assert_eq!(
            paths,
            ["files.json", "index.html", "models/sketch/a b.json"]
        );
        assert_eq!(files["index.html"], "a".repeat(64));
        assert_eq!(files["files.json"], "d".repeat(64));
        assert!(!text.contains(NO_FILES) && text.ends_with(BLANK.split_once(NO_FILES).unwrap().1));
    }
}
