//! Scaling with a Lanczos filter of 3 lobes, as Pillow's `Resampling.LANCZOS` lays it out
//! (`precompute_coeffs` in its Resample.c), in f32 between the two passes instead of 8 bits.
//!
//! Deterministic on every platform: no library sine (those differ in their last bit), only IEEE
//! additions, multiplications and divisions, summed in a fixed order.

/// A part of a picture, in pixels; lies within it.
#[derive(Clone, Copy)]
pub(crate) struct Crop {
    pub left: u32,
    pub top: u32,
    pub width: u32,
    pub height: u32,
}

/// Scales `crop` of `pixels` (`IN` bytes each, rows `row_width` pixels long) to `size`, width and
/// height. `read` turns a pixel into what may be averaged, `write` an average into a pixel.
pub(crate) fn lanczos<const IN: usize, const OUT: usize>(
    pixels: &[u8],
    row_width: u32,
    crop: Crop,
    size: (u32, u32),
    read: impl Fn([u8; IN]) -> [f32; OUT],
    write: impl Fn([f32; OUT]) -> [u8; OUT],
) -> Vec<u8> {
    let (pixels, _) = pixels.as_chunks::<IN>();
    let (width, height) = (size.0 as usize, size.1 as usize);
    let across = Taps::new(crop.width, size.0);
    let down = Taps::new(crop.height, size.1);

    // Rows first, each as it is read: [crop.height, width].
    let mut rows: Vec<[f32; OUT]> = Vec::with_capacity(crop.height as usize * width);
    let mut row: Vec<[f32; OUT]> = Vec::with_capacity(crop.width as usize);
    let source_rows = pixels
        .chunks_exact(row_width as usize)
        .skip(crop.top as usize)
        .take(crop.height as usize);
    for source in source_rows {
        row.clear();
        let source = source.iter().skip(crop.left as usize);
        row.extend(source.take(crop.width as usize).map(|&pixel| read(pixel)));
        rows.extend((0..width).map(|x| across.apply(x, |i| row[i])));
    }
    let mut out = Vec::with_capacity(width * height * OUT);
    for y in 0..height {
        for x in 0..width {
            out.extend(write(down.apply(y, |i| rows[i * width + x])));
        }
    }
    out
}

/// For each place of the output, which inputs count and how much.
struct Taps {
    weights: Vec<f32>,
    /// First input, and where its weights begin and end.
    places: Vec<(usize, usize, usize)>,
}

const LOBES: f64 = 3.0;

impl Taps {
    fn new(from: u32, to: u32) -> Taps {
        let scale = f64::from(from) / f64::from(to);
        let widened = scale.max(1.0);
        let support = LOBES * widened;
        let mut weights = Vec::new();
        let mut places = Vec::with_capacity(to as usize);
        for place in 0..to {
            let centre = (f64::from(place) + 0.5) * scale;
            // `as` saturates at 0.
            let first = (centre - support + 0.5) as u32;
            let end = ((centre + support + 0.5) as u32).min(from);
            let raw: Vec<f64> = (first..end)
                .map(|i| filter((f64::from(i) + 0.5 - centre) / widened))
                .collect();
            let sum: f64 = raw.iter().sum();
            let begin = weights.len();
            weights.extend(raw.iter().map(|weight| (weight / sum) as f32));
            places.push((first as usize, begin, weights.len()));
        }
        Taps { weights, places }
    }

    fn apply<const N: usize>(&self, place: usize, input: impl Fn(usize) -> [f32; N]) -> [f32; N] {
        let (first, begin, end) = self.places[place];
        let mut sum = [0.0; N];
        for (i, &weight) in self.weights[begin..end].iter().enumerate() {
            let value = input(first + i);
            for channel in 0..N {
                sum[channel] += value[channel] * weight;
            }
        }
        sum
    }
}

/// Lanczos: sinc(x) sinc(x / 3) within 3 lobes, else 0.
fn filter(x: f64) -> f64 {
    if x.abs() >= LOBES {
        return 0.0;
    }
    sinc(x) * sinc(x / LOBES)
}

/// sin(pi x) / (pi x).
fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    // sin(pi x) by the nearest whole number and a Taylor series for what is left of it, at most
    // pi/2: the first term left out is below 1e-11, far under what a weight in f32 shows.
    let whole = x.round();
    let t = (x - whole) * std::f64::consts::PI;
    let mut term = t;
    let mut sine = t;
    for n in 1..8 {
        let n = f64::from(2 * n);
        term = -term * t * t / (n * (n + 1.0));
        sine += term;
    }
    if whole % 2.0 != 0.0 {
        sine = -sine;
    }
    sine / (x * std::f64::consts::PI)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_is_a_sine() {
        for i in -300..=300 {
            let x = f64::from(i) / 100.0;
            let expected = if x == 0.0 {
                1.0
            } else {
                (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x)
            };
            assert!((sinc(x) - expected).abs() < 1e-10, "{x}");
        }
    }

    fn scale(pixels: &[u8], from: u32, to: u32) -> Vec<u8> {
        let crop = Crop {
            left: 0,
            top: 0,
            width: from,
            height: from,
        };
        lanczos::<1, 1>(
            pixels,
            from,
            crop,
            (to, to),
            |[v]| [f32::from(v)],
            |[v]| [crate::picture::to_u8(v)],
        )
    }

    #[test]
    fn keeps_what_is_flat_and_what_has_the_size() {
        assert!(scale(&[77; 49], 7, 3).iter().all(|&v| v == 77));
        assert!(scale(&[77; 9], 3, 11).iter().all(|&v| v == 77));
        let pixels: Vec<u8> = (0..25).map(|i| i * 10).collect();
        assert_eq!(scale(&pixels, 5, 5), pixels);
    }

    /// Pillow 13: `Image.frombytes("L", (12, 12), bytes((7 * i * i + 13 * i) % 256 for i in
    /// range(144))).resize((5, 5), Image.Resampling.LANCZOS).tobytes()`. Pillow rounds to 8 bits
    /// between its passes, hence 1 of tolerance.
    #[test]
    fn agrees_with_pillow() {
        let pixels: Vec<u8> = (0..144u32)
            .map(|i| ((7 * i * i + 13 * i) % 256) as u8)
            .collect();
        let ours = scale(&pixels, 12, 5);
        for (a, b) in ours.iter().zip(PILLOW) {
            assert!(a.abs_diff(b) <= 1, "{ours:?}");
        }
    }

    const PILLOW: [u8; 25] = [
        72, 142, 183, 138, 106, 119, 159, 118, 154, 127, 128, 143, 88, 107, 123, 132, 107, 80, 80,
        129, 115, 151, 144, 125, 164,
    ];
}
