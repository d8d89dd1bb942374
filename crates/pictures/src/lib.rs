//! Pictures: an artist's files become pixels, pixels become what a model eats, and a model's answer
//! becomes a PNG that carries its recipe.
//!
//! Start with [`decode`]; [`Picture::square`] crops and scales for training, [`Rgb::to_nchw`] and
//! [`Rgb::from_nchw`] stand at the model's door, [`Rgb::to_png`] and [`recipe`] at the way out. The
//! same bytes give the same pixels on every platform: scaling uses nothing but additions and
//! multiplications in a fixed order. Files are taken to be hostile; what is refused is refused with
//! a [`PictureError`] whose sentence can be shown as it is. Colour profiles are not applied: pixels
//! are taken as sRGB.

mod chunks;
mod decode;
mod error;
mod jpeg;
mod kind;
mod parameters;
mod picture;
mod png_file;
mod resize;
mod rgb;
mod webp;

pub use decode::{MAX_PIXELS, MIN_SIDE, decode};
pub use error::PictureError;
pub use kind::Kind;
pub use parameters::Parameters;
pub use picture::Picture;
pub use png_file::{Recipe, recipe};
pub use rgb::Rgb;
