//! CLIP's merges as the site ships them.

use atelier_text::TextError;
use miniz_oxide::inflate::decompress_to_vec_with_limit;

use crate::error::EngineError;

/// Magic, deflate, no flags: what a gzip file without a name begins with.
const GZIP: [u8; 4] = [0x1f, 0x8b, 8, 0];
/// What is around a gzip file's deflated data.
const HEADER: usize = 10;
const TRAILER: usize = 8;
/// CLIP's take 0.5 MB.
const LIMIT: usize = 4 << 20;

/// The text of `merges.txt.gz`, or of a merges.txt (servers and browsers may have unpacked it on the way).
///
/// # Errors
/// Bytes that are neither.
pub fn clip_merges(file: &[u8]) -> Result<String, EngineError> {
    let damaged = || TextError::Tokenizer {
        problem: "the merges that come with this program are damaged; get it again".to_owned(),
    };
    let text = match file.starts_with(&GZIP) {
        false => file.to_vec(),
        true => {
            let end = file.len().saturating_sub(TRAILER);
            let deflated = file.get(HEADER..end).ok_or_else(damaged)?;
            decompress_to_vec_with_limit(deflated, LIMIT).map_err(|_| damaged())?
        }
    };
    Ok(String::from_utf8(text).map_err(|_| damaged())?)
}

#[cfg(test)]
mod tests {
    use super::clip_merges;
    use atelier_text::ClipTokenizer;

    const SHIPPED: &[u8] = include_bytes!("../../../www/models/clip/merges.txt.gz");

    /// Tokens of CLIP's own tokenizer (OpenAI's `clip.tokenize`).
    #[test]
    fn what_is_shipped_is_clips_vocabulary() {
        let merges = clip_merges(SHIPPED).unwrap();
        assert_eq!(clip_merges(merges.as_bytes()).unwrap(), merges);
        let tokenizer = ClipTokenizer::from_merges(&merges).unwrap();
        assert_eq!((tokenizer.start(), tokenizer.end()), (49406, 49407));
        let found = tokenizer.encode("a photo of a cat", 77).ids;
        assert_eq!(found[..7], [49406, 320, 1125, 539, 320, 2368, 49407]);
    }

    #[test]
    fn damaged_files_are_refused() {
        for bytes in [&SHIPPED[..5], &SHIPPED[..1000], &[0xff, 0xfe]] {
            assert!(clip_merges(bytes).is_err());
        }
    }
}
