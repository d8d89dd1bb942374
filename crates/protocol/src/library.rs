//! Studio models: what the page and the library's worker say to each other.
//!
//! As with the engine, a message is `{ message: <json text> }`; files that the artist chose travel in
//! `files` beside it, as handles.

use serde::{Deserialize, Serialize};

/// What the page asks of the library. Requests are carried out side by side; only one model is on its
/// way at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LibraryRequest {
    /// First message: the page's folder (ends in `/`), which a worker from a blob does not know.
    /// Answered by [`LibraryEvent::Listed`].
    Open { site: String },
    /// Answered by [`LibraryEvent::Listed`].
    List,
    /// Look a model up by what the artist wrote: `owner/name`, `owner/name@revision`, an address. This
    /// and `Keep`, `GoOn` are all that make requests. Answered by [`LibraryEvent::Offered`].
    LookUp { name: String },
    /// Look at chosen files: `paths` are theirs, in their order, inside what was chosen. Answered by
    /// [`LibraryEvent::Offered`].
    LookAt { paths: Vec<String> },
    /// Fetch, or copy in, what was offered. Answered by `Progress` and then `Kept`, `Paused` or `Failed`.
    Keep { offer: u32 },
    /// Go on with a model that is not whole. Answered as `Keep`.
    GoOn { model: String },
    /// Stop what is on its way, keeping what has come. Answered by [`LibraryEvent::Paused`].
    Pause,
    /// Answered by [`LibraryEvent::Removed`].
    Remove { model: String },
    /// The model was opened: remember when.
    Used { model: String },
}

/// What the library tells the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LibraryEvent {
    /// All that is here, the latest used first.
    Listed {
        models: Vec<LibraryModel>,
        /// Bytes that this browser still gives the page, where it says so.
        free: Option<u64>,
    },
    /// What a look brought: to be shown to the artist before anything is fetched.
    Offered(Offer),
    /// `seconds_left` is left out while the pace is not known.
    Progress {
        model: String,
        doing: Doing,
        done: u64,
        total: u64,
        seconds_left: Option<f64>,
    },
    /// It is here, whole and checked.
    Kept { model: String },
    /// It stands still, by the artist's wish.
    Paused { model: String },
    /// `freed` bytes.
    Removed { model: String, freed: u64 },
    /// `message` says why and what to do. `can_go_on`: what has come is kept, and `GoOn` may help.
    Failed {
        request: String,
        model: Option<String>,
        message: String,
        can_go_on: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// What was here before is read again and checked.
    Checking,
    Fetching,
    /// From the artist's own files.
    Copying,
}

/// A model that could be had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// Names it in `Keep`.
    pub offer: u32,
    #[serde(flatten)]
    pub about: AboutModel,
    /// Of it, the bytes that are not here yet.
    pub missing: u64,
    /// Bytes that this browser still gives the page, where it says so.
    pub free: Option<u64>,
}

/// A model that is here, perhaps in part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LibraryModel {
    /// Names it from visit to visit; letters and digits.
    pub model: String,
    #[serde(flatten)]
    pub about: AboutModel,
    /// Bytes that are here.
    pub here: u64,
    /// Whole and checked.
    pub whole: bool,
    /// Milliseconds since 1970, when it was last opened.
    pub used: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AboutModel {
    pub title: String,
    /// Where it is published; none for the artist's own files.
    pub page: Option<String>,
    pub family: ModelFamily,
    /// As its authors name it; none where nobody says.
    pub licence: Option<String>,
    /// Of all its files that are needed.
    pub bytes: u64,
    /// Of all its parts. A parameter takes two bytes of graphics memory.
    pub parameters: u64,
    /// Whether it is fetched, not copied in.
    pub fetched: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelFamily {
    /// Stable Diffusion 1.x.
    Sd1,
    /// Stable Diffusion 2.x.
    Sd2,
    /// The kind of the model that comes with the page.
    Sketch,
}

impl ModelFamily {
    pub fn name(self) -> &'static str {
        match self {
            ModelFamily::Sd1 => "Stable Diffusion 1.x",
            ModelFamily::Sd2 => "Stable Diffusion 2.x",
            ModelFamily::Sketch => "Sketch",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_go_there_and_back() {
        let about = AboutModel {
            title: "a/b".into(),
            page: None,
            family: ModelFamily::Sd1,
            licence: None,
            bytes: 3 << 30,
            parameters: 7,
            fetched: true,
        };
        let offered = LibraryEvent::Offered(Offer {
            offer: 1,
            about,
            missing: 2,
            free: None,
        });
        let text = serde_json::to_string(&offered).unwrap();
        assert!(
            text.starts_with(r#"{"type":"offered","offer":1,"title":"a/b""#),
            "{text}"
        );
        assert_eq!(
            serde_json::from_str::<LibraryEvent>(&text).unwrap(),
            offered
        );
        let request = LibraryRequest::LookUp { name: "a/b".into() };
        let text = serde_json::to_string(&request).unwrap();
        assert_eq!(text, r#"{"type":"look_up","name":"a/b"}"#);
        assert_eq!(
            serde_json::from_str::<LibraryRequest>(&text).unwrap(),
            request
        );
    }
}
