//! Building the page with Trunk, when anything it is made from has changed.

use std::{fs, path::PathBuf};

use crate::{
    error::{Error, Result},
    finish,
    fresh::Inputs,
    project::Project,
    setup, shrink,
};

/// Everything the page is made from. Crates that only run natively are left out.
const SOURCES: [&str; 24] = [
    ".cargo/config.toml",
    "Cargo.lock",
    "Cargo.toml",
    "Trunk.toml",
    "rust-toolchain.toml",
    "crates/adapter",
    "crates/diffusion",
    "crates/engine",
    "crates/kernels",
    "crates/library",
    "crates/link",
    "crates/models",
    "crates/pictures",
    "crates/project",
    "crates/protocol",
    "crates/studio",
    "crates/text",
    "crates/training",
    "crates/weights",
    "crates/xtask/src/finish.rs",
    "crates/xtask/src/page.rs",
    "crates/xtask/src/shrink.rs",
    "shaders",
    "www",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// To be served from here: cargo's release profile and no wasm-opt, so that a changed line
    /// shows soon.
    Local,
    /// To be published: the smallest wasm there is, which takes some ten minutes more.
    Published,
}

impl Build {
    fn profile(self) -> &'static str {
        match self {
            Build::Local => "release",
            Build::Published => "published",
        }
    }

    /// Folder of the built page.
    pub fn folder(self, project: &Project) -> PathBuf {
        match self {
            Build::Local => project.target.join("page"),
            Build::Published => project.root.join("dist"),
        }
    }
}

/// Sets up and builds the page; its folder. Does nothing when nothing has changed since. `address` is
/// where it will be published, when that is known.
pub fn build(project: &Project, build: Build, address: Option<&str>) -> Result<PathBuf> {
    let wasm_target = setup::for_page(project, build)?;
    let profile = build.profile();
    let folder = build.folder(project);
    let stamp = project.target.join(format!("page-{profile}.stamp"));
    let inputs = Inputs::look(
        &project.root,
        &SOURCES,
        &format!("{profile} {wasm_target:?} {address:?}"),
    )?;
    if folder.join("index.html").is_file() && inputs.are_those_of(&stamp) {
        println!("The page in {} is up to date.", folder.display());
        return Ok(folder);
    }
    let _ = fs::remove_file(&stamp);
    fs::create_dir_all(&folder).map_err(|source| Error::file(&folder, source))?;
    let trunk = project
        .run("trunk")
        .args(["build", "--skip-version-check", "--cargo-profile", profile])
        .arg("--dist")
        .arg(&folder)
        // A folder of its own, so that the page is built while native tests hold the other.
        .env("CARGO_TARGET_DIR", project.target.join("web"))
        // Trunk takes it for a flag of its own and wants `true`, not the usual `1`.
        .without_env("NO_COLOR");
    wasm_target.apply(trunk).go()?;
    if build == Build::Published {
        shrink::all_wasm(project, &folder)?;
    }
    finish::finish(&folder, address)?;
    inputs.write(&stamp)?;
    Ok(folder)
}
