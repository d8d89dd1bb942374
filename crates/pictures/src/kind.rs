/// What a file is by its content, as far as people mistake it for a picture that is read here. A
/// file's name is never looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Png,
    Jpeg,
    Webp,
    Gif,
    Heic,
    Avif,
    JpegXl,
    Jpeg2000,
    Svg,
    Tiff,
    Bmp,
    Ico,
    Photoshop,
    Pdf,
    Video,
    Zip,
    Html,
    Empty,
    Unknown,
}

impl Kind {
    /// Looks at the first KiB only.
    pub fn of(bytes: &[u8]) -> Kind {
        let head = &bytes[..bytes.len().min(1024)];
        let starts = |magic: &[u8]| head.starts_with(magic);
        let riff = |form: &[u8]| starts(b"RIFF") && head.get(8..12) == Some(form);
        if head.is_empty() {
            return Kind::Empty;
        }
        if head.get(4..8) == Some(b"ftyp") {
            return Kind::of_iso_media(head);
        }
        let magics: [(&[u8], Kind); 15] = [
            (b"\x89PNG\r\n\x1a\n", Kind::Png),
            (b"\xff\xd8\xff", Kind::Jpeg),
            (b"GIF8", Kind::Gif),
            (b"\xff\x0a", Kind::JpegXl),
            (b"\0\0\0\x0cJXL ", Kind::JpegXl),
            (b"\0\0\0\x0cjP  ", Kind::Jpeg2000),
            (b"\xff\x4f\xff\x51", Kind::Jpeg2000),
            (b"II*\0", Kind::Tiff),
            (b"MM\0*", Kind::Tiff),
            (b"BM", Kind::Bmp),
            (b"\0\0\x01\0", Kind::Ico),
            (b"8BPS", Kind::Photoshop),
            (b"%PDF", Kind::Pdf),
            (b"\x1a\x45\xdf\xa3", Kind::Video),
            (b"PK", Kind::Zip),
        ];
        if let Some((_, kind)) = magics.iter().find(|(magic, _)| starts(magic)) {
            return *kind;
        }
        if riff(b"WEBP") {
            return Kind::Webp;
        }
        if riff(b"AVI ") {
            return Kind::Video;
        }
        let text = head
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(head)
            .trim_ascii_start();
        if text.first() == Some(&b'<') {
            let svg = text.windows(4).any(|w| w.eq_ignore_ascii_case(b"<svg"));
            return if svg { Kind::Svg } else { Kind::Html };
        }
        Kind::Unknown
    }

    /// By the brands of an ISO base media file (ISO/IEC 14496-12, `ftyp`).
    fn of_iso_media(head: &[u8]) -> Kind {
        let end = head
            .first_chunk::<4>()
            .map_or(0, |size| u32::from_be_bytes(*size) as usize)
            .clamp(16, head.len().max(16));
        let brands = head.get(8..end.min(head.len())).unwrap_or_default();
        // The minor version between the brands matches none of them.
        let has = |names: &[&[u8; 4]]| {
            let (brands, _) = brands.as_chunks::<4>();
            brands.iter().any(|brand| names.contains(&brand))
        };
        if has(&[b"avif", b"avis"]) {
            Kind::Avif
        } else if has(&[
            b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1",
        ]) {
            Kind::Heic
        } else {
            Kind::Video
        }
    }

    /// Why such a file is refused, and what to do. For the three kinds that are read, what is said
    /// when their content is not as it should be.
    pub fn refusal(self) -> &'static str {
        match self {
            Kind::Png | Kind::Jpeg | Kind::Webp => {
                "The picture is damaged. Open it in an image editor and save it again."
            }
            Kind::Gif => "This is a GIF, which is not read here. Save it as PNG.",
            Kind::Heic => {
                "This is a HEIC picture, as iPhones take them, which is not read here. Export it as JPEG or PNG."
            }
            Kind::Avif => {
                "This is an AVIF picture, which is not read here. Save it as PNG or JPEG."
            }
            Kind::JpegXl => {
                "This is a JPEG XL picture, which is not read here. Save it as PNG or JPEG."
            }
            Kind::Jpeg2000 => {
                "This is a JPEG 2000 picture, which is not read here. Save it as PNG or JPEG."
            }
            Kind::Svg => {
                "This is an SVG drawing, which has no pixels yet. Export it as PNG, 512 pixels wide or more."
            }
            Kind::Tiff => {
                "This is a TIFF or a camera's raw picture, which is not read here. Save it as PNG or JPEG."
            }
            Kind::Bmp => "This is a BMP picture, which is not read here. Save it as PNG.",
            Kind::Ico => "This is an icon file (ICO), which is not read here. Save it as PNG.",
            Kind::Photoshop => {
                "This is a Photoshop document, which is not read here. Export it as PNG or JPEG."
            }
            Kind::Pdf => "This is a PDF, not a picture. Export its page as PNG.",
            Kind::Video => {
                "This is a film or a sound, not a picture. Save one of its frames as PNG."
            }
            Kind::Zip => {
                "This is a zip archive or an office document, not a picture. Unpack it and choose the pictures inside."
            }
            Kind::Html => {
                "This is a web page or a text, not a picture. Download the picture itself."
            }
            Kind::Empty => "The file is empty. Copy or download it again.",
            Kind::Unknown => {
                "This is not a picture that is read here. Choose a PNG, JPEG or WebP file."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_people_drop() {
        let cases: &[(&[u8], Kind)] = &[
            (b"", Kind::Empty),
            (b"GIF89a", Kind::Gif),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Kind::Heic),
            (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif", Kind::Avif),
            (b"\0\0\0\x18ftypisom\0\0\0\0mp42isom", Kind::Video),
            (b"\0\0\0\0ftyp", Kind::Video),
            (b"<?xml version=\"1.0\"?>\n<svg xmlns='x'>", Kind::Svg),
            (b"<!doctype html>", Kind::Html),
            (b"PK\x03\x04", Kind::Zip),
            (b"%PDF-1.7", Kind::Pdf),
            (b"RIFF\0\0\0\0WEBP", Kind::Webp),
            (b"hello", Kind::Unknown),
        ];
        for (bytes, kind) in cases {
            assert_eq!(Kind::of(bytes), *kind, "{bytes:?}");
        }
    }
}
