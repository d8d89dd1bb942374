//! On the CPU: compositions of burn's operations, which are the reference for the GPU's kernels.

mod attention;
mod conv;
mod geglu;
mod norm;
mod peak;
mod state;
