//! What the page and the engine say to each other.
//!
//! The page sends [`Request`]s to the worker, the worker answers with [`Event`]s. Both are plain
//! serde values. Bulk data (file bytes, pixels) never goes through JSON: a message carries
//! [`Buffer`] indices, and the buffers travel beside it as transferred `ArrayBuffer`s, in
//! `postMessage({ message: <json text>, buffers: [ArrayBuffer, ...] }, buffers)`.
//!
//! Tensors never cross this boundary. Start with [`Request`].

mod event;
mod library;
mod request;
mod settings;

pub use event::*;
pub use library::*;
pub use request::*;
pub use settings::*;

use serde::{Deserialize, Serialize};

/// Index of a transferred `ArrayBuffer` in the message's `buffers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Buffer(pub usize);

/// Names a work within the page's life. The page hands them out; one that was removed may come again
/// with another project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkId(pub u32);

/// Names a piece of work asked of the engine (a training run, a picture), so that answers that
/// come late can be told apart. The page hands them out and never uses one twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub u32);

/// 8-bit RGBA pixels, rows from the top, `4 * width * height` bytes in the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pixels {
    pub width: u32,
    pub height: u32,
    pub rgba: Buffer,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_go_there_and_back() {
        let train = Request::Train {
            job: JobId(3),
            works: vec![Work {
                id: WorkId(1),
                caption: "a fox".into(),
                focus: 0.25,
            }],
            settings: Preset::Quick.settings(),
            checkpoint: Some(Buffer(0)),
            checkpoint_every: 10,
        };
        let sample = Request::Sample {
            job: JobId(4),
            settings: SampleSettings {
                seed: u64::MAX,
                variation_seed: u64::MAX - 1,
                ..SampleSettings::default()
            },
            image: None,
            mask: None,
        };
        for request in [train, sample] {
            let text = serde_json::to_string(&request).unwrap();
            assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request);
        }
        let checkpoint = Event::Checkpoint {
            job: JobId(3),
            step: 10,
            bytes: Buffer(0),
        };
        let text = serde_json::to_string(&checkpoint).unwrap();
        assert_eq!(text, r#"{"type":"checkpoint","job":3,"step":10,"bytes":0}"#);
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), checkpoint);
    }

    #[test]
    fn what_nobody_says_is_said_for_sketch() {
        let settings = SampleSettings::default();
        assert_eq!(ModelKind::default().sampling(settings.clone()), settings);
        let turbo = ModelKind::Turbo.sampling(SampleSettings {
            prompt: "a fox".into(),
            ..settings
        });
        assert_eq!(
            (turbo.prompt.as_str(), turbo.guidance_scale),
            ("a fox", 1.0)
        );
    }

    /// Settings are kept on the artist's disk and in pictures, older than the page that reads them.
    #[test]
    fn settings_of_before_are_read() {
        let old = r#"{"prompt":"a fox","negative_prompt":"","seed":18446744073709551615,"steps":20,
            "guidance_scale":4.0,"sampler":"dpmpp_2m","strength":1.0,"compare":true}"#;
        let read: SampleSettings = serde_json::from_str(old).unwrap();
        assert_eq!(read.seed, u64::MAX);
        assert_eq!((read.variation_strength, read.image_strength), (0.0, 0.5));
        assert!(!read.guide_from_base);
    }
}
