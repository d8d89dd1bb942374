use crate::picture::{check_len, flip, to_u8};
use crate::{PictureError, Recipe, png_file};

/// An opaque picture, as models take and give them: RGB, 8 bits, sRGB, rows from the top.
#[derive(Clone, PartialEq, Eq)]
pub struct Rgb {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl Rgb {
    /// # Errors
    /// [`PictureError::WrongLength`] unless there are `3 * width * height` bytes, and some.
    pub fn new(width: u32, height: u32, pixels: Vec<u8>) -> Result<Rgb, PictureError> {
        check_len(width, height, 3, pixels.len())?;
        Ok(Rgb::from_parts(width, height, pixels))
    }

    pub(crate) fn from_parts(width: u32, height: u32, pixels: Vec<u8>) -> Rgb {
        Rgb {
            width,
            height,
            pixels,
        }
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    /// RGB, rows from the top: `[height, width, 3]`.
    pub fn rgb(&self) -> &[u8] {
        &self.pixels
    }

    /// RGBA with full alpha, as a canvas takes it: `[height, width, 4]`.
    pub fn to_rgba(&self) -> Vec<u8> {
        let (pixels, _) = self.pixels.as_chunks::<3>();
        pixels
            .iter()
            .flat_map(|&[r, g, b]| [r, g, b, 255])
            .collect()
    }

    /// Mirrored, left to right.
    pub fn flipped(&self) -> Rgb {
        Rgb::from_parts(self.width, self.height, flip::<3>(&self.pixels, self.width))
    }

    /// What an autoencoder takes: `[1, 3, height, width]`, contiguous, 0 to 255 brought to -1 to 1.
    /// A batch is these one after the other.
    pub fn to_nchw(&self) -> Vec<f32> {
        let (pixels, _) = self.pixels.as_chunks::<3>();
        (0..3)
            .flat_map(|channel| pixels.iter().map(move |pixel| pixel[channel]))
            .map(|value| f32::from(value) / 127.5 - 1.0)
            .collect()
    }

    /// What an autoencoder gives: `[1, 3, height, width]`, contiguous, -1 to 1 (clipped) brought to
    /// 0 to 255, rounded to the nearest as diffusers' `VaeImageProcessor` does.
    ///
    /// # Errors
    /// [`PictureError::WrongLength`]; [`PictureError::NotFinite`] for NaN (infinities are clipped).
    pub fn from_nchw(values: &[f32], width: u32, height: u32) -> Result<Rgb, PictureError> {
        check_len(width, height, 3, values.len())?;
        if values.iter().any(|value| value.is_nan()) {
            return Err(PictureError::NotFinite);
        }
        let plane = values.len() / 3;
        let (red, rest) = values.split_at(plane);
        let (green, blue) = rest.split_at(plane);
        let pixels = red
            .iter()
            .zip(green)
            .zip(blue)
            .flat_map(|((&r, &g), &b)| [r, g, b])
            .map(|value| to_u8((value * 0.5 + 0.5) * 255.0))
            .collect();
        Ok(Rgb::from_parts(width, height, pixels))
    }

    /// A PNG with the recipe's texts in it. The same pixels and recipe give the same bytes.
    pub fn to_png(&self, recipe: &Recipe) -> Result<Vec<u8>, PictureError> {
        png_file::encode(
            self.width,
            self.height,
            png::ColorType::Rgb,
            &self.pixels,
            recipe,
        )
    }
}

impl std::fmt::Debug for Rgb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rgb({} x {})", self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_to_the_model_and_back() {
        let pixels: Vec<u8> = (0..=255).chain(0..=255).chain(0..=255).collect();
        let rgb = Rgb::new(16, 16, pixels).unwrap();
        let values = rgb.to_nchw();
        assert_eq!(values[0], -1.0);
        assert_eq!(values.len(), 3 * 256);
        // Channel 1 of pixel 0 is the second byte.
        assert_eq!(values[256], 1.0 / 127.5 - 1.0);
        assert_eq!(Rgb::from_nchw(&values, 16, 16).unwrap(), rgb);
    }

    #[test]
    fn clips_what_is_too_bright_and_refuses_what_is_no_number() {
        let rgb = Rgb::from_nchw(&[9.0, f32::NEG_INFINITY, 0.0], 1, 1).unwrap();
        assert_eq!(rgb.rgb(), [255, 0, 128]);
        assert_eq!(
            Rgb::from_nchw(&[f32::NAN; 3], 1, 1),
            Err(PictureError::NotFinite)
        );
        assert!(Rgb::from_nchw(&[0.0; 4], 1, 1).is_err());
    }
}
