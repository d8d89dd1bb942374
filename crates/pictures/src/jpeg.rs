//! A look at a JPEG's markers before it is decoded: its size, and whether its end is there. (The
//! decoder fills what is missing with grey and says nothing.)

use crate::PictureError;

/// Width and height of a whole JPEG (ITU-T T.81, annex B).
pub(crate) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    let mut size = None;
    // Past SOI.
    let mut at = 2;
    loop {
        let (marker, after) = next_marker(bytes, at).ok_or(PictureError::CutShort)?;
        at = after;
        match marker {
            // EOI.
            0xd9 => break,
            // TEM, RSTn, SOI stand alone.
            0x01 | 0xd0..=0xd8 => continue,
            _ => {}
        }
        let segment = segment(bytes, at)?;
        match marker {
            // SOF0 to SOF2: baseline, extended, progressive.
            0xc0..=0xc2 => {
                let [_precision, h0, h1, w0, w1, ..] = segment else {
                    return Err(damaged("its size is missing"));
                };
                let found = (
                    u32::from(u16::from_be_bytes([*w0, *w1])),
                    u32::from(u16::from_be_bytes([*h0, *h1])),
                );
                if size.replace(found).is_some_and(|before| before != found) {
                    return Err(damaged("it gives two sizes"));
                }
            }
            0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Err(PictureError::Unsupported {
                    what: "a rare kind of JPEG compression (lossless or arithmetic)".into(),
                });
            }
            _ => {}
        }
        at += 2 + segment.len();
    }
    let (width, height) = size.ok_or_else(|| damaged("its size is missing"))?;
    // Each 8x8 block of the finest component takes at least one bit: 512 pixels a byte.
    let most = (bytes.len() as u64).saturating_mul(512);
    if u64::from(width) * u64::from(height) > most {
        return Err(PictureError::CutShort);
    }
    Ok((width, height))
}

/// The next marker's code and the place after it. Entropy-coded data (FF 00, RSTn) and stray bytes
/// in between are passed over.
fn next_marker(bytes: &[u8], from: usize) -> Option<(u8, usize)> {
    let mut at = from;
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xff)?;
        let code = *bytes.get(at + 1)?;
        match code {
            0x00 | 0xd0..=0xd7 => at += 2,
            // Fill bytes.
            0xff => at += 1,
            code => return Some((code, at + 2)),
        }
    }
}

/// What follows a segment's two bytes of length.
fn segment(bytes: &[u8], at: usize) -> Result<&[u8], PictureError> {
    let rest = bytes.get(at..).unwrap_or_default();
    let (length, rest) = rest
        .split_first_chunk::<2>()
        .ok_or(PictureError::CutShort)?;
    let length = usize::from(u16::from_be_bytes(*length))
        .checked_sub(2)
        .ok_or_else(|| damaged("one of its parts has no length"))?;
    rest.get(..length).ok_or(PictureError::CutShort)
}

fn damaged(reason: &str) -> PictureError {
    PictureError::Damaged {
        reason: reason.into(),
    }
}
