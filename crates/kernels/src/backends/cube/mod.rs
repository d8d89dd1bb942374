//! On the GPU: our WGSL from `shaders/`.

mod attention;
mod conv;
mod launch;
mod norm;
mod peak;
mod state;
