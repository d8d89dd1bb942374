//! From what the artist writes to what a text encoder reads. No tensor library is known here.
//!
//! [`ClipTokenizer`] is Stable Diffusion's byte-pair tokenizer, [`Tokenizer`] BERT's WordPiece. Both
//! are our own readings of their one kind of file, checked against `transformers` case by case:
//! Hugging Face's `tokenizers` crate is 0.6 MB of the page's wasm (compressed), and needs a regex
//! engine in C or a second in Rust, for a hundredth of what it can.
//!
//! [`parse_prompt`] reads A1111's weights, and [`ClipTokenizer::chunks`] cuts a prompt of any
//! length into pieces a text encoder takes. Texts and files are taken to be hostile: every length
//! is capped.

mod chunks;
mod clip;
mod error;
mod merges;
mod prompt;
mod split;
mod word_piece;

pub use chunks::{Chunk, LENGTH, MAX_CHUNKS};
pub use clip::ClipTokenizer;
pub use error::TextError;
pub use prompt::{MAX_PROMPT, Part, parse_prompt};
pub use word_piece::{Tokenizer, Tokens};
