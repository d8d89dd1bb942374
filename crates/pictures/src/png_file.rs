//! PNGs that carry their recipe: text chunks out and in.

use png::{BitDepth, ColorType, Compression, Encoder};

use crate::chunks::{Chunk, Chunks};
use crate::{Kind, PictureError};

/// The texts in a PNG that say how it was made. Either may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipe {
    /// `parameters`, as A1111's web UI writes it and others read it: see
    /// [`Parameters`](crate::Parameters).
    pub parameters: Option<String>,
    /// `atelier`: our own, JSON.
    pub atelier: Option<String>,
}

const PARAMETERS: &str = "parameters";
const ATELIER: &str = "atelier";

/// Longest text read, in bytes; longer ones are as if they were not there.
const LONGEST: usize = 256 << 10;

/// Reads the recipe of a PNG, decoding no pixel. Texts may be tEXt, zTXt or iTXt; of two with one
/// keyword the first counts; what cannot be read is left out.
///
/// # Errors
/// [`PictureError::WrongKind`] for what is no PNG, [`PictureError::CutShort`].
pub fn recipe(bytes: &[u8]) -> Result<Recipe, PictureError> {
    match Kind::of(bytes) {
        Kind::Png => {}
        Kind::Jpeg | Kind::Webp => {
            return Err(PictureError::Unsupported {
                what: "a format without a recipe".into(),
            });
        }
        kind => return Err(PictureError::WrongKind(kind)),
    }
    let mut recipe = Recipe::default();
    for chunk in Chunks::of(bytes) {
        let chunk = chunk?;
        let slot = match keyword(&chunk) {
            Some(keyword) if keyword == PARAMETERS.as_bytes() => &mut recipe.parameters,
            Some(keyword) if keyword == ATELIER.as_bytes() => &mut recipe.atelier,
            _ => continue,
        };
        if slot.is_none() {
            *slot = text(&chunk);
        }
    }
    Ok(recipe)
}

/// A text chunk's keyword: up to its first zero byte.
fn keyword<'a>(chunk: &Chunk<'a>) -> Option<&'a [u8]> {
    matches!(&chunk.kind, b"tEXt" | b"zTXt" | b"iTXt")
        .then(|| chunk.data.split(|&byte| byte == 0).next())
        .flatten()
}

/// A text chunk's text (PNG, third edition, 11.3.3).
fn text(chunk: &Chunk<'_>) -> Option<String> {
    let (_keyword, rest) = split_zero(chunk.data)?;
    match &chunk.kind {
        b"tEXt" => (rest.len() <= LONGEST).then(|| latin1(rest)),
        b"zTXt" => {
            let (&0, compressed) = rest.split_first()? else {
                return None;
            };
            inflate(compressed).map(|text| latin1(&text))
        }
        b"iTXt" => {
            let [compressed, 0, rest @ ..] = rest else {
                return None;
            };
            let (_language, rest) = split_zero(rest)?;
            let (_translated, rest) = split_zero(rest)?;
            let bytes = match compressed {
                0 if rest.len() <= LONGEST => rest.to_vec(),
                1 => inflate(rest)?,
                _ => return None,
            };
            String::from_utf8(bytes).ok()
        }
        _ => None,
    }
}

fn split_zero(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&byte| byte == 0)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(bytes, LONGEST).ok()
}

/// Writes pixels of 8 bits a channel, marked as sRGB.
pub(crate) fn encode(
    width: u32,
    height: u32,
    colour: ColorType,
    pixels: &[u8],
    recipe: &Recipe,
) -> Result<Vec<u8>, PictureError> {
    let failed = |error: png::EncodingError| PictureError::Encode {
        reason: error.to_string(),
    };
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, width, height);
    encoder.set_color(colour);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Balanced);
    encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    let texts = [(PARAMETERS, &recipe.parameters), (ATELIER, &recipe.atelier)];
    for (keyword, text) in texts {
        let Some(text) = text else { continue };
        // A zero byte would end the text; there is none to be kept in a prompt.
        let text = text.replace('\0', "");
        // As Pillow, and so A1111, does: Latin-1 where it will do, else UTF-8.
        if text.chars().all(|c| u32::from(c) < 256) {
            encoder
                .add_text_chunk(keyword.into(), text)
                .map_err(failed)?;
        } else {
            encoder
                .add_itxt_chunk(keyword.into(), text)
                .map_err(failed)?;
        }
    }
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Rgb, decode};

    fn gradient() -> Rgb {
        let pixels = (0..16 * 16 * 3u32).map(|i| (i * 7 % 251) as u8).collect();
        Rgb::new(16, 16, pixels).unwrap()
    }

    #[test]
    fn pixels_and_recipe_come_back() {
        for prompt in ["a fox, café", "狐, ∞ — \"quoted\"\nNegative prompt: x"] {
            let recipe_in = Recipe {
                parameters: Some(prompt.into()),
                atelier: Some(r#"{"seed":"18446744073709551615"}"#.into()),
            };
            let png = gradient().to_png(&recipe_in).unwrap();
            assert_eq!(recipe(&png).unwrap(), recipe_in);
            assert_eq!(decode(&png).unwrap().rgba(), gradient().to_rgba());
            assert_eq!(png, gradient().to_png(&recipe_in).unwrap());
        }
        let plain = gradient().to_png(&Recipe::default()).unwrap();
        assert_eq!(recipe(&plain).unwrap(), Recipe::default());
    }

    fn with_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let mut png = gradient().to_png(&Recipe::default()).unwrap();
        let mut chunk = (data.len() as u32).to_be_bytes().to_vec();
        chunk.extend_from_slice(kind);
        chunk.extend_from_slice(data);
        chunk.extend_from_slice(&[0; 4]);
        // After the signature and IHDR.
        png.splice(33..33, chunk);
        png
    }

    #[test]
    fn compressed_texts_are_read_and_bombs_are_not() {
        let packed = |text: &[u8]| miniz_oxide::deflate::compress_to_vec_zlib(text, 6);
        let mut data = b"parameters\0\0".to_vec();
        data.extend(packed(b"a fox"));
        let png = with_chunk(b"zTXt", &data);
        assert_eq!(recipe(&png).unwrap().parameters.as_deref(), Some("a fox"));

        let mut data = b"parameters\0\x01\0\0\0".to_vec();
        data.extend(packed(&vec![b'x'; 64 << 20]));
        let png = with_chunk(b"iTXt", &data);
        assert_eq!(recipe(&png).unwrap().parameters, None);

        let png = with_chunk(b"tEXt", b"parameters");
        assert_eq!(recipe(&png).unwrap(), Recipe::default());
    }
}
