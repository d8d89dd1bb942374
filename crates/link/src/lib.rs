//! How a picture was made, small enough for a link, and read out of PNG files.
//!
//! A [`Recipe`] is what it takes to make a picture again. [`to_link`] puts one behind the `#` of the
//! page's address, where no server sees it, and [`from_fragment`] reads it there; [`from_png`] reads
//! one from a picture's file, ours or another tool's. A small adapter can travel in the link too:
//! [`pack_adapter`].
//!
//! Links and files come from strangers. Whatever is read is typed and capped, words are freed of
//! what would disturb the text around them ([`clean`]), and an address is one that can be shown and
//! opened or it is not there at all.

mod adapter;
mod error;
mod fragment;
mod png;
mod recipe;
mod text;

pub use adapter::{
    MAX_PACKED_CHARS, Packed, hash_of_adapter, pack_adapter, packed_chars, published_adapter,
};
pub use error::LinkError;
pub use fragment::{Carried, MAX_LINK_CHARS, from_fragment, to_link};
pub use png::from_png;
pub use recipe::{AdapterRef, Hash, MAX_ADAPTERS, MAX_TITLE_CHARS, Recipe};
pub use text::{clean, is_safe_address};
