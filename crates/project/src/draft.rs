use serde::{Deserialize, Serialize};

/// A gallery as far as the artist has come with it; none where nothing was touched. Which pictures go
/// in is said with each of them, in [`PictureRecord`](crate::PictureRecord).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GalleryDraft {
    pub title: Option<String>,
    pub artist: Option<String>,
    pub licence: Option<Licence>,
}

/// What may be done with pictures and adapter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Licence {
    /// Nothing but looking and trying: what holds where nothing is said.
    #[default]
    #[serde(rename = "reserved")]
    Reserved,
    #[serde(rename = "cc-by-nc-4.0")]
    NonCommercial,
    #[serde(rename = "cc-by-4.0")]
    Attribution,
    #[serde(rename = "cc0-1.0")]
    PublicDomain,
}

impl Licence {
    pub const ALL: [Licence; 4] = [
        Licence::Reserved,
        Licence::NonCommercial,
        Licence::Attribution,
        Licence::PublicDomain,
    ];

    /// Its name among lawyers, and where it can be read.
    pub fn deed(self) -> Option<(&'static str, &'static str)> {
        match self {
            Licence::Reserved => None,
            Licence::NonCommercial => Some((
                "CC BY-NC 4.0",
                "https://creativecommons.org/licenses/by-nc/4.0/",
            )),
            Licence::Attribution => {
                Some(("CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/"))
            }
            Licence::PublicDomain => Some((
                "CC0 1.0",
                "https://creativecommons.org/publicdomain/zero/1.0/",
            )),
        }
    }
}
