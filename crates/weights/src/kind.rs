/// What a file is by its first bytes, as far as people mistake it for weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Empty,
    /// A zip archive: a PyTorch `.pt`/`.ckpt`/`.bin`, or any other.
    Zip,
    /// A bare Python pickle, as older PyTorch wrote it.
    Pickle,
    Html,
    /// JSON alone, for example a Hub's error message or a `config.json`.
    Json,
    /// The text that stands for a file in a Git repository without its large files.
    LfsPointer,
    Picture,
    Pdf,
    /// gzip, 7-Zip, RAR or xz.
    Archive,
    Gguf,
    Hdf5,
    Unknown,
}

impl Kind {
    /// Looks at the first bytes only (at most 512). Says [`Kind::Unknown`] for a safetensors file:
    /// its first bytes are a length and mark nothing.
    pub fn of(bytes: &[u8]) -> Kind {
        let head = &bytes[..bytes.len().min(512)];
        let starts = |magic: &[u8]| head.starts_with(magic);
        let riff = |form: &[u8]| starts(b"RIFF") && head.get(8..12) == Some(form);
        let pickle = head.first() == Some(&0x80) && matches!(head.get(1), Some(2..=5));
        if head.is_empty() {
            return Kind::Empty;
        }
        if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") || starts(b"PK\x07\x08") {
            return Kind::Zip;
        }
        if pickle {
            return Kind::Pickle;
        }
        if starts(b"\x89PNG") || starts(b"\xff\xd8\xff") || starts(b"GIF8") || riff(b"WEBP") {
            return Kind::Picture;
        }
        if starts(b"%PDF") {
            return Kind::Pdf;
        }
        if starts(b"\x1f\x8b") || starts(b"7z\xbc\xaf") || starts(b"Rar!") || starts(b"\xfd7zXZ") {
            return Kind::Archive;
        }
        if starts(b"GGUF") {
            return Kind::Gguf;
        }
        if starts(b"\x89HDF") {
            return Kind::Hdf5;
        }
        if starts(b"version https://git-lfs") {
            return Kind::LfsPointer;
        }
        let text = head.trim_ascii_start();
        let text = text
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(text)
            .trim_ascii_start();
        match text.first() {
            Some(b'<') => Kind::Html,
            Some(b'{' | b'[') => Kind::Json,
            _ => Kind::Unknown,
        }
    }

    /// Why such a file is refused, and what to do.
    pub fn refusal(self) -> &'static str {
        match self {
            Kind::Empty => "The file is empty. Download or copy it again.",
            Kind::Zip => {
                "This is a zip archive or a PyTorch file (.ckpt, .pt, .bin), which can run code when it is opened, so it is never read. Choose the .safetensors file instead."
            }
            Kind::Pickle => {
                "This is a Python pickle (.ckpt, .pt, .bin), which can run code when it is opened, so it is never read. Choose the .safetensors file instead."
            }
            Kind::Html => {
                "This is a web page, not a file of weights: the address is wrong, or the site asks to sign in first. Download the .safetensors file itself."
            }
            Kind::Json => {
                "This is a text file in JSON, not a file of weights. Choose the .safetensors file."
            }
            Kind::LfsPointer => {
                "This is a Git LFS pointer, which only names the real file. Download the file itself, or run \"git lfs pull\"."
            }
            Kind::Picture => {
                "This is a picture, not a file of weights. Choose a .safetensors file."
            }
            Kind::Pdf => "This is a PDF, not a file of weights. Choose a .safetensors file.",
            Kind::Archive => {
                "This is a packed archive. Unpack it, then choose the .safetensors file inside."
            }
            Kind::Gguf => {
                "This is a GGUF file, which is not read here. Choose the model's .safetensors file."
            }
            Kind::Hdf5 => {
                "This is an HDF5 (Keras) file, which is not read here. Choose the model's .safetensors file."
            }
            Kind::Unknown => {
                "This is not a safetensors file, or it is damaged. Choose a .safetensors file, or download it again."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_people_mistake() {
        assert_eq!(Kind::of(b""), Kind::Empty);
        assert_eq!(Kind::of(b"PK\x03\x04rest"), Kind::Zip);
        assert_eq!(Kind::of(b"\x80\x02\x8a\x0a"), Kind::Pickle);
        assert_eq!(Kind::of(b"\n <!doctype html>"), Kind::Html);
        assert_eq!(Kind::of(b"\xef\xbb\xbf{\"error\": 1}"), Kind::Json);
        assert_eq!(
            Kind::of(b"version https://git-lfs.github.com/spec/v1"),
            Kind::LfsPointer
        );
        assert_eq!(Kind::of(b"RIFF\x10\0\0\0WEBPVP8 "), Kind::Picture);
        assert_eq!(Kind::of(b"\x10\0\0\0\0\0\0\0{}"), Kind::Unknown);
    }
}
