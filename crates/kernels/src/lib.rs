//! Our own operations on burn's tensors, and the recording of whole computations.
//!
//! The WGSL is in `shaders/`; [`ops`] has the extension traits, `backends/` an implementation a
//! backend, `functions/` what callers use, a file a function. [`Recorded`] owns graph capture: every
//! hot loop of the project goes through it.

mod backends;
mod bench;
mod check;
mod error;
mod functions;
mod meter;
pub mod ops;
mod recorded;
mod tier;
pub mod wgsl;

pub use bench::{Row, Shapes, bench, fma_peak};
pub use check::{Extent, known_answers};
pub use error::KernelError;
pub use functions::*;
pub use meter::{Meter, Metered, bytes_in_use};
pub use ops::{BLOCK, ConvGeometry, Precision};
pub use recorded::{Recorded, Timing, settle, slack_bytes, upload};
pub use tier::Tier;
