//! Bringing in what is missing, and nothing else. Each step looks first (milliseconds) and acts
//! only when it has to, so every command starts with it.

mod system;
mod tools;
mod wasm_target;

pub use system::browser;
pub use wasm_target::WasmTarget;

use crate::{error::Result, page::Build, project::Project};

/// What the page needs to be built.
pub fn for_page(project: &Project, build: Build) -> Result<WasmTarget> {
    let target = wasm_target::ensure(project)?;
    tools::ensure_crates(project, target)?;
    tools::ensure_wasm_bindgen(project)?;
    tools::ensure_trunk(project)?;
    if build == Build::Published {
        tools::ensure_wasm_opt(project)?;
    }
    Ok(target)
}

/// What the tests need besides.
pub fn for_tests(project: &Project) -> Result<()> {
    system::ensure(project)?;
    let packages = ["axe-core", "playwright-core"];
    tools::ensure_packages(project, &project.end_to_end(), &packages)
}

/// What the bench in a browser needs besides: the libraries that the engine is compared with.
pub fn for_bench(project: &Project) -> Result<()> {
    system::ensure(project)?;
    let packages = [
        "@jax-js/jax",
        "@tensorflow/tfjs",
        "@tensorflow/tfjs-backend-webgpu",
        "onnxruntime-web",
        "playwright-core",
    ];
    tools::ensure_packages(project, &project.bench(), &packages)
}
