use std::{fmt, str::FromStr};

use atelier_protocol::{MAX_PROMPT_CHARS, SampleSettings};

use crate::{
    LinkError,
    text::{clean, is_safe_address},
};

/// Adapters a recipe may name.
pub const MAX_ADAPTERS: usize = 4;
/// Longest name of a model or an adapter that is kept, in characters.
pub const MAX_TITLE_CHARS: usize = 80;
/// Largest side of a picture in a recipe, in pixels.
const MAX_SIDE: u32 = 4096;

/// What it takes to make a picture again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recipe {
    /// The model's name; may be empty.
    pub model: String,
    /// Names the model for certain.
    pub model_hash: Option<Hash>,
    /// Side of the picture in pixels, where it is known.
    pub side: Option<u32>,
    pub settings: SampleSettings,
    pub adapters: Vec<AdapterRef>,
    /// Another picture was where it began. That one does not travel.
    pub from_image: bool,
}

/// An adapter a recipe was made with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdapterRef {
    pub title: String,
    pub hash: Option<Hash>,
    /// Where it can be had: see [`is_safe_address`].
    pub address: Option<String>,
}

impl Recipe {
    /// The recipe with every word fit to be shown, what cannot be used left out.
    ///
    /// # Errors
    /// [`LinkError::OutOfRange`] for numbers that no picture can be made with.
    pub fn checked(mut self) -> Result<Recipe, LinkError> {
        let s = &mut self.settings;
        s.prompt = clean(&s.prompt, MAX_PROMPT_CHARS);
        s.negative_prompt = clean(&s.negative_prompt, MAX_PROMPT_CHARS);
        // No number is compared as one by a range that does not hold it, NaN included.
        let within = [
            ((1..=150).contains(&s.steps), "steps"),
            ((0.0..=30.0).contains(&s.guidance_scale), "guidance"),
            ((-4.0..=4.0).contains(&s.strength), "strength"),
            ((0.0..=1.0).contains(&s.variation_strength), "variation"),
            ((0.0..=1.0).contains(&s.image_strength), "picture strength"),
            (
                self.side.is_none_or(|side| (8..=MAX_SIDE).contains(&side)),
                "size",
            ),
        ];
        if let Some((_, what)) = within.into_iter().find(|(holds, _)| !holds) {
            return Err(LinkError::OutOfRange { what });
        }
        self.model = clean(&self.model, MAX_TITLE_CHARS);
        self.adapters.truncate(MAX_ADAPTERS);
        for adapter in &mut self.adapters {
            adapter.title = clean(&adapter.title, MAX_TITLE_CHARS);
            adapter.address = adapter.address.take().filter(|a| is_safe_address(a));
        }
        Ok(self)
    }
}

/// A SHA-256, or its beginning, as other tools write it: 4 to 32 bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Hash(Vec<u8>);

impl Hash {
    pub fn from_bytes(bytes: &[u8]) -> Option<Hash> {
        (4..=32)
            .contains(&bytes.len())
            .then(|| Hash(bytes.to_vec()))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether `whole`, a hash in hexadecimal, is this one or begins so.
    pub fn matches(&self, whole: &str) -> bool {
        Hash::from_str(whole).is_ok_and(|whole| whole.0.starts_with(&self.0))
    }
}

impl FromStr for Hash {
    type Err = ();

    /// From hexadecimal digits of either case.
    fn from_str(digits: &str) -> Result<Hash, ()> {
        if digits.len() > 64 || !digits.len().is_multiple_of(2) {
            return Err(());
        }
        let nibbles: Option<Vec<u8>> = digits
            .bytes()
            .map(|b| char::from(b).to_digit(16).map(|d| d as u8))
            .collect();
        let bytes: Vec<u8> = nibbles
            .ok_or(())?
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect();
        Hash::from_bytes(&bytes).ok_or(())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_hash_names_a_long_one() {
        let long = "00ffab".repeat(10) + "1234";
        let short: Hash = "00FFAB00".parse().unwrap();
        assert!(short.matches(&long));
        assert!(!short.matches("00ffab"));
        assert!(!short.matches("00ffab01ff"));
        assert!(
            "00ff".parse::<Hash>().is_err(),
            "too short to name anything"
        );
        assert!("00ffab0".parse::<Hash>().is_err());
        assert!("zzzzzzzz".parse::<Hash>().is_err());
        assert_eq!(long.parse::<Hash>().unwrap().to_string(), long);
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        let with = |change: fn(&mut SampleSettings)| {
            let mut recipe = Recipe::default();
            change(&mut recipe.settings);
            recipe.checked()
        };
        assert!(with(|_| {}).is_ok());
        assert!(with(|s| s.steps = 0).is_err());
        assert!(with(|s| s.steps = u32::MAX).is_err());
        assert!(with(|s| s.guidance_scale = f32::NAN).is_err());
        assert!(with(|s| s.strength = f32::INFINITY).is_err());
        assert!(with(|s| s.variation_strength = -0.1).is_err());
    }
}
