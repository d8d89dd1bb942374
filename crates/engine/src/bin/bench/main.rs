//! The engine as the bench in the browser calls it (tests/bench/libraries/atelier.mjs). No part of the page.

#[cfg(target_arch = "wasm32")]
mod block;
#[cfg(target_arch = "wasm32")]
mod computation;
#[cfg(target_arch = "wasm32")]
mod engine;
#[cfg(target_arch = "wasm32")]
mod unet;

fn main() {
    #[cfg(target_arch = "wasm32")]
    {
        atelier_engine::worker::run_constructors();
        console_error_panic_hook::set_once();
    }
}
