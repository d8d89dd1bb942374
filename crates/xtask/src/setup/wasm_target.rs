use std::path::Path;

use super::system;
use crate::{
    command::Run,
    error::{Error, Result},
    project::Project,
};

const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
/// Debian's linker. Its rustc looks for it under the name of rustup's.
const DEBIAN_LINKER: &str = "/usr/bin/lld-22";
const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "rust-web-src", "libstd-rust-web-dev", "lld-22"];

/// Which compiler makes the wasm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WasmTarget {
    /// The pinned toolchain with its wasm target: the normal way.
    Rustup,
    /// Debian's rustc, building std from its sources, where rustup has no way to its server.
    Debian,
}

impl WasmTarget {
    /// Sets `run` (cargo, or Trunk which calls it) up for this compiler.
    pub fn apply(self, run: Run) -> Run {
        match self {
            WasmTarget::Rustup => run,
            // RUSTC_BOOTSTRAP and build-std: Debian ships std's sources for wasm, not its binaries.
            WasmTarget::Debian => run
                .env("RUSTC", DEBIAN_RUSTC)
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort"),
        }
    }
}

pub fn ensure(project: &Project) -> Result<WasmTarget> {
    if rustup_has_it(project) {
        return Ok(WasmTarget::Rustup);
    }
    if debian_has_it(project) {
        return Ok(WasmTarget::Debian);
    }
    let rustup = project.run("rustup").args(["target", "add", TARGET]).go();
    if rustup.is_ok() && rustup_has_it(project) {
        return Ok(WasmTarget::Rustup);
    }
    println!("rustup could not add the wasm target; trying Debian's packages.");
    system::install(project, &DEBIAN_PACKAGES).map_err(|error| Error::Missing {
        what: format!("The Rust target {TARGET}"),
        remedy: format!(
            "Run `rustup target add {TARGET}` where the network allows it. (The other way, Debian's \
             packages {}, did not work either: {error})",
            DEBIAN_PACKAGES.join(", ")
        ),
    })?;
    link_debian_linker(project)?;
    Ok(WasmTarget::Debian)
}

fn rustup_has_it(project: &Project) -> bool {
    project
        .run("rustc")
        .args(["--print", "sysroot"])
        .ask()
        .is_some_and(|sysroot| {
            Path::new(&sysroot)
                .join("lib/rustlib")
                .join(TARGET)
                .join("lib")
                .is_dir()
        })
}

fn debian_has_it(project: &Project) -> bool {
    Path::new(DEBIAN_RUSTC).is_file()
        && Path::new("/usr/lib/rustlib/src/rust/library/std").is_dir()
        && Path::new(DEBIAN_LINKER).is_file()
        && project.which("rust-lld").is_some()
}

#[cfg(unix)]
fn link_debian_linker(project: &Project) -> Result<()> {
    let folder = project.tools.join("bin");
    std::fs::create_dir_all(&folder).map_err(|source| Error::file(&folder, source))?;
    let link = folder.join("rust-lld");
    if link.exists() {
        return Ok(());
    }
    std::os::unix::fs::symlink(DEBIAN_LINKER, &link).map_err(|source| Error::file(&link, source))
}

#[cfg(not(unix))]
fn link_debian_linker(_: &Project) -> Result<()> {
    Ok(())
}
