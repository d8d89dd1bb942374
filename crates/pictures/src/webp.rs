//! A look at a WebP's container before it is decoded. (The decoder passes over chunks that claim
//! more than there is.)

use crate::PictureError;

/// Whether the file is as long as it says, and its chunks lie within it (RFC 9649, 2.3).
pub(crate) fn check(bytes: &[u8]) -> Result<(), PictureError> {
    let (_riff, rest) = bytes.split_at_checked(4).ok_or(PictureError::CutShort)?;
    let (length, rest) = split_length(rest).ok_or(PictureError::CutShort)?;
    let body = rest.get(..length).ok_or(PictureError::CutShort)?;
    let mut chunks = body.get(4..).ok_or(PictureError::CutShort)?;
    // Fewer than 8 bytes are no chunk; some tools leave one of padding.
    while let Some((_kind, rest)) = chunks.split_at_checked(4) {
        let Some((length, rest)) = split_length(rest) else {
            break;
        };
        if length > rest.len() {
            return Err(PictureError::CutShort);
        }
        // Within `rest`, so rounding up cannot overflow. The last chunk's padding may be missing.
        chunks = rest.get(length.next_multiple_of(2)..).unwrap_or_default();
    }
    Ok(())
}

/// Whether so few bytes can be a picture of this size. A lossless WebP of one colour takes next to
/// nothing, so this is no bound from the format; but no work is as empty as that, and a lie would
/// take all the memory that the largest picture takes.
pub(crate) fn check_size(len: usize, (width, height): (u32, u32)) -> Result<(), PictureError> {
    const FREE: u64 = 1 << 20;
    const PIXELS_A_BYTE: u64 = 16_384;
    let most = FREE + (len as u64).saturating_mul(PIXELS_A_BYTE);
    if u64::from(width) * u64::from(height) > most {
        return Err(PictureError::CutShort);
    }
    Ok(())
}

fn split_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*length)).ok()?, rest))
}
