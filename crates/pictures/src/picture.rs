use crate::resize::{self, Crop};
use crate::{PictureError, Recipe, Rgb, png_file};

/// An upright picture: RGBA, 8 bits, straight alpha, sRGB, rows from the top without padding.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

/// Largest side that scaling makes.
const MAX_SIDE: u32 = 8192;

impl Picture {
    /// # Errors
    /// [`PictureError::WrongLength`] unless there are `4 * width * height` bytes, and some.
    pub fn new(width: u32, height: u32, pixels: Vec<u8>) -> Result<Picture, PictureError> {
        check_len(width, height, 4, pixels.len())?;
        Ok(Picture {
            width,
            height,
            pixels,
        })
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    /// RGBA, rows from the top: `[height, width, 4]`.
    pub fn rgba(&self) -> &[u8] {
        &self.pixels
    }

    pub fn into_rgba(self) -> Vec<u8> {
        self.pixels
    }

    /// Crops to a square and scales it to `side` pixels, as [`cover`](Self::cover).
    ///
    /// # Errors
    /// [`PictureError::Side`] unless `side` is 1 to 8192.
    pub fn square(&self, focus: f32, side: u32, background: [u8; 3]) -> Result<Rgb, PictureError> {
        self.cover(focus, [side, side], background)
    }

    /// Crops to the shape of `[width, height]` and scales to that.
    ///
    /// `focus` says which part is kept along the longer side: 0 left or top, 0.5 the middle, 1 right
    /// or bottom (beyond that range the nearer end; NaN the middle). Transparency is laid onto
    /// `background` (sRGB) before scaling, in float, so that no edge gets a fringe. The filter is
    /// Lanczos with 3 lobes, widened when scaling down, as Pillow's `LANCZOS`.
    ///
    /// # Errors
    /// [`PictureError::Side`] unless both are 1 to 8192.
    pub fn cover(
        &self,
        focus: f32,
        [width, height]: [u32; 2],
        background: [u8; 3],
    ) -> Result<Rgb, PictureError> {
        for side in [width, height] {
            if !(1..=MAX_SIDE).contains(&side) {
                return Err(PictureError::Side {
                    side,
                    limit: MAX_SIDE,
                });
            }
        }
        // The largest part of that shape; one of its sides is the picture's.
        let of = |side: u32, numerator: u32, denominator: u32| {
            let length = f64::from(side) * f64::from(numerator) / f64::from(denominator);
            (length.round() as u32).max(1)
        };
        let kept = [
            of(self.height, width, height).min(self.width),
            of(self.width, height, width).min(self.height),
        ];
        let focus = if focus.is_nan() {
            0.5
        } else {
            focus.clamp(0.0, 1.0)
        };
        let along = |rest: u32| (f64::from(rest) * f64::from(focus)).round() as u32;
        let crop = Crop {
            left: along(self.width - kept[0]),
            top: along(self.height - kept[1]),
            width: kept[0],
            height: kept[1],
        };
        let background = background.map(f32::from);
        let pixels = resize::lanczos::<4, 3>(
            &self.pixels,
            self.width,
            crop,
            (width, height),
            |[r, g, b, a]| {
                let alpha = f32::from(a) / 255.0;
                let colour = [r, g, b].map(f32::from);
                std::array::from_fn(|i| colour[i] * alpha + background[i] * (1.0 - alpha))
            },
            |rgb| rgb.map(to_u8),
        );
        Ok(Rgb::from_parts(width, height, pixels))
    }

    /// A copy whose longer side is at most `max` pixels (1 to 8192), alpha kept; never larger than
    /// the picture itself.
    pub fn thumbnail(&self, max: u32) -> Picture {
        let long = self.width.max(self.height);
        let max = max.clamp(1, MAX_SIDE);
        if long <= max {
            return self.clone();
        }
        let scaled = |side: u32| {
            let scaled = (u64::from(side) * u64::from(max) + u64::from(long) / 2) / u64::from(long);
            // At most `max`, for `side` is at most `long`.
            (scaled as u32).max(1)
        };
        let (width, height) = (scaled(self.width), scaled(self.height));
        let pixels = resize::lanczos::<4, 4>(
            &self.pixels,
            self.width,
            Crop {
                left: 0,
                top: 0,
                width: self.width,
                height: self.height,
            },
            (width, height),
            // Premultiplied, so that the colour of what cannot be seen does not bleed.
            |[r, g, b, a]| {
                let alpha = f32::from(a);
                let [r, g, b] = [r, g, b].map(|c| f32::from(c) * alpha / 255.0);
                [r, g, b, alpha]
            },
            |[r, g, b, alpha]| {
                let seen = to_u8(alpha);
                if seen == 0 {
                    return [0; 4];
                }
                let [r, g, b] = [r, g, b].map(|c| to_u8(c * 255.0 / alpha));
                [r, g, b, seen]
            },
        );
        Picture {
            width,
            height,
            pixels,
        }
    }

    /// Mirrored, left to right.
    pub fn flipped(&self) -> Picture {
        Picture {
            width: self.width,
            height: self.height,
            pixels: flip::<4>(&self.pixels, self.width),
        }
    }

    /// A PNG with the recipe's texts in it. The same pixels and recipe give the same bytes.
    pub fn to_png(&self, recipe: &Recipe) -> Result<Vec<u8>, PictureError> {
        png_file::encode(
            self.width,
            self.height,
            png::ColorType::Rgba,
            &self.pixels,
            recipe,
        )
    }
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({} x {})", self.width, self.height)
    }
}

/// Rounded to the nearest (ties to even), clipped to 0..=255.
pub(crate) fn to_u8(value: f32) -> u8 {
    // `as` saturates.
    value.round_ties_even() as u8
}

/// Each row's pixels of `N` bytes, in reverse.
pub(crate) fn flip<const N: usize>(pixels: &[u8], width: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(pixels.len());
    for row in pixels.chunks_exact(width as usize * N) {
        let (row, _) = row.as_chunks::<N>();
        out.extend(row.iter().rev().flatten());
    }
    out
}

pub(crate) fn check_len(
    width: u32,
    height: u32,
    channels: u64,
    have: usize,
) -> Result<(), PictureError> {
    let need = u64::from(width) * u64::from(height);
    // Both sides are u32, so times at most 4 channels could pass u64.
    if need == 0 || need.checked_mul(channels) != Some(have as u64) {
        return Err(PictureError::WrongLength {
            have,
            width,
            height,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3 wide, 2 high; the red value counts the pixels.
    fn counted(alpha: u8) -> Picture {
        let pixels = (0..6u8).flat_map(|i| [i * 40, 0, 0, alpha]).collect();
        Picture::new(3, 2, pixels).unwrap()
    }

    #[test]
    fn a_picture_needs_its_pixels() {
        assert!(Picture::new(2, 2, vec![0; 15]).is_err());
        assert!(Picture::new(0, 0, vec![]).is_err());
        assert!(Picture::new(u32::MAX, u32::MAX, vec![0; 4]).is_err());
    }

    #[test]
    fn focus_moves_the_crop_and_the_same_size_changes_nothing() {
        let reds = |focus| -> Vec<u8> {
            let rgb = counted(255).square(focus, 2, [255; 3]).unwrap();
            rgb.rgb().chunks(3).map(|p| p[0]).collect()
        };
        assert_eq!(reds(0.0), [0, 40, 120, 160]);
        assert_eq!(reds(1.0), [40, 80, 160, 200]);
        assert_eq!(reds(-7.0), reds(0.0));
        assert_eq!(reds(f32::NAN), reds(0.5));
    }

    #[test]
    fn what_cannot_be_seen_is_background() {
        let rgb = counted(0).square(0.5, 5, [10, 20, 30]).unwrap();
        assert!(rgb.rgb().chunks(3).all(|p| p == [10, 20, 30]));
    }

    #[test]
    fn a_thumbnail_has_no_dark_fringe() {
        // White on transparent black: whatever is still seen must be white.
        let pixels = (0..64 * 64)
            .flat_map(|i| if i % 64 < 31 { [255; 4] } else { [0; 4] })
            .collect();
        let small = Picture::new(64, 64, pixels).unwrap().thumbnail(9);
        assert_eq!((small.width(), small.height()), (9, 9));
        for pixel in small.rgba().chunks(4) {
            assert!(pixel[3] == 0 || pixel[..3] == [255; 3], "{pixel:?}");
        }
    }

    #[test]
    fn a_thumbnail_keeps_the_shape_and_is_never_larger() {
        let wide = Picture::new(1000, 10, vec![9; 40_000]).unwrap();
        let small = wide.thumbnail(50);
        assert_eq!((small.width(), small.height()), (50, 1));
        assert_eq!(counted(255).thumbnail(256), counted(255));
    }

    #[test]
    fn flipping_twice_changes_nothing() {
        let picture = counted(255);
        assert_eq!(picture.flipped().rgba()[0], 80);
        assert_eq!(picture.flipped().flipped(), picture);
    }
}
