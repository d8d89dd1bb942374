use super::*;
use image::{ExtendedColorType, ImageEncoder};

const W: u32 = 24;
const H: u32 = 16;

/// RGB, a red corner at the top left and blue elsewhere, so that turning shows.
fn corner() -> Vec<u8> {
    (0..H)
        .flat_map(|y| (0..W).map(move |x| (x, y)))
        .flat_map(|(x, y)| {
            if x < 8 && y < 8 {
                [255, 0, 0]
            } else {
                [0, 0, 255]
            }
        })
        .collect()
}

fn png_of(colour: ExtendedColorType, pixels: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    image::codecs::png::PngEncoder::new(&mut out)
        .write_image(pixels, W, H, colour)
        .unwrap();
    out
}

fn jpeg() -> Vec<u8> {
    let mut out = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, 95)
        .write_image(&corner(), W, H, ExtendedColorType::Rgb8)
        .unwrap();
    out
}

fn webp() -> Vec<u8> {
    let mut out = Vec::new();
    image::codecs::webp::WebPEncoder::new_lossless(&mut out)
        .write_image(&corner(), W, H, ExtendedColorType::Rgb8)
        .unwrap();
    out
}

/// APP1 with an orientation and nothing else, put behind SOI.
fn oriented(mut jpeg: Vec<u8>, orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    let mut app1 = vec![0xff, 0xe1];
    app1.extend((exif.len() as u16 + 2).to_be_bytes());
    app1.extend(exif);
    jpeg.splice(2..2, app1);
    jpeg
}

/// Whether the middle of the 8x8 block at a corner is red.
fn red_at(picture: &Picture, right: bool, bottom: bool) -> bool {
    let x = if right { picture.width() - 4 } else { 4 };
    let y = if bottom { picture.height() - 4 } else { 4 };
    let at = ((y * picture.width() + x) * 4) as usize;
    picture.rgba()[at] > 128
}

#[test]
fn reads_the_three_formats() {
    let png = decode(&png_of(ExtendedColorType::Rgb8, &corner())).unwrap();
    assert_eq!((png.width(), png.height()), (W, H));
    assert_eq!(png.rgba()[..4], [255, 0, 0, 255]);
    assert_eq!(decode(&webp()).unwrap(), png);
    assert!(red_at(&decode(&jpeg()).unwrap(), false, false));
}

#[test]
fn widens_grey_and_rounds_16_bits() {
    let n = (W * H) as usize;
    let grey = decode(&png_of(ExtendedColorType::La8, &[100, 7].repeat(n))).unwrap();
    assert_eq!(grey.rgba()[..4], [100, 100, 100, 7]);
    let deep: Vec<u8> = [0x8080u16, 0xffff, 0, 0xffff]
        .repeat(n)
        .iter()
        .flat_map(|v| v.to_ne_bytes())
        .collect();
    let deep = decode(&png_of(ExtendedColorType::Rgba16, &deep)).unwrap();
    assert_eq!(deep.rgba()[..4], [0x80, 0xff, 0, 0xff]);
}

#[test]
fn reads_a_palette_with_transparency() {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, W, H);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Two);
    encoder.set_palette(vec![1, 2, 3, 4, 5, 6]);
    encoder.set_trns(vec![9]);
    let mut writer = encoder.write_header().unwrap();
    writer
        .write_image_data(&vec![0b0001_0001; (W / 4 * H) as usize])
        .unwrap();
    writer.finish().unwrap();
    assert_eq!(
        decode(&bytes).unwrap().rgba()[..8],
        [1, 2, 3, 9, 4, 5, 6, 255]
    );
}

#[test]
fn turns_as_exif_says() {
    // (orientation, where the red corner lands: right, bottom; whether sides are swapped)
    let cases = [
        (1, false, false, false),
        (2, true, false, false),
        (3, true, true, false),
        (4, false, true, false),
        (5, false, false, true),
        (6, true, false, true),
        (7, true, true, true),
        (8, false, true, true),
        // Not an orientation: upright.
        (9, false, false, false),
    ];
    for (orientation, right, bottom, swapped) in cases {
        let picture = decode(&oriented(jpeg(), orientation)).unwrap();
        let size = if swapped { (H, W) } else { (W, H) };
        assert_eq!((picture.width(), picture.height()), size, "{orientation}");
        assert!(red_at(&picture, right, bottom), "{orientation}");
    }
}

#[test]
fn every_truncation_is_refused() {
    for (name, file) in [
        ("png", png_of(ExtendedColorType::Rgb8, &corner())),
        ("jpeg", jpeg()),
        ("webp", webp()),
    ] {
        for len in 0..file.len() {
            assert!(decode(&file[..len]).is_err(), "{name} cut to {len}");
        }
        let mut longer = file.clone();
        longer.extend(b"trailing");
        assert!(decode(&longer).is_ok(), "{name} with more behind it");
    }
}

#[test]
fn refuses_what_is_too_small_or_too_large_before_decoding() {
    let mut out = Vec::new();
    image::codecs::png::PngEncoder::new(&mut out)
        .write_image(&[0; 3], 1, 1, ExtendedColorType::Rgb8)
        .unwrap();
    assert_eq!(
        decode(&out),
        Err(PictureError::TooSmall {
            width: 1,
            height: 1
        })
    );

    // A JPEG's size rewritten to 10000 x 10000, with as many zero bytes of data as that needs.
    let mut big = jpeg();
    let sof = big.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    big[sof + 5..sof + 9].copy_from_slice(&[0x27, 0x10, 0x27, 0x10]);
    assert_eq!(
        decode(&big),
        Err(PictureError::CutShort),
        "far too few bytes for that size"
    );
    big.extend(vec![0; 300_000]);
    assert_eq!(
        decode(&big),
        Err(PictureError::TooLarge {
            width: 10_000,
            height: 10_000
        })
    );
}
