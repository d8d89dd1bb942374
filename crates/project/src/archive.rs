//! A project as one zip: `project.json`, and its files under their own names.

use std::io::{Cursor, Read, Write};

use zip::{
    CompressionMethod, ZipArchive, ZipWriter,
    write::{SimpleFileOptions, StreamWriter},
};

use crate::{Project, ProjectError};

/// Largest archive that is opened, and largest sum of what is in it. All of it is in memory once.
pub const MAX_ARCHIVE_BYTES: u64 = 512_000_000;
/// Largest file of a project.
pub const MAX_FILE_BYTES: u64 = 256_000_000;
const MAX_RECORD_BYTES: u64 = 32_000_000;
/// Entries of an archive; far more than a project has files is no project.
const MAX_ENTRIES: usize = 100_000;
const RECORD: &str = "project.json";

/// A zip that is written as it comes, without compression: pictures and adapters are as small as
/// they get. Any zip program opens it.
pub struct Zip<W: Write> {
    writer: ZipWriter<StreamWriter<W>>,
}

impl<W: Write> Zip<W> {
    pub fn new(sink: W) -> Self {
        Self {
            writer: ZipWriter::new_stream(sink),
        }
    }

    /// # Errors
    /// [`ProjectError::NotPacked`] when the sink takes no more or the name was given before.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), ProjectError> {
        self.begin(name)?;
        self.write(bytes)
    }

    /// Begins a file that comes in pieces, as large ones do where nothing may wait for long.
    ///
    /// # Errors
    /// As [`Zip::add`].
    pub fn begin(&mut self, name: &str) -> Result<(), ProjectError> {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        let begun = self.writer.start_file(name, options);
        begun.map_err(|_| ProjectError::NotPacked)
    }

    /// Writes the next piece of the file begun last.
    ///
    /// # Errors
    /// As [`Zip::add`].
    pub fn write(&mut self, piece: &[u8]) -> Result<(), ProjectError> {
        let written = self.writer.write_all(piece);
        written.map_err(|_| ProjectError::NotPacked)
    }

    /// Adds the record of a project whose files are added besides.
    ///
    /// # Errors
    /// As [`Zip::add`].
    pub fn add_record(&mut self, project: &Project) -> Result<(), ProjectError> {
        let json = serde_json::to_vec_pretty(project).map_err(|_| ProjectError::NotPacked)?;
        self.add(RECORD, &json)
    }

    /// Writes the directory and hands the sink back.
    ///
    /// # Errors
    /// [`ProjectError::NotPacked`].
    pub fn finish(self) -> Result<W, ProjectError> {
        let stream = self.writer.finish().map_err(|_| ProjectError::NotPacked)?;
        Ok(stream.into_inner())
    }
}

/// What a project's zip held.
#[derive(Debug)]
pub struct Opened {
    pub project: Project,
    /// The files that the record names and the archive has, by name.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Unpacks a project. Only what its record names is looked at; what is missing leaves the record,
/// except a work, without which the project is not what it was.
///
/// # Errors
/// Any [`ProjectError`] but [`ProjectError::NotPacked`].
pub fn open(bytes: &[u8]) -> Result<Opened, ProjectError> {
    let too_large = ProjectError::TooLarge {
        most: MAX_ARCHIVE_BYTES,
    };
    if bytes.len() as u64 > MAX_ARCHIVE_BYTES {
        return Err(too_large);
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| ProjectError::NoArchive)?;
    if archive.len() > MAX_ENTRIES {
        return Err(ProjectError::NoProject);
    }
    let record = read(&mut archive, RECORD, MAX_RECORD_BYTES)?.ok_or(ProjectError::NoProject)?;
    let mut project = Project::parse(&record)?;
    let mut left = MAX_ARCHIVE_BYTES;
    let mut files = Vec::new();
    for name in project.files() {
        if let Some(file) = read(&mut archive, &name, MAX_FILE_BYTES.min(left))? {
            left -= file.len() as u64;
            files.push((name, file));
        } else if name.starts_with("works/") {
            return Err(ProjectError::Damaged {
                what: "a work is missing",
            });
        }
    }
    let names: std::collections::HashSet<&str> = files.iter().map(|f| f.0.as_str()).collect();
    project.keep_only(|name| names.contains(name));
    let named: std::collections::HashSet<String> = project.files().into_iter().collect();
    files.retain(|(name, _)| named.contains(name));
    Ok(Opened { project, files })
}

/// An entry's bytes; none where there is no such entry. Lengths in headers are not believed.
fn read(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    name: &str,
    most: u64,
) -> Result<Option<Vec<u8>>, ProjectError> {
    let damaged = |_| ProjectError::Damaged {
        what: "a file in it cannot be unpacked",
    };
    let Some(index) = archive.index_for_name(name) else {
        return Ok(None);
    };
    let entry = archive
        .by_index(index)
        .map_err(std::io::Error::from)
        .map_err(damaged)?;
    let mut bytes = Vec::new();
    entry
        .take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(damaged)?;
    if bytes.len() as u64 > most {
        return Err(ProjectError::TooLarge {
            most: MAX_ARCHIVE_BYTES,
        });
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::*;
    use atelier_protocol::{Learns, ModelKind, Outcome, Preset, SampleSettings};

    fn project() -> Project {
        let info = atelier_protocol::AdapterInfo {
            title: "My hand".into(),
            trigger: "in my hand".into(),
            rank: 4,
            parameters: 9,
            steps: 30,
            hash: "ab".repeat(32),
        };
        Project {
            version: 1,
            name: "Foxes".into(),
            model: Some(ModelRecord {
                model: "5d".into(),
                title: "studio/ink".into(),
            }),
            kind: ModelKind::Lcm,
            works: vec![WorkRecord {
                id: 7,
                name: "../../etc/fox.png".into(),
                caption: "a fox".into(),
                focus: 0.25,
                sample_set: None,
            }],
            trigger: "in my hand".into(),
            learns: Learns::Subject,
            preset: Some(Preset::Quick),
            training: Preset::Quick.settings(),
            sample: SampleSettings::default(),
            seed_locked: true,
            adapters: vec![AdapterRecord {
                id: 3,
                info,
                file_name: "my-hand.safetensors".into(),
                saved: false,
            }],
            current: Some(3),
            pictures: vec![PictureRecord {
                id: 1,
                batch: 1,
                settings: SampleSettings::default(),
                base: true,
                hand: true,
                favourite: true,
                chosen: Some(false),
                note: None,
            }],
            run: Some(RunRecord {
                state: RunState::Paused { step: 30 },
                settings: Preset::Quick.settings(),
                works: Vec::new(),
                adapter: Some(3),
                held_back: true,
                nearness: Some(0.75),
                loss: LossRecord {
                    steps: vec![1, 2],
                    training: vec![0.5, 0.25],
                    validation: vec![(0, 0.5)],
                },
                previews: vec![PreviewRecord {
                    step: 0,
                    pictures: 2,
                    adapter: true,
                }],
                seconds_per_step: Some(0.5),
            }),
            gallery: GalleryDraft {
                title: Some("Foxes".into()),
                artist: None,
                licence: Some(Licence::Attribution),
            },
        }
    }

    fn packed(project: &Project, leave_out: &str) -> Vec<u8> {
        let mut zip = Zip::new(Vec::new());
        zip.add_record(project).unwrap();
        for name in project.files() {
            if name != leave_out {
                zip.add(&name, name.as_bytes()).unwrap();
            }
        }
        zip.add("works/999", b"not named by the record").unwrap();
        zip.finish().unwrap()
    }

    #[test]
    fn a_project_goes_there_and_back() {
        let opened = open(&packed(&project(), "")).unwrap();
        assert_eq!(opened.project, project());
        let names: Vec<String> = opened.files.iter().map(|f| f.0.clone()).collect();
        assert_eq!(names, project().files());
        assert!(opened.files.iter().all(|(n, bytes)| n.as_bytes() == bytes));
    }

    /// Fields that came later may be missing.
    #[test]
    fn an_older_record_is_read() {
        let mut json = serde_json::to_value(project()).unwrap();
        json.as_object_mut().unwrap().remove("gallery").unwrap();
        let picture = json["pictures"][0].as_object_mut().unwrap();
        for later in ["batch", "favourite", "chosen", "note"] {
            picture.remove(later).unwrap();
        }
        let read = Project::parse(&serde_json::to_vec(&json).unwrap()).unwrap();
        assert_eq!(read.gallery, GalleryDraft::default());
        assert_eq!(read.pictures[0].chosen, None);
        assert_eq!(read.works, project().works);
    }

    #[test]
    fn a_file_in_pieces_is_one_file() {
        let mut zip = Zip::new(Vec::new());
        zip.add_record(&project()).unwrap();
        zip.begin("works/7").unwrap();
        for piece in [&b"of "[..], b"", b"three"] {
            zip.write(piece).unwrap();
        }
        let opened = open(&zip.finish().unwrap()).unwrap();
        assert_eq!(opened.files, [("works/7".to_owned(), b"of three".to_vec())]);
    }

    #[test]
    fn what_is_missing_leaves_the_record() {
        let without = |name: &str| open(&packed(&project(), name)).map(|o| o.project);
        assert!(without("works/7").is_err());
        let project = without("adapters/3.safetensors").unwrap();
        assert_eq!((project.adapters.len(), project.current), (0, None));
        let run = without("checkpoints/30").unwrap().run.unwrap();
        let outcome = Outcome::Failed;
        assert_eq!(run.state, RunState::Ended { step: 30, outcome });
        let project = without("pictures/1-base.png").unwrap();
        assert!(!project.pictures[0].base && project.pictures[0].hand);
    }

    #[test]
    fn what_is_no_project_is_refused() {
        assert_eq!(open(b"").unwrap_err(), ProjectError::NoArchive);
        assert_eq!(open(b"PK\x03\x04no").unwrap_err(), ProjectError::NoArchive);
        let mut zip = Zip::new(Vec::new());
        zip.add("notes.txt", b"Buy milk.").unwrap();
        let other = zip.finish().unwrap();
        assert_eq!(open(&other).unwrap_err(), ProjectError::NoProject);
        let whole = packed(&project(), "");
        assert!(open(&whole[..whole.len() / 2]).is_err());
        let newer = Project {
            version: 2,
            ..project()
        };
        assert_eq!(open(&packed(&newer, "")).unwrap_err(), ProjectError::Newer);
        let mut twice = project();
        twice.works.push(twice.works[0].clone());
        assert!(matches!(
            Project::parse(&serde_json::to_vec(&twice).unwrap()),
            Err(ProjectError::Damaged { .. })
        ));
    }

    #[test]
    fn bombs_are_refused_before_they_go_off() {
        // 1 GB of zeros as a work, deflated to 1 MB, by a header that says so and by one that lies.
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        zip.start_file(RECORD, options).unwrap();
        zip.write_all(&serde_json::to_vec(&project()).unwrap())
            .unwrap();
        zip.start_file("works/7", options).unwrap();
        let megabyte = vec![0; 1 << 20];
        for _ in 0..300 {
            zip.write_all(&megabyte).unwrap();
        }
        let bytes = zip.finish().unwrap().into_inner();
        assert!(bytes.len() < 1_000_000);
        assert!(matches!(
            open(&bytes).unwrap_err(),
            ProjectError::TooLarge { .. }
        ));
    }

    /// Mutations of a good archive: any answer but a panic, and nothing that a record did not name.
    #[test]
    fn hostile_archives() {
        let good = packed(&project(), "");
        let mut state = 1u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % below
        };
        for _ in 0..20_000 {
            let mut bytes = good.clone();
            for _ in 0..=random(4) {
                let at = random(bytes.len());
                match random(4) {
                    0 => bytes[at] = random(256) as u8,
                    1 => bytes[at] = [0, 0xff, 0x7f, 0x80][random(4)],
                    2 => bytes.truncate(at.max(1)),
                    _ => {
                        let from = random(bytes.len());
                        let piece = bytes[from..(from + 40).min(bytes.len())].to_vec();
                        bytes.splice(at..at, piece);
                    }
                }
            }
            if let Ok(opened) = open(&bytes) {
                let named = opened.project.files();
                assert!(opened.files.iter().all(|(name, _)| named.contains(name)));
            }
        }
    }
}
