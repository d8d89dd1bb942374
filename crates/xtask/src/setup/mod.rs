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
    tools::ensure_playwright(project)
}
