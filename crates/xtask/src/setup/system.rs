use std::{env, path::PathBuf};

use crate::{
    error::{Error, Result},
    project::Project,
};

/// Browsers the tests can drive, the first found is taken. CHROMIUM names another.
const BROWSERS: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// What the tests need from the system: a browser, and a Vulkan driver in software (Mesa's
/// lavapipe) so that the GPU code runs without a GPU.
pub fn ensure(project: &Project) -> Result<()> {
    let mut missing = Vec::new();
    if browser(project).is_none() {
        missing.push("chromium");
    }
    if cfg!(target_os = "linux") {
        if !any_file(&["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"], "lvp_icd") {
            missing.push("mesa-vulkan-drivers");
        }
        let libraries = [
            "/usr/lib",
            "/usr/lib64",
            "/usr/lib/x86_64-linux-gnu",
            "/usr/lib/aarch64-linux-gnu",
        ];
        if !any_file(&libraries, "libvulkan.so.1") {
            missing.push("libvulkan1");
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    install(project, &missing)
}

/// The browser for the tests.
pub fn browser(project: &Project) -> Option<PathBuf> {
    match env::var_os("CHROMIUM") {
        Some(named) => Some(named.into()),
        None => BROWSERS.iter().find_map(|name| project.which(name)),
    }
}

/// Installs Debian packages, as root or with a sudo that asks for no password.
pub fn install(project: &Project, packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    let by_hand = |why: &str| Error::Missing {
        what: format!("From the system: {list}"),
        remedy: format!(
            "{why} Install it and run this again; on Debian: sudo apt-get install {list}. \
             A browser outside PATH can be named with CHROMIUM=/path/to/it."
        ),
    };
    if project.which("apt-get").is_none() {
        return Err(by_hand("There is no apt-get here to do it with."));
    }
    let is_root = project
        .run("id")
        .arg("-u")
        .ask()
        .is_some_and(|id| id == "0");
    let prefix: &[&str] = if is_root {
        &["env"]
    } else if project.run("sudo").args(["-n", "true"]).ask().is_some() {
        &["sudo", "-n", "env"]
    } else {
        return Err(by_hand("It takes root, or sudo without a password."));
    };
    let apt = |arguments: &[&str]| {
        project
            .run(prefix[0])
            .args(&prefix[1..])
            .args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
            .args(arguments)
            .go()
    };
    apt(&["update", "-qq"])?;
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    apt(&[&install[..], packages].concat())
}

/// Whether one of `folders` has a file whose name starts with `start`.
fn any_file(folders: &[&str], start: &str) -> bool {
    folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().starts_with(start))
}
