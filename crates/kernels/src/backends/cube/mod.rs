//! On the GPU: our WGSL from `shaders/`.

mod attention;
mod conv;
mod geglu;
mod launch;
mod norm;
mod peak;
mod state;
