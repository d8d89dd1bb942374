use std::error::Error;
use std::io::Cursor;

use image::codecs::{jpeg::JpegDecoder, png::PngDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, Limits};

use crate::{Kind, Picture, PictureError, chunks, jpeg, webp};

/// Most pixels that are decoded: 64 megapixels, the most that phones take.
pub const MAX_PIXELS: u64 = 64_000_000;
/// Fewest pixels on a side.
pub const MIN_SIDE: u32 = 16;

/// Decodes a PNG, JPEG or WebP, told by content, to upright RGBA with 8 bits and straight alpha.
///
/// The size is read before anything is decoded. 16-bit, grey and palette pictures are widened or
/// rounded to 8-bit RGBA; of an animation the first frame is taken; EXIF orientation is applied (an
/// orientation that cannot be read is taken as upright).
///
/// # Errors
/// [`PictureError::WrongKind`] names what else the file is; [`PictureError::TooLarge`] over
/// [`MAX_PIXELS`], [`PictureError::TooSmall`] under [`MIN_SIDE`]; [`PictureError::CutShort`] and
/// [`PictureError::Damaged`].
pub fn decode(bytes: &[u8]) -> Result<Picture, PictureError> {
    match Kind::of(bytes) {
        Kind::Png => {
            let size = checked(chunks::dimensions(bytes)?)?;
            let bytes = chunks::essential(bytes)?;
            pixels(size, || {
                PngDecoder::with_limits(Cursor::new(bytes), limits(size))
            })
        }
        Kind::Jpeg => {
            let size = checked(jpeg::dimensions(bytes)?)?;
            pixels(size, || JpegDecoder::new(Cursor::new(bytes)))
        }
        Kind::Webp => {
            webp::check(bytes)?;
            // Reads the chunks' places and the size, no pixels.
            let decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(refused)?;
            let size = checked(decoder.dimensions())?;
            webp::check_size(bytes.len(), size)?;
            pixels(size, || Ok(decoder))
        }
        kind => Err(PictureError::WrongKind(kind)),
    }
}

fn checked((width, height): (u32, u32)) -> Result<(u32, u32), PictureError> {
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(PictureError::TooLarge { width, height });
    }
    if width.min(height) < MIN_SIDE {
        return Err(PictureError::TooSmall { width, height });
    }
    Ok((width, height))
}

/// Limits for a decoder: what 16-bit RGBA of this size takes, and some working memory.
fn limits((width, height): (u32, u32)) -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(width);
    limits.max_image_height = Some(height);
    limits.max_alloc = Some(u64::from(width) * u64::from(height) * 8 + (16 << 20));
    limits
}

fn pixels<D: ImageDecoder>(
    size: (u32, u32),
    open: impl FnOnce() -> Result<D, ImageError>,
) -> Result<Picture, PictureError> {
    let mut decoder = open().map_err(refused)?;
    if decoder.dimensions() != size {
        return Err(PictureError::Damaged {
            reason: "it gives two sizes".into(),
        });
    }
    decoder.set_limits(limits(size)).map_err(refused)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(refused)?;
    image.apply_orientation(orientation);
    let image = image.into_rgba8();
    let (width, height) = image.dimensions();
    Picture::new(width, height, image.into_raw())
}

fn refused(error: ImageError) -> PictureError {
    match error {
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            PictureError::CutShort
        }
        ImageError::Unsupported(error) => PictureError::Unsupported {
            what: short(&error),
        },
        ImageError::Limits(_) => PictureError::OutOfMemory,
        // The cause alone: the error around it only adds the format's name.
        ImageError::Decoding(error) => PictureError::Damaged {
            reason: match error.source() {
                Some(cause) => short(cause),
                None => short(&error),
            },
        },
        error => PictureError::Damaged {
            reason: short(&error),
        },
    }
}

/// A decoder's message, fit for the inside of a sentence.
fn short(error: &(impl std::fmt::Display + ?Sized)) -> String {
    const LONGEST: usize = 100;
    let text = error.to_string();
    let text: String = text
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    text.trim_end_matches(['.', ' ']).to_owned()
}

#[cfg(test)]
mod tests;
