//! The dedicated worker that owns the GPU. Everything it does is in `atelier_engine::worker`.

fn main() {
    #[cfg(target_arch = "wasm32")]
    atelier_engine::worker::start();
}
