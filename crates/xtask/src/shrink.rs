//! wasm-opt over what is published. It takes minutes for the engine, so what it made of a file is
//! kept under that file's hash.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
};

use crate::{
    error::{Error, Result},
    project::Project,
};

/// As small as binaryen can make it, without names of functions.
const OPTIONS: [&str; 2] = ["-Oz", "--strip-debug"];

/// Puts the optimised form of each wasm file of `folder` in its place.
pub fn all_wasm(project: &Project, folder: &Path) -> Result<()> {
    let kept = project.target.join("wasm-opt-kept");
    fs::create_dir_all(&kept).map_err(|source| Error::file(&kept, source))?;
    let failed = |source| Error::file(folder, source);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "wasm")
        {
            shrink(project, &path, &kept)?;
        }
    }
    Ok(())
}

fn shrink(project: &Project, path: &Path, kept: &Path) -> Result<()> {
    let bytes = fs::read(path).map_err(|source| Error::file(path, source))?;
    let mut hasher = DefaultHasher::new();
    (&bytes, OPTIONS).hash(&mut hasher);
    let small = kept.join(format!("{:016x}.wasm", hasher.finish()));
    if !small.is_file() {
        let unfinished = small.with_extension("unfinished");
        project
            .run("wasm-opt")
            .args(OPTIONS)
            .arg("--output")
            .arg(&unfinished)
            .arg(path)
            .go()?;
        fs::rename(&unfinished, &small).map_err(|source| Error::file(&small, source))?;
    }
    fs::copy(&small, path).map_err(|source| Error::file(path, source))?;
    Ok(())
}
