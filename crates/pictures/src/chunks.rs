//! The chunks of a PNG, as far as they must be seen before (or without) decoding it.

use crate::PictureError;

pub(crate) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// One chunk. Its checksum is not looked at here: the decoder does that.
pub(crate) struct Chunk<'a> {
    pub kind: [u8; 4],
    pub data: &'a [u8],
    /// With length, kind and checksum.
    pub whole: &'a [u8],
}

/// The chunks after the signature, up to and with IEND. [`PictureError::CutShort`] once when the
/// file ends before.
pub(crate) struct Chunks<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Chunks<'a> {
    /// `bytes` are a whole PNG, signature included.
    pub fn of(bytes: &'a [u8]) -> Self {
        Chunks {
            rest: bytes.get(SIGNATURE.len()..),
        }
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Result<Chunk<'a>, PictureError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let Some((chunk, after)) = split(rest) else {
            return Some(Err(PictureError::CutShort));
        };
        self.rest = (&chunk.kind != b"IEND").then_some(after);
        Some(Ok(chunk))
    }
}

/// Length, kind, data, checksum.
fn split(bytes: &[u8]) -> Option<(Chunk<'_>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let data = rest.get(..length)?;
    let (whole, rest) = bytes.split_at_checked(length.checked_add(12)?)?;
    let kind = *kind;
    Some((Chunk { kind, data, whole }, rest))
}

/// Most that deflate can expand a byte to (zlib's technical notes).
const DEFLATE_RATIO: u64 = 1032;

/// Width and height, after a look at whether the file is whole and its compressed data can fill
/// them at all.
pub(crate) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    let mut chunks = Chunks::of(bytes);
    let header = chunks.next().ok_or(PictureError::CutShort)??;
    let (b"IHDR", [w0, w1, w2, w3, h0, h1, h2, h3, depth, colour, ..]) =
        (&header.kind, header.data)
    else {
        return Err(PictureError::Damaged {
            reason: "it does not begin with its size".into(),
        });
    };
    let width = u32::from_be_bytes([*w0, *w1, *w2, *w3]);
    let height = u32::from_be_bytes([*h0, *h1, *h2, *h3]);
    let mut compressed = 0u64;
    for chunk in chunks {
        let chunk = chunk?;
        match &chunk.kind {
            b"IDAT" => compressed += chunk.data.len() as u64,
            // `png` 0.18.1 panics on a palette that is not whole entries.
            b"PLTE" if !chunk.data.len().is_multiple_of(3) || chunk.data.len() > 768 => {
                return Err(PictureError::Damaged {
                    reason: "its palette has no whole colours".into(),
                });
            }
            _ => {}
        }
    }
    let channels: u64 = match colour {
        2 => 3,
        4 => 2,
        6 => 4,
        _ => 1,
    };
    let bits = u64::from(*depth).saturating_mul(channels);
    let row = u64::from(width).saturating_mul(bits) / 8;
    if row.saturating_mul(u64::from(height)) > compressed.saturating_mul(DEFLATE_RATIO) {
        return Err(PictureError::CutShort);
    }
    Ok((width, height))
}

/// A copy with nothing but what the pixels and their orientation need. Profiles, texts and
/// animations, some of them packed, are so many more parsers; unknown critical chunks are kept, for
/// the decoder to refuse.
pub(crate) fn essential(bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(SIGNATURE);
    for chunk in Chunks::of(bytes) {
        let chunk = chunk?;
        // Bit 5 of the first letter tells ancillary from critical.
        if chunk.kind[0] & 0x20 == 0 || matches!(&chunk.kind, b"tRNS" | b"eXIf") {
            out.extend_from_slice(chunk.whole);
        }
    }
    Ok(out)
}
