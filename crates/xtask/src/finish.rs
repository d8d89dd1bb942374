//! What Trunk leaves to do: the gatekeeper (`www/sw.js`) and the page (`files.json`) are told what files
//! there are and what is in them, and the page where it will be published.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// The gatekeeper; the browser itself looks whether it has changed, so it keeps no copy of itself.
const GATEKEEPER: &str = "sw.js";
/// The list for the page, which makes galleries of its own files (`crates/studio/src/gallery/site.rs`).
const LIST: &str = "files.json";
/// The line of `www/sw.js` that is filled in.
const NO_FILES: &str = "const FILES = {};";
/// How wasm-bindgen imports a function that was not linked.
const GAP: &str = r#" from "env""#;
/// What `www/index.html` says of its preview picture.
const PREVIEW: &str = r#"content="preview.jpg""#;

/// Finishes the page in `folder`. `address` is where it will be published; those who show previews of
/// links want the picture's whole address, and a page that may lie anywhere does not know its own.
pub fn finish(folder: &Path, address: Option<&str>) -> Result<()> {
    if let Some(address) = address {
        let address = format!("{}/", address.trim_end_matches('/'));
        let whole = format!(
            r#"content="{address}preview.jpg" />
    <meta property="og:url" content="{address}""#
        );
        fill_in(&folder.join("index.html"), PREVIEW, &whole)?;
    }
    let mut files = BTreeMap::new();
    collect(folder, folder, &mut files)?;
    is_linked(folder, files.keys())?;
    files.remove(GATEKEEPER);
    files.remove(LIST);
    let list = list(&files);
    let path = folder.join(LIST);
    fs::write(&path, &list).map_err(|source| Error::file(&path, source))?;
    files.insert(LIST.to_owned(), Contents::of(list.as_bytes()));
    fill_in(&folder.join(GATEKEEPER), NO_FILES, &hashes(&files))
}

/// A wasm linked from what an interrupted build left behind asks for functions that nobody has, and the
/// page would only say that it opens.
fn is_linked<'a>(folder: &Path, mut files: impl Iterator<Item = &'a String>) -> Result<()> {
    let has_gaps = |file: &&String| {
        let script = file
            .ends_with(".js")
            .then(|| fs::read_to_string(folder.join(file)));
        script.is_some_and(|text| text.is_ok_and(|text| text.contains(GAP)))
    };
    match files.find(has_gaps) {
        None => Ok(()),
        Some(file) => Err(Error::Other(format!(
            "{file} is not whole: a build was interrupted. Remove target/web and build again."
        ))),
    }
}

/// What is in a file.
struct Contents {
    sha256: String,
    bytes: usize,
}

impl Contents {
    fn of(bytes: &[u8]) -> Self {
        let hash = Sha256::digest(bytes);
        Self {
            sha256: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
            bytes: bytes.len(),
        }
    }
}

/// The list as JSON. Names are those of this repository's files, without quotes or backslashes.
fn list(files: &BTreeMap<String, Contents>) -> String {
    let line = |(path, Contents { sha256, bytes }): (&String, &Contents)| {
        format!("  {path:?}: {{ \"sha256\": {sha256:?}, \"bytes\": {bytes} }}")
    };
    let lines: Vec<String> = files.iter().map(line).collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

/// The list as the gatekeeper has it, in JavaScript.
fn hashes(files: &BTreeMap<String, Contents>) -> String {
    let mut list = "const FILES = {\n".to_owned();
    for (path, Contents { sha256, .. }) in files {
        let _ = writeln!(list, "  {path:?}: {sha256:?},");
    }
    list + "};"
}

fn fill_in(file: &Path, place: &str, with: &str) -> Result<()> {
    let text = fs::read_to_string(file).map_err(|source| Error::file(file, source))?;
    if text.matches(place).count() != 1 {
        return Err(Error::Other(format!(
            "{} should have `{place}` once, to be filled in.",
            file.display()
        )));
    }
    fs::write(file, text.replace(place, with)).map_err(|source| Error::file(file, source))
}

/// Paths below `root` with `/` between their parts, and what is in them.
fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, Contents>) -> Result<()> {
    let failed = |source| Error::file(folder, source);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path: PathBuf = entry.map_err(failed)?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
            continue;
        }
        let bytes = fs::read(&path).map_err(|source| Error::file(&path, source))?;
        let inside = path.strip_prefix(root).unwrap_or(&path);
        let parts = inside.iter().map(|part| part.to_string_lossy());
        files.insert(parts.collect::<Vec<_>>().join("/"), Contents::of(&bytes));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gatekeeper_learns_every_file_and_the_page_its_address() {
        let root = std::env::temp_dir().join(format!("xtask-finish-{}", std::process::id()));
        fs::create_dir_all(root.join("models/sketch")).unwrap();
        fs::write(root.join("models/sketch/a b.json"), "abc").unwrap();
        fs::write(root.join("index.html"), format!("<meta {PREVIEW} />")).unwrap();
        let gatekeeper = root.join(GATEKEEPER);
        fs::write(&gatekeeper, format!("// first\n{NO_FILES}\n// last\n")).unwrap();

        finish(&root, Some("https://example.org/atelier")).unwrap();
        let page = fs::read_to_string(root.join("index.html")).unwrap();
        assert!(page.contains(r#"content="https://example.org/atelier/preview.jpg" />"#));
        assert!(page.contains(r#"og:url" content="https://example.org/atelier/" />"#));
        let text = fs::read_to_string(&gatekeeper).unwrap();
        // Of "abc", from FIPS 180-4's example.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(
            text.contains(&format!(r#"  "models/sketch/a b.json": "{abc}","#)),
            "{text}"
        );
        assert!(text.contains(r#"  "index.html": ""#) && !text.contains(GATEKEEPER));
        // The page's own list has sizes too, and is a file that the gatekeeper knows.
        let list = fs::read_to_string(root.join(LIST)).unwrap();
        let line = format!(r#"  "models/sketch/a b.json": {{ "sha256": "{abc}", "bytes": 3 }}"#);
        assert!(list.contains(&line) && list.starts_with("{\n") && list.ends_with("}\n}\n"));
        assert!(!list.contains(LIST) && !list.contains(GATEKEEPER));
        let hash = Contents::of(list.as_bytes()).sha256;
        assert!(text.contains(&format!(r#"  "files.json": "{hash}","#)));
        assert!(text.starts_with("// first\nconst FILES = {\n") && text.ends_with("};\n// last\n"));
        // A second time there is nothing to fill in, and that is said.
        assert!(finish(&root, None).is_err());
        fs::write(&gatekeeper, NO_FILES).unwrap();
        fs::write(root.join("worker.js"), "import * as import5 from \"env\"").unwrap();
        let error = finish(&root, None).unwrap_err().to_string();
        assert!(error.starts_with("worker.js is not whole"), "{error}");
        fs::remove_dir_all(root).unwrap();
    }
}
