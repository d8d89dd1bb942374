//! Hostile pictures.

mod common;
mod seeds;

use atelier_pictures::{MAX_PIXELS, Parameters, Recipe, Rgb, decode, recipe};
use common::{ALLOWANCE, Case, assert_refused, case, fuzz, peak_of, unreadable};
use image::{ExtendedColorType, ImageEncoder};

const SIDE: u32 = 24;

fn pixels() -> Vec<u8> {
    (0..SIDE * SIDE * 3)
        .map(|i| (i * i / 7 % 251) as u8)
        .collect()
}

fn encoded(encoder: impl FnOnce(&mut Vec<u8>) -> image::ImageResult<()>) -> Vec<u8> {
    let mut out = Vec::new();
    encoder(&mut out).unwrap();
    out
}

fn sound_jpeg() -> Vec<u8> {
    encoded(|out| {
        image::codecs::jpeg::JpegEncoder::new(out).write_image(
            &pixels(),
            SIDE,
            SIDE,
            ExtendedColorType::Rgb8,
        )
    })
}

fn sound_webp() -> Vec<u8> {
    encoded(|out| {
        image::codecs::webp::WebPEncoder::new_lossless(out).write_image(
            &pixels(),
            SIDE,
            SIDE,
            ExtendedColorType::Rgb8,
        )
    })
}

/// Grey, 16 bits, interlaced, with alpha, an orientation and an animation's first chunk.
fn odd_png() -> Vec<u8> {
    let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    png_of(&[
        ihdr(16, 16, [16, 4, 0, 0, 1]),
        chunk(b"acTL", &[0, 0, 0, 1, 0, 0, 0, 0]),
        chunk(b"eXIf", exif),
        // 4 bytes a pixel, and a filter byte for each of the 30 rows of the seven passes.
        idat(&[1; 16 * 16 * 4 + 30]),
        chunk(b"IEND", &[]),
    ])
}

/// Every kind that is read, for mutation.
fn sound_files() -> Vec<Vec<u8>> {
    let from_hex = [
        seeds::JPEG_PROGRESSIVE,
        seeds::JPEG_CMYK,
        seeds::WEBP_LOSSY,
        seeds::WEBP_ANIMATED,
    ];
    let made = [sound_png(), odd_png(), sound_jpeg(), sound_webp()];
    made.into_iter().chain(from_hex.map(seeds::bytes)).collect()
}

fn sound_png() -> Vec<u8> {
    let recipe = Recipe {
        parameters: Some("a fox\nSteps: 20, Seed: 7".into()),
        atelier: Some(r#"{"prompt":"狐"}"#.into()),
    };
    Rgb::new(SIDE, SIDE, pixels())
        .unwrap()
        .to_png(&recipe)
        .unwrap()
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 {
                crc >> 1 ^ 0xedb8_8320
            } else {
                crc >> 1
            }
        })
    })
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [kind.as_slice(), data].concat();
    let length = (data.len() as u32).to_be_bytes();
    [length.as_slice(), &body, &crc(&body).to_be_bytes()].concat()
}

fn png_of(chunks: &[Vec<u8>]) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n".as_slice(), &chunks.concat()].concat()
}

fn ihdr(width: u32, height: u32, rest: [u8; 5]) -> Vec<u8> {
    chunk(
        b"IHDR",
        &[&width.to_be_bytes(), &height.to_be_bytes(), rest.as_slice()].concat(),
    )
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(bytes, 6)
}

fn idat(bytes: &[u8]) -> Vec<u8> {
    chunk(b"IDAT", &packed(bytes))
}

const GREY: [u8; 5] = [8, 0, 0, 0, 0];
const RGBA: [u8; 5] = [8, 6, 0, 0, 0];

/// A grey 20 x 20 picture's rows, each with its filter byte.
fn grey_rows() -> Vec<u8> {
    vec![0; 20 * 21]
}

fn pngs() -> Vec<Case> {
    let end = || chunk(b"IEND", &[]);
    let grey = |rest| ihdr(20, 20, rest);
    let sized = |w, h, rest| png_of(&[ihdr(w, h, rest), idat(&[0; 500]), end()]);
    let mut cases = vec![
        case(
            "png of 1 x 1",
            png_of(&[ihdr(1, 1, GREY), idat(&[0, 0]), end()]),
        ),
        case("png of 15 x 100", sized(15, 100, GREY)),
        case("png of 10000 x 1", sized(10_000, 1, GREY)),
        case("png of 0 x 0", sized(0, 0, GREY)),
        case("png of 0 x 20", sized(0, 20, GREY)),
        case(
            "png of 2^31 - 1 squared",
            sized(i32::MAX as u32, i32::MAX as u32, RGBA),
        ),
        case("png of 2^32 - 1 squared", sized(u32::MAX, u32::MAX, RGBA)),
        case("png of 2^32 - 1 x 16", sized(u32::MAX, 16, GREY)),
        case(
            "png of 10000 x 10000, no data",
            png_of(&[ihdr(10_000, 10_000, RGBA), end()]),
        ),
        case(
            "png of 10000 x 10000, bomb",
            png_of(&[
                ihdr(10_000, 10_000, [1, 0, 0, 0, 0]),
                idat(&vec![0; 1251 * 10_000]),
                end(),
            ]),
        ),
        case("png of 8000 x 8000, little data", sized(8000, 8000, RGBA)),
        case(
            "png of 8000 x 8000, 16 bits, little data",
            sized(8000, 8000, [16, 6, 0, 0, 0]),
        ),
        case(
            "png of 20 x 20, half its rows",
            png_of(&[grey(GREY), idat(&grey_rows()[..200]), end()]),
        ),
        case("png without data", png_of(&[grey(GREY), end()])),
        case(
            "png with empty data",
            png_of(&[grey(GREY), chunk(b"IDAT", &[]), end()]),
        ),
        case(
            "png with data that is not packed",
            png_of(&[grey(GREY), chunk(b"IDAT", &grey_rows()), end()]),
        ),
        case(
            "png with unknown filter",
            png_of(&[grey(GREY), idat(&[9; 20 * 21]), end()]),
        ),
        case("png without a header", png_of(&[idat(&grey_rows()), end()])),
        case(
            "png without an end",
            png_of(&[grey(GREY), idat(&grey_rows())]),
        ),
        case("png that is all end", png_of(&[end()])),
        case("png signature alone", png_of(&[])),
        case(
            "png with a short header",
            png_of(&[chunk(b"IHDR", &[0; 9]), idat(&grey_rows()), end()]),
        ),
        case(
            "png with two headers",
            png_of(&[grey(GREY), ihdr(30, 30, GREY), idat(&grey_rows()), end()]),
        ),
        case(
            "png, 3 bits",
            png_of(&[grey([3, 0, 0, 0, 0]), idat(&grey_rows()), end()]),
        ),
        case(
            "png, 0 bits",
            png_of(&[grey([0, 0, 0, 0, 0]), idat(&grey_rows()), end()]),
        ),
        case(
            "png, 255 bits",
            png_of(&[grey([255, 6, 0, 0, 0]), idat(&grey_rows()), end()]),
        ),
        case(
            "png, colour type 5",
            png_of(&[grey([8, 5, 0, 0, 0]), idat(&grey_rows()), end()]),
        ),
        case(
            "png, 4-bit RGB",
            png_of(&[grey([4, 2, 0, 0, 0]), idat(&grey_rows()), end()]),
        ),
        case(
            "png, compression 1",
            png_of(&[grey([8, 0, 1, 0, 0]), idat(&grey_rows()), end()]),
        ),
        case(
            "png, filter method 1",
            png_of(&[grey([8, 0, 0, 1, 0]), idat(&grey_rows()), end()]),
        ),
        case(
            "png, interlace 2",
            png_of(&[grey([8, 0, 0, 0, 2]), idat(&grey_rows()), end()]),
        ),
        case(
            "png, palette missing",
            png_of(&[grey([8, 3, 0, 0, 0]), idat(&grey_rows()), end()]),
        ),
        case(
            "png, palette of 4 bytes",
            png_of(&[
                grey([8, 3, 0, 0, 0]),
                chunk(b"PLTE", &[0; 4]),
                idat(&grey_rows()),
                end(),
            ]),
        ),
        case(
            "png, unknown critical chunk",
            png_of(&[grey(GREY), chunk(b"ABCD", &[]), idat(&grey_rows()), end()]),
        ),
        case("png, chunk of 4 GiB", {
            let mut bytes = png_of(&[grey(GREY), idat(&grey_rows()), end()]);
            bytes[33..37].fill(0xff);
            bytes
        }),
        case("png, header checksum wrong", {
            let mut bytes = sound_png();
            bytes[30] ^= 1;
            bytes
        }),
        case(
            "png, line ends changed",
            [b"\x89PNG\n\x1a\n".as_slice(), &sound_png()[8..]].concat(),
        ),
        case("png, data checksum wrong", {
            let mut bytes = png_of(&[grey(GREY), idat(&grey_rows()), end()]);
            let at = bytes.len() - 13;
            bytes[at] ^= 1;
            bytes
        }),
    ];
    let whole = sound_png();
    for len in [
        4,
        8,
        12,
        20,
        29,
        33,
        60,
        whole.len() / 2,
        whole.len() - 13,
        whole.len() - 12,
        whole.len() - 4,
        whole.len() - 1,
    ] {
        cases.push(case(format!("png cut to {len} bytes"), &whole[..len]));
    }
    cases
}

/// A JPEG from its segments; each is a marker and what follows its length.
fn jpeg_of(segments: &[(u8, &[u8])]) -> Vec<u8> {
    let mut out = vec![0xff, 0xd8];
    for (marker, data) in segments {
        out.extend([0xff, *marker]);
        out.extend((data.len() as u16 + 2).to_be_bytes());
        out.extend_from_slice(data);
    }
    out.extend([0xff, 0xd9]);
    out
}

/// A sound JPEG with the bytes of its frame header changed.
fn frame_changed(change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut bytes = sound_jpeg();
    let at = bytes
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    change(&mut bytes[at..]);
    bytes
}

/// A sound JPEG without its segments of one kind.
fn without(marker: u8) -> Vec<u8> {
    let mut bytes = sound_jpeg();
    while let Some(at) = bytes.windows(2).position(|pair| pair == [0xff, marker]) {
        let length = u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]) as usize;
        bytes.drain(at..at + 2 + length);
    }
    bytes
}

fn jpegs() -> Vec<Case> {
    let size = |h: u16, w: u16| {
        move |frame: &mut [u8]| {
            frame[5..7].copy_from_slice(&h.to_be_bytes());
            frame[7..9].copy_from_slice(&w.to_be_bytes());
        }
    };
    let frame: &[u8] = &[8, 0, 20, 0, 20, 1, 1, 0x11, 0];
    let mut padded = frame_changed(size(10_000, 10_000));
    padded.resize(400_000, 0);
    let mut cases = vec![
        case("jpeg start alone", b"\xff\xd8\xff".as_slice()),
        case("jpeg start and end", jpeg_of(&[])),
        case(
            "jpeg without a frame",
            jpeg_of(&[(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")]),
        ),
        case("jpeg with a frame alone", jpeg_of(&[(0xc0, frame)])),
        case("jpeg with a short frame", jpeg_of(&[(0xc0, &[8, 0, 20])])),
        case("jpeg with an empty frame", jpeg_of(&[(0xc0, &[])])),
        case(
            "jpeg with two sizes",
            jpeg_of(&[(0xc0, frame), (0xc0, &[8, 0, 40, 0, 40, 1, 1, 0x11, 0])]),
        ),
        case(
            "jpeg scan before the frame",
            jpeg_of(&[(0xda, &[1, 1, 0, 0, 63, 0]), (0xc0, frame)]),
        ),
        case("jpeg, lossless", frame_changed(|frame| frame[1] = 0xc3)),
        case("jpeg, arithmetic", frame_changed(|frame| frame[1] = 0xc9)),
        case("jpeg, hierarchical", frame_changed(|frame| frame[1] = 0xc5)),
        case("jpeg of 0 x 0", frame_changed(size(0, 0))),
        case("jpeg of height 0", frame_changed(size(0, 24))),
        case("jpeg of 1 x 1", frame_changed(size(1, 1))),
        case("jpeg of 24 x 15", frame_changed(size(15, 24))),
        case("jpeg of 65535 x 65535", frame_changed(size(65535, 65535))),
        case(
            "jpeg of 7999 x 7999, little data",
            frame_changed(size(7999, 7999)),
        ),
        case("jpeg of 10000 x 10000", padded),
        case("jpeg, 12 bits", frame_changed(|frame| frame[4] = 12)),
        case("jpeg, 0 components", frame_changed(|frame| frame[9] = 0)),
        case(
            "jpeg, 200 components",
            frame_changed(|frame| frame[9] = 200),
        ),
        case("jpeg, sampling 0", frame_changed(|frame| frame[11] = 0)),
        case("jpeg, sampling 15", frame_changed(|frame| frame[11] = 0xff)),
        case(
            "jpeg, quantization table 9",
            frame_changed(|frame| frame[12] = 9),
        ),
        case("jpeg without quantization tables", without(0xdb)),
        case("jpeg without Huffman tables", without(0xc4)),
        case(
            "jpeg segment of length 0",
            [b"\xff\xd8\xff\xe0\0\0".as_slice(), &sound_jpeg()[2..]].concat(),
        ),
        case(
            "jpeg segment of length 1",
            [b"\xff\xd8\xff\xe0\0\x01".as_slice(), &sound_jpeg()[2..]].concat(),
        ),
        case(
            "jpeg segment over the end",
            b"\xff\xd8\xff\xe0\xff\xff1234\xff\xd9".as_slice(),
        ),
    ];
    let whole = sound_jpeg();
    for len in [
        2,
        3,
        4,
        11,
        20,
        50,
        200,
        300,
        whole.len() / 2,
        whole.len() - 2,
        whole.len() - 1,
    ] {
        cases.push(case(
            format!("jpeg cut to {len} bytes"),
            &whole[..len.min(whole.len() - 1)],
        ));
    }
    cases
}

fn riff(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (kind, data) in chunks {
        body.extend_from_slice(*kind);
        body.extend((data.len() as u32).to_le_bytes());
        body.extend_from_slice(data);
        body.resize(body.len().next_multiple_of(2), 0);
    }
    [
        b"RIFF".as_slice(),
        &(body.len() as u32).to_le_bytes(),
        &body,
    ]
    .concat()
}

/// A lossless bitstream's first five bytes.
fn vp8l(width: u32, height: u32) -> Vec<u8> {
    let mut out = vec![0x2f];
    out.extend(((width - 1) | (height - 1) << 14).to_le_bytes());
    out
}

/// The extended header: flags, then width and height less one in 24 bits.
fn vp8x(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let mut out = vec![flags, 0, 0, 0];
    out.extend_from_slice(&(width - 1).to_le_bytes()[..3]);
    out.extend_from_slice(&(height - 1).to_le_bytes()[..3]);
    out
}

fn webps() -> Vec<Case> {
    let key_frame = |w: u16, h: u16| {
        let mut out = vec![0x10, 0, 0, 0x9d, 0x01, 0x2a];
        out.extend(w.to_le_bytes());
        out.extend(h.to_le_bytes());
        out.extend([0; 16]);
        out
    };
    let mut cases = vec![
        case("webp, nothing in it", riff(&[])),
        case("webp, unknown chunk alone", riff(&[(b"ABCD", &[0; 10])])),
        case("webp, empty lossless", riff(&[(b"VP8L", &[])])),
        case(
            "webp, lossless header alone",
            riff(&[(b"VP8L", &vp8l(64, 64))]),
        ),
        case(
            "webp, lossless signature wrong",
            riff(&[(b"VP8L", &[0x2e, 63, 0, 16, 0, 0, 0, 0])]),
        ),
        case(
            "webp, lossless version 1",
            riff(&[(b"VP8L", &[0x2f, 63, 0, 16, 0x20, 0, 0, 0])]),
        ),
        case("webp, lossless of 1 x 1", riff(&[(b"VP8L", &vp8l(1, 1))])),
        case(
            "webp, lossless of 16384 x 16384",
            riff(&[(b"VP8L", &vp8l(16384, 16384))]),
        ),
        case(
            "webp, lossless of 10000 x 10000",
            riff(&[(b"VP8L", &[vp8l(10_000, 10_000), vec![0; 99]].concat())]),
        ),
        case("webp, empty lossy", riff(&[(b"VP8 ", &[])])),
        case(
            "webp, lossy header alone",
            riff(&[(b"VP8 ", &key_frame(64, 64)[..10])]),
        ),
        case(
            "webp, lossy start code wrong",
            riff(&[(b"VP8 ", &[0x10, 0, 0, 1, 2, 3, 64, 0, 64, 0])]),
        ),
        case(
            "webp, lossy without key frame",
            riff(&[(b"VP8 ", &[0x11, 0, 0, 0x9d, 1, 0x2a, 64, 0, 64, 0])]),
        ),
        case("webp, lossy of 0 x 0", riff(&[(b"VP8 ", &key_frame(0, 0))])),
        case("webp, lossy of 1 x 1", riff(&[(b"VP8 ", &key_frame(1, 1))])),
        case(
            "webp, lossy of 16383 x 16383",
            riff(&[(b"VP8 ", &key_frame(16383, 16383))]),
        ),
        case(
            "webp, extended header alone",
            riff(&[(b"VP8X", &vp8x(0, 64, 64))]),
        ),
        case("webp, short extended header", riff(&[(b"VP8X", &[0; 3])])),
        case(
            "webp, extended of 2^24 x 2^24",
            riff(&[
                (b"VP8X", &vp8x(0, 1 << 24, 1 << 24)),
                (b"VP8L", &vp8l(64, 64)),
            ]),
        ),
        case(
            "webp, extended of 10000 x 10000",
            riff(&[
                (b"VP8X", &vp8x(0, 10_000, 10_000)),
                (b"VP8L", &vp8l(10_000, 10_000)),
            ]),
        ),
        case(
            "webp, extended of another size",
            riff(&[
                (b"VP8X", &vp8x(0, 100, 100)),
                (b"VP8L", &sound_webp()[20..]),
            ]),
        ),
        case(
            "webp, animation without frames",
            riff(&[(b"VP8X", &vp8x(2, 64, 64)), (b"ANIM", &[0; 6])]),
        ),
        case(
            "webp, animation with an empty frame",
            riff(&[
                (b"VP8X", &vp8x(2, 64, 64)),
                (b"ANIM", &[0; 6]),
                (b"ANMF", &[]),
            ]),
        ),
        case("webp, chunk over the end", {
            let mut bytes = sound_webp();
            bytes[16..20].fill(0xff);
            bytes
        }),
        case("webp, length over the file", {
            let mut bytes = sound_webp();
            bytes[4..8].fill(0xff);
            bytes
        }),
        case("webp, length 0", b"RIFF\0\0\0\0WEBP".as_slice()),
    ];
    let whole = sound_webp();
    for len in [12, 16, 20, 25, 30, whole.len() / 2, whole.len() - 1] {
        cases.push(case(format!("webp cut to {len} bytes"), &whole[..len]));
    }
    cases
}

fn other_files() -> Vec<Case> {
    let files: [(&str, &[u8]); 30] = [
        ("empty", b""),
        ("one byte", b"\x89"),
        ("two bytes", b"\xff\xd8"),
        ("text", b"a picture of a fox"),
        ("web page", b"<!doctype html><title>404</title>"),
        (
            "svg",
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"><path d=\"M0 0\"/></svg>",
        ),
        (
            "svg with entities",
            b"<?xml version=\"1.0\"?><!DOCTYPE svg [<!ENTITY a \"aaaa\">]><svg>&a;</svg>",
        ),
        ("gif", b"GIF89a\x01\0\x01\0\0\0\0;"),
        ("heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
        ("avif", b"\0\0\0\x1cftypavif\0\0\0\0mif1avif"),
        ("mp4", b"\0\0\0\x18ftypisom\0\0\0\0mp42isom"),
        ("ftyp of 4 GiB", b"\xff\xff\xff\xffftypabcd\0\0\0\0"),
        ("ftyp cut short", b"\0\0\0\x18ftyp"),
        ("webm", b"\x1a\x45\xdf\xa3\x01\0\0\0"),
        ("avi", b"RIFF\0\0\0\0AVI LIST"),
        ("wav", b"RIFF\0\0\0\0WAVEfmt "),
        ("riff cut short", b"RIFF\0\0"),
        ("tiff", b"II*\0\x08\0\0\0\0\0"),
        ("tiff of a Mac", b"MM\0*\0\0\0\x08\0\0"),
        ("bmp", b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0"),
        ("icon", b"\0\0\x01\0\x01\0\x10\x10"),
        ("photoshop", b"8BPS\0\x01\0\0\0\0\0\0\0\x03"),
        ("pdf", b"%PDF-1.7\n%abc"),
        ("jpeg xl", b"\xff\x0a\0\0\0\0"),
        ("jpeg xl in a box", b"\0\0\0\x0cJXL \r\n\x87\n"),
        ("jpeg 2000", b"\0\0\0\x0cjP  \r\n\x87\n"),
        ("zip renamed", b"PK\x03\x04\x14\0\0\0work.png"),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0"),
        ("safetensors", b"\x02\0\0\0\0\0\0\0{}"),
        ("qoi", b"qoif\0\0\0\x40\0\0\0\x40\x04\0"),
    ];
    let mut cases: Vec<Case> = files
        .into_iter()
        .map(|(name, bytes)| case(name, bytes))
        .collect();
    cases.push(case("a megabyte of zeros", vec![0; 1 << 20]));
    cases.push(case("a megabyte of FF", vec![0xff; 1 << 20]));
    cases.push(case(
        "a jpeg of fill bytes",
        [b"\xff\xd8".as_slice(), &vec![0xff; 1 << 20]].concat(),
    ));
    cases.push(case("a jpeg of starts", b"\xff\xd8".repeat(1 << 19)));
    cases.push(case(
        "a png of empty chunks",
        png_of(&[ihdr(20, 20, GREY), chunk(b"teXt", &[]).repeat(50_000)]),
    ));
    cases
}

fn parse(bytes: &[u8]) -> Result<(), String> {
    decode(bytes).map(|_| ()).map_err(|error| error.to_string())
}

#[test]
fn hostile_pictures_are_refused() {
    let cases: Vec<Case> = [other_files(), pngs(), jpegs(), webps()]
        .into_iter()
        .flatten()
        .collect();
    println!("{} files", cases.len());
    assert_refused(&cases, parse);
    for sound in sound_files() {
        assert_eq!(parse(&sound), Ok(()));
    }
}

#[test]
fn what_is_no_png_has_no_recipe() {
    assert_refused(
        &[other_files(), jpegs(), webps()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>(),
        |bytes| recipe(bytes).map(|_| ()).map_err(|error| error.to_string()),
    );
}

/// Packed texts and profiles that would grow a thousandfold cost no more than they may, whatever
/// becomes of the picture.
#[test]
fn packed_bombs_in_a_picture_stay_packed() {
    let bomb = packed(&vec![b'x'; 64 << 20]);
    for (kind, head) in [
        (b"zTXt", b"parameters\0\0".as_slice()),
        (b"iTXt", b"parameters\0\x01\0\0\0"),
        (b"iCCP", b"profile\0\0"),
    ] {
        let bytes = png_of(&[
            ihdr(20, 20, GREY),
            chunk(kind, &[head, &bomb].concat()),
            idat(&grey_rows()),
            chunk(b"IEND", &[]),
        ]);
        let (peak, _) = peak_of(|| (decode(&bytes), recipe(&bytes)));
        assert!(
            peak <= 2 * bytes.len() + ALLOWANCE,
            "{kind:?}: {peak} bytes"
        );
    }
}

/// A PNG with its checksums set right, as far as its chunks can be made out, so that mutations get
/// past them. Other files are left alone.
fn with_checksums(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let mut at = 8;
    while bytes.starts_with(b"\x89PNG")
        && let Some([a, b, c, d]) = out.get(at..at + 4)
    {
        let end = at + 8 + u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let Some(body) = out.get(at + 4..end) else {
            break;
        };
        let sum = crc(body).to_be_bytes();
        if let Some(place) = out.get_mut(end..end + 4) {
            place.copy_from_slice(&sum);
        }
        at = end + 4;
    }
    out
}

#[test]
fn fuzz_pictures() {
    fuzz(&sound_files(), |bytes| {
        let bytes = with_checksums(bytes);
        let (peak, result) = peak_of(|| decode(&bytes));
        match result {
            Ok(picture) => {
                let pixels = u64::from(picture.width()) * u64::from(picture.height());
                assert!(pixels <= MAX_PIXELS && pixels * 4 == picture.rgba().len() as u64);
            }
            Err(error) => {
                assert_eq!(unreadable(&error.to_string()), None, "{error}");
                // A lossless WebP of one colour takes a few bytes whatever its size, so a damaged one
                // may ask for all that the largest picture takes before it shows.
                let most = MAX_PIXELS as usize * 8;
                assert!(peak <= 2 * bytes.len() + ALLOWANCE + most, "{peak} bytes");
            }
        }
    });
}

#[test]
fn fuzz_recipes() {
    fuzz(&[sound_png()], |bytes| {
        let (peak, result) = peak_of(|| recipe(bytes));
        assert!(peak <= 2 * bytes.len() + ALLOWANCE, "{peak} bytes");
        match result {
            Ok(recipe) => drop(Parameters::parse(&recipe.parameters.unwrap_or_default())),
            Err(error) => assert_eq!(unreadable(&error.to_string()), None, "{error}"),
        }
    });
}

#[test]
fn fuzz_parameters() {
    let text = "a fox\nNegative prompt: dull\nSteps: 20, Sampler: \"Euler, a\", CFG scale: 7, Size: 512x512, Lora hashes: \"a: b\"";
    fuzz(&[text.as_bytes().to_vec()], |bytes| {
        let parameters = Parameters::parse(&String::from_utf8_lossy(bytes));
        let again = Parameters::parse(&parameters.to_string());
        assert_eq!(again.seed, parameters.seed);
    });
}
