//! Which part of a picture is made anew.

use atelier_pictures::{Picture, PictureError};

/// Dark where a mask is transparent: what nobody painted stays.
const BLACK: [u8; 3] = [0; 3];

/// How much of each pixel is made anew.
pub(crate) struct Mask {
    side: usize,
    /// `[side, side]`, 0 to 1.
    free: Vec<f32>,
}

impl Mask {
    /// Reads a picture, cropped to the middle square and scaled: light is made anew, dark stays.
    ///
    /// # Errors
    /// As [`Picture::square`].
    pub fn read(picture: &Picture, side: u32) -> Result<Self, PictureError> {
        let square = picture.square(0.5, side, BLACK)?;
        let (pixels, _) = square.rgb().as_chunks::<3>();
        let light = |pixel: &[u8; 3]| f32::from(*pixel.iter().max().unwrap_or(&0)) / 255.0;
        Ok(Self {
            side: side as usize,
            free: pixels.iter().map(light).collect(),
        })
    }

    /// The same for latents `[channels, side / scale, side / scale]`, 0 or 1: one is free as soon as half of any of its
    /// pixels is, for the rest of them is put back at the end.
    pub fn latents(&self, channels: usize, scale: usize) -> Vec<f32> {
        let side = self.side / scale;
        let mut free = vec![0.0; side * side];
        for (i, &pixel) in self.free.iter().enumerate() {
            let (y, x) = (i / self.side / scale, i % self.side / scale);
            if pixel >= 0.5 && x < side && y < side {
                free[y * side + x] = 1.0;
            }
        }
        free.repeat(channels)
    }

    /// Puts back into `made` what of `given` stays. Both are `[side, side, 3]`.
    pub fn put_back(&self, made: &mut [u8], given: &[u8]) {
        let pixels = made.chunks_exact_mut(3).zip(given.chunks_exact(3));
        for ((made, given), &free) in pixels.zip(&self.free) {
            for (made, &given) in made.iter_mut().zip(given) {
                let mixed = f32::from(*made) * free + f32::from(given) * (1.0 - free);
                *made = mixed.round() as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_painted_is_made_anew_and_the_rest_is_put_back() {
        // One pixel painted, one half, one nearly not, and one that is white but transparent.
        let mut rgba = vec![0; 8 * 8 * 4];
        let mut paint = |x: usize, y: usize, pixel: [u8; 4]| {
            rgba[4 * (8 * y + x)..][..4].copy_from_slice(&pixel);
        };
        paint(1, 0, [255; 4]);
        paint(4, 0, [128, 128, 128, 255]);
        paint(0, 4, [100, 100, 100, 255]);
        paint(4, 4, [255, 255, 255, 0]);
        let mask = Mask::read(&Picture::new(8, 8, rgba).unwrap(), 8).unwrap();
        assert_eq!(mask.latents(2, 4), [1.0, 1.0, 0.0, 0.0].repeat(2));

        let mut made = vec![200; 8 * 8 * 3];
        mask.put_back(&mut made, &[100; 8 * 8 * 3]);
        let at = |x: usize, y: usize| made[3 * (8 * y + x)];
        assert_eq!(
            [at(1, 0), at(4, 0), at(0, 4), at(4, 4)],
            [200, 150, 139, 100]
        );
        assert_eq!(at(0, 0), 100);
    }
}
