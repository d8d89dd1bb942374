//! Gradients: which kernel computes them, and what is kept for it.

mod attention;
mod conv;
mod geglu;
mod norm;
