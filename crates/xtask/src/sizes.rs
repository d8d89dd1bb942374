//! How much a visitor downloads.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    error::{Error, Result},
    project::Project,
};

/// Prints raw and brotli sizes of the page's code, and the sizes of what else is in `dist`.
pub fn report(project: &Project, dist: &Path) -> Result<()> {
    let mut code = Vec::new();
    let mut folders = Vec::new();
    let failed = |source| Error::file(dist, source);
    for entry in fs::read_dir(dist).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let extension = path.extension().unwrap_or_default();
        if path.is_dir() {
            folders.push(path);
        } else if ["wasm", "js", "css", "html", "webmanifest"]
            .iter()
            .any(|e| extension == *e)
        {
            code.push(path);
        }
    }
    code.sort();
    folders.sort();
    let mut sum = (0, Some(0));
    println!("\n{:<40} {:>10} {:>10}", "", "raw", "brotli");
    for path in &code {
        let raw = weigh(path)?;
        let packed = brotli(project, path);
        sum.0 += raw;
        sum.1 = sum.1.zip(packed).map(|(sum, packed)| sum + packed);
        line(&name(path), raw, packed);
    }
    line("code, together", sum.0, sum.1);
    for path in &folders {
        line(&format!("{}/", name(path)), weigh(path)?, None);
    }
    println!("\nThe page is in {}", dist.display());
    Ok(())
}

fn line(name: &str, raw: u64, packed: Option<u64>) {
    let packed = packed.map(megabytes).unwrap_or_default();
    println!("{name:<40} {:>10} {packed:>10}", megabytes(raw));
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn megabytes(bytes: u64) -> String {
    format!("{:.3} MB", bytes as f64 / 1e6)
}

/// Bytes of a file, or of all files in a folder.
fn weigh(path: &Path) -> Result<u64> {
    let failed = |source| Error::file(path, source);
    if path.is_file() {
        return Ok(fs::metadata(path).map_err(failed)?.len());
    }
    let entries: Vec<PathBuf> = fs::read_dir(path)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()
        .map_err(failed)?;
    entries.iter().map(|entry| weigh(entry)).sum()
}

/// Size after brotli at its strongest, by node, which has it built in.
fn brotli(project: &Project, path: &Path) -> Option<u64> {
    let script = "const z=require('zlib'),fs=require('fs');\
                  console.log(z.brotliCompressSync(fs.readFileSync(process.argv[1])).length)";
    let printed = project.run("node").args(["-e", script]).arg(path).ask()?;
    printed.parse().ok()
}
