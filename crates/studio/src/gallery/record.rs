//! `gallery/gallery.json`: whose pictures these are, how each was made, and what may be done with them.
//!
//! It has no names of files: the adapter and the pictures lie where [`ADAPTER`] and [`picture_path`]
//! say. Though it comes from the page's own address it is read as anything from outside is.

use atelier_link::{Hash, MAX_TITLE_CHARS, Recipe, clean};
use atelier_project::Licence;
use atelier_protocol::SampleSettings;
use serde::{Deserialize, Serialize};

pub const RECORD: &str = "gallery/gallery.json";
pub const ADAPTER: &str = "gallery/adapter.safetensors";
/// More pictures are no choice any more, and a page of them takes long to come.
pub const MAX_PICTURES: usize = 100;

/// The picture with this place in [`Gallery::pictures`].
pub fn picture_path(place: usize) -> String {
    format!("gallery/pictures/{}.png", place + 1)
}

#[derive(Clone, Debug, PartialEq)]
pub struct Gallery {
    pub title: String,
    pub artist: String,
    pub licence: Licence,
    /// Of the adapter's tensor bytes.
    pub adapter: Hash,
    pub pictures: Vec<GalleryPicture>,
}

/// How a picture was made, with the gallery's adapter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GalleryPicture {
    pub settings: SampleSettings,
    /// It began with another picture, which is not here.
    #[serde(default)]
    pub from_image: bool,
}

/// Why a record is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GalleryError {
    Newer,
    Damaged,
}

/// As it is written.
#[derive(Serialize, Deserialize)]
struct Record {
    version: u32,
    title: String,
    artist: String,
    licence: Licence,
    adapter: String,
    pictures: Vec<GalleryPicture>,
}

const VERSION: u32 = 1;

impl Gallery {
    /// Longest record that is read, in bytes: [`MAX_PICTURES`] with two prompts of full length each.
    pub const MAX_BYTES: usize = 2 << 20;

    /// # Errors
    /// [`GalleryError`].
    pub fn parse(json: &[u8]) -> Result<Self, GalleryError> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let damaged = |_| GalleryError::Damaged;
        if json.len() > Self::MAX_BYTES {
            return Err(GalleryError::Damaged);
        }
        let Version { version } = serde_json::from_slice(json).map_err(damaged)?;
        if version > VERSION {
            return Err(GalleryError::Newer);
        }
        let record: Record = serde_json::from_slice(json).map_err(damaged)?;
        let adapter = record.adapter.parse().map_err(|()| GalleryError::Damaged)?;
        let gallery = Self {
            title: record.title,
            artist: record.artist,
            licence: record.licence,
            adapter,
            pictures: record.pictures,
        };
        gallery.checked()
    }

    /// With every word fit to be shown. Titles and names are never empty.
    ///
    /// # Errors
    /// [`GalleryError::Damaged`].
    pub fn checked(mut self) -> Result<Self, GalleryError> {
        self.title = clean(&self.title, MAX_TITLE_CHARS);
        self.artist = clean(&self.artist, MAX_TITLE_CHARS);
        if self.title.is_empty() || self.artist.is_empty() || self.pictures.len() > MAX_PICTURES {
            return Err(GalleryError::Damaged);
        }
        for picture in &mut self.pictures {
            let recipe = Recipe {
                settings: picture.settings.clone(),
                ..Recipe::default()
            };
            let recipe = recipe.checked().map_err(|_| GalleryError::Damaged)?;
            picture.settings = recipe.settings;
        }
        Ok(self)
    }

    pub fn to_json(&self) -> Vec<u8> {
        let record = Record {
            version: VERSION,
            title: self.title.clone(),
            artist: self.artist.clone(),
            licence: self.licence,
            adapter: self.adapter.to_string(),
            pictures: self.pictures.clone(),
        };
        // Plain fields; writing them does not fail.
        serde_json::to_vec_pretty(&record).unwrap_or_default()
    }

    /// As the browser's tab, the preview of a link and an installed page call it.
    pub fn name(&self) -> String {
        format!("{} · {}", self.title, self.artist)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn gallery() -> Gallery {
        let settings = SampleSettings {
            prompt: "a fox \"<b>".into(),
            seed: u64::MAX,
            compare: false,
            ..SampleSettings::default()
        };
        Gallery {
            title: "Foxes & <script>alert(1)</script>".into(),
            artist: "Änne \"O'Hara\"".into(),
            licence: Licence::Attribution,
            adapter: "ab".repeat(32).parse().unwrap(),
            pictures: vec![
                GalleryPicture {
                    settings,
                    from_image: false,
                };
                2
            ],
        }
    }

    #[test]
    fn a_gallery_goes_there_and_back() {
        assert_eq!(Gallery::parse(&gallery().to_json()), Ok(gallery()));
        for licence in Licence::ALL {
            let gallery = Gallery {
                licence,
                ..gallery()
            };
            assert_eq!(Gallery::parse(&gallery.to_json()), Ok(gallery));
        }
        assert_eq!(picture_path(0), "gallery/pictures/1.png");
    }

    #[test]
    fn what_is_none_is_refused() {
        let with = |change: fn(&mut serde_json::Value)| {
            let mut value = serde_json::from_slice(&gallery().to_json()).unwrap();
            change(&mut value);
            Gallery::parse(&serde_json::to_vec(&value).unwrap())
        };
        assert!(with(|_| {}).is_ok());
        assert_eq!(with(|v| v["version"] = 2.into()), Err(GalleryError::Newer));
        let damages: [fn(&mut serde_json::Value); 9] = [
            |v| v["title"] = " \u{202e}\n".into(),
            |v| v["artist"] = "".into(),
            |v| v["licence"] = "beerware".into(),
            |v| v["adapter"] = "../../adapter".into(),
            |v| v["pictures"][0]["settings"]["steps"] = 4_000_000_000_u32.into(),
            |v| v["pictures"][0]["settings"]["seed"] = (-1).into(),
            |v| v["pictures"][1]["settings"]["sampler"] = "worst".into(),
            |v| v["pictures"] = vec![v["pictures"][0].clone(); MAX_PICTURES + 1].into(),
            |v| v["version"] = "1".into(),
        ];
        for (n, damage) in damages.into_iter().enumerate() {
            assert_eq!(with(damage), Err(GalleryError::Damaged), "damage {n}");
        }
        assert_eq!(Gallery::parse(b""), Err(GalleryError::Damaged));
        let long = vec![b' '; Gallery::MAX_BYTES + 1];
        assert_eq!(Gallery::parse(&long), Err(GalleryError::Damaged));
    }

    #[test]
    fn words_are_made_fit_to_be_shown() {
        let mut wild = gallery();
        wild.title = format!("safe\u{202e}\u{0}{}", "x".repeat(500));
        wild.pictures[0].settings.prompt = "a\nfox\u{200b}".into();
        let read = Gallery::parse(&wild.to_json()).unwrap();
        assert!(read.title.starts_with("safe xxx"));
        assert_eq!(read.title.chars().count(), MAX_TITLE_CHARS);
        assert_eq!(read.pictures[0].settings.prompt, "a fox");
    }

    /// Mutations of a good record: any answer but a panic, and what is read is within bounds.
    #[test]
    fn hostile_records() {
        let good = gallery().to_json();
        let mut state = 7u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % below
        };
        let mut read = 0;
        for _ in 0..50_000 {
            let mut bytes = good.clone();
            for _ in 0..=random(3) {
                let at = random(bytes.len());
                match random(4) {
                    0 => bytes[at] = random(256) as u8,
                    1 => bytes[at] = b"\"{}[],:0-9e\\"[random(12)],
                    2 => bytes.truncate(at.max(1)),
                    _ => {
                        let from = random(bytes.len());
                        let piece = bytes[from..(from + 60).min(bytes.len())].to_vec();
                        bytes.splice(at..at, piece);
                    }
                }
            }
            if let Ok(gallery) = Gallery::parse(&bytes) {
                read += 1;
                assert!(gallery.pictures.len() <= MAX_PICTURES && !gallery.title.is_empty());
                assert!(gallery.pictures.iter().all(|p| p.settings.steps <= 150));
                assert!(!gallery.title.contains(char::is_control));
            }
        }
        assert!(read > 1_000, "only {read} were read at all");
    }
}
