use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
};

use super::WasmTarget;
use crate::{
    error::{Error, Result},
    project::Project,
};

/// 0.22 asks for a newer rustc than the one this project pins.
const TRUNK: &str = "0.21.14";
/// Version of binaryen. Much older ones (Debian 12 has 108) break the output without a word.
const BINARYEN: u32 = 132;

/// The crates of Cargo.lock, so that nothing after setup asks the network for anything.
pub fn ensure_crates(project: &Project, target: WasmTarget) -> Result<()> {
    let lock = read(&project.root.join("Cargo.lock"))?;
    let mut hasher = DefaultHasher::new();
    (lock, target == WasmTarget::Debian).hash(&mut hasher);
    let wanted = format!("{:016x}", hasher.finish());
    let stamp = project.tools.join("crates-fetched");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(());
    }
    target.apply(project.run("cargo").arg("fetch")).go()?;
    make_folder(&project.tools)?;
    fs::write(&stamp, wanted).map_err(|source| Error::file(&stamp, source))
}

/// wasm-bindgen's program and crate must be of the same version, to the last digit.
pub fn ensure_wasm_bindgen(project: &Project) -> Result<()> {
    let version = locked_version(project, "wasm-bindgen")?;
    let have = project.run("wasm-bindgen").arg("--version").ask();
    if have.as_deref() == Some(&format!("wasm-bindgen {version}")) {
        return Ok(());
    }
    // Without --locked: its lock file names yanked crates.
    cargo_install(project, &format!("wasm-bindgen-cli@{version}"), "1", &[])
}

pub fn ensure_trunk(project: &Project) -> Result<()> {
    let have = project.run("trunk").arg("--version").ask();
    if have.as_deref() == Some(&format!("trunk {TRUNK}")) {
        return Ok(());
    }
    // With --locked: it does not compile with the newest of its dependencies. Without its features, which
    // fetch things over TLS: here it finds all it wants. It mostly calls others, so it needs no optimizer.
    let options = ["--locked", "--no-default-features"];
    cargo_install(project, &format!("trunk@{TRUNK}"), "0", &options)
}

/// wasm-opt of binaryen, from npm (the package has it compiled to wasm, so it runs anywhere).
pub fn ensure_wasm_opt(project: &Project) -> Result<()> {
    // Reading the version beats starting it: that takes node half a second.
    let package = project.tools.join("node_modules/binaryen/package.json");
    if fs::read_to_string(package).is_ok_and(|text| json_version(&text) == Some(BINARYEN)) {
        return Ok(());
    }
    let have = project.run("wasm-opt").arg("--version").ask();
    let version = have.and_then(|text| text.split(' ').nth(2)?.parse::<u32>().ok());
    if version.is_some_and(|version| version >= BINARYEN) {
        return Ok(());
    }
    need_node(project)?;
    make_folder(&project.tools)?;
    project
        .run("npm")
        .args(["install", "--no-save", "--no-audit", "--no-fund"])
        .args(["--ignore-scripts", "--prefix"])
        .arg(&project.tools)
        .arg(format!("binaryen@{BINARYEN}.0.0"))
        .go()
}

/// The npm packages of `folder`, as its lock has them. Playwright comes without a browser of its own.
pub fn ensure_packages(project: &Project, folder: &Path, packages: &[&str]) -> Result<()> {
    let lock = read(&folder.join("package-lock.json"))?;
    // npm keeps a copy of the lock of what it installed.
    let installed =
        fs::read_to_string(folder.join("node_modules/.package-lock.json")).unwrap_or_default();
    let is_installed = |package: &str| {
        let wanted = version_in_lock(&lock, package);
        wanted.is_some() && version_in_lock(&installed, package) == wanted
    };
    if packages.iter().all(|package| is_installed(package)) {
        return Ok(());
    }
    need_node(project)?;
    project
        .run("npm")
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        .folder(folder)
        .go()
}

fn need_node(project: &Project) -> Result<()> {
    let version = project.run("node").arg("--version").ask();
    let major = version.and_then(|text| {
        text.trim_start_matches('v')
            .split('.')
            .next()?
            .parse::<u32>()
            .ok()
    });
    if major.is_some_and(|major| major >= 20) && project.which("npm").is_some() {
        return Ok(());
    }
    Err(Error::Missing {
        what: "Node.js 20 or newer with npm".into(),
        remedy: "Install it from nodejs.org or your system's packages and run this again.".into(),
    })
}

/// Installs into our own folder, so that what you have elsewhere stays as it is.
fn cargo_install(project: &Project, what: &str, optimized: &str, options: &[&str]) -> Result<()> {
    println!("Installing {what} into .tools (some minutes, once).");
    let build = project.tools.join("build");
    project
        .run("cargo")
        .args(["install", "--quiet", "--root"])
        .arg(&project.tools)
        .args(options)
        .arg(what)
        .env("CARGO_TARGET_DIR", &build)
        // Their own profiles take one core ten minutes.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", optimized)
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .go()?;
    fs::remove_dir_all(&build).map_err(|source| Error::file(&build, source))
}

/// Version of a crate in Cargo.lock.
fn locked_version(project: &Project, name: &str) -> Result<String> {
    let path = project.root.join("Cargo.lock");
    let lock = read(&path)?;
    crate_version(&lock, name)
        .map(str::to_owned)
        .ok_or_else(|| Error::Other(format!("{} has no {name} in it.", path.display())))
}

fn crate_version<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    after.split('"').next()
}

/// Major version in a package.json.
fn json_version(package: &str) -> Option<u32> {
    let (_, after) = package.split_once("\"version\": \"")?;
    after.split('.').next()?.parse().ok()
}

fn version_in_lock<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = lock.split_once(&format!("\"node_modules/{name}\": {{"))?;
    let (_, after) = after.split_once("\"version\": \"")?;
    after.split('"').next()
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|source| Error::file(path, source))
}

fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|source| Error::file(path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_by_whole_names() {
        let lock = "name = \"wasm-bindgen-macro\"\nversion = \"0.1.0\"\n\
                    name = \"wasm-bindgen\"\nversion = \"0.2.130\"\nsource = \"x\"\n";
        assert_eq!(crate_version(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(crate_version(lock, "wasm"), None);
        let lock = "\"node_modules/playwright-core\": {\n  \"version\": \"1.64.1\",";
        assert_eq!(version_in_lock(lock, "playwright-core"), Some("1.64.1"));
        assert_eq!(
            json_version("{\n \"version\": \"132.0.0\",\n"),
            Some(BINARYEN)
        );
    }
}
