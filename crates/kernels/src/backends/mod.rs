mod autodiff;
mod cube;
#[cfg(not(target_arch = "wasm32"))]
mod flex;
