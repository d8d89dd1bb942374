//! How fast the engine is: natively by itself, and in the browser beside other libraries (tests/bench).

use crate::{
    error::{Error, Result},
    page::Build,
    project::Project,
    setup,
};

/// Runs the one that `options` ask for; the rest of them are its own.
pub fn run(project: &Project, options: &[&str]) -> Result<()> {
    match options.contains(&"--browser") {
        true => browser(project, options),
        false => project
            .run("cargo")
            .args([
                "run",
                "--quiet",
                "--release",
                "--bin",
                "atelier",
                "--",
                "bench",
            ])
            .args(options)
            .quietly()
            .go(),
    }
}

/// Builds the engine's exports for the bench, and hands over to `bench.mjs`.
fn browser(project: &Project, options: &[&str]) -> Result<()> {
    let wasm_target = setup::for_page(project, Build::Local)?;
    setup::for_bench(project)?;
    let browser = setup::browser(project).ok_or_else(|| Error::Missing {
        what: "A browser".into(),
        remedy: "Run `cargo xtask setup`, or name one with CHROMIUM=/path/to/it.".into(),
    })?;
    // The page's own folder, so that what both are made of is built once.
    let target = project.target.join("web");
    let cargo = project
        .run("cargo")
        .args(["build", "--release", "--package", "atelier-engine"])
        .args(["--bin", "bench", "--target", "wasm32-unknown-unknown"])
        .env("CARGO_TARGET_DIR", &target)
        .quietly();
    wasm_target.apply(cargo).go()?;
    let engine = project.target.join("bench");
    project
        .run("wasm-bindgen")
        .args(["--target", "web", "--no-typescript", "--out-dir"])
        .arg(&engine)
        .arg(target.join("wasm32-unknown-unknown/release/bench.wasm"))
        .quietly()
        .go()?;
    project
        .run("node")
        .arg("bench.mjs")
        .args(options.iter().filter(|option| **option != "--browser"))
        .folder(&project.bench())
        .env("ENGINE", &engine)
        .env("CHROMIUM", browser)
        .quietly()
        .go()
}
