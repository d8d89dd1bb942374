//! The dedicated worker that fetches and keeps Studio models. Everything it does is in
//! `atelier_library::browser`.

fn main() {
    #[cfg(target_arch = "wasm32")]
    atelier_library::browser::start();
}
