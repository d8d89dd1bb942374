//! Brings a model's files in, one after the other, each checked before the next begins.

use atelier_protocol::Doing;
use js_sys::{Date, Promise, Uint8Array};
use sha2::{Digest, Sha256};

use super::{
    chosen::Chosen,
    hub::{Hub, Stop},
    scope,
    shelf::{Place, Writer, free},
    wait,
};
use crate::{Begin, Entry, Files, LibraryError, Pace, Record, State, hex};

/// Bytes that pass through wasm at once.
const WINDOW: usize = 1 << 20;
/// Seconds waited before the connection is tried again, each time that nothing has come since.
const WAITS: [f64; 3] = [1.0, 2.0, 4.0];
/// Milliseconds from one report to the next.
const REPORT_EVERY: f64 = 200.0;

/// Where a model's files come from.
pub enum Source {
    Hub(Hub),
    Chosen(Chosen),
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Whole,
    Stopped,
}

/// Told of what goes on: bytes that are here, and seconds left.
pub type Tell<'a> = dyn FnMut(Doing, u64, Option<f64>) + 'a;

/// Brings in what is not here yet.
///
/// # Errors
/// [`LibraryError::NoRoom`] before anything is asked for; what stopped it, otherwise.
pub async fn keep(
    place: &Place,
    record: &Record,
    source: &Source,
    stop: &Stop,
    tell: &mut Tell<'_>,
) -> Result<End, LibraryError> {
    let states = place.states(record).await;
    let here = record.here(&states);
    let needed = record.bytes() - here;
    if let Some(free) = free().await.filter(|free| *free < needed) {
        return Err(LibraryError::NoRoom {
            needed,
            free: Some(free),
        });
    }
    place.try_room(needed).await?;
    let mut report = Report {
        tell,
        total: record.bytes(),
        before: 0,
        pace: Pace::default(),
        last: 0.0,
    };
    for (number, entry) in record.files.iter().enumerate() {
        if states.get(number) != Some(&State::Checked) {
            let mut file = Incoming::open(place, number, entry, stop, &mut report).await?;
            let end = match source {
                Source::Hub(hub) => file.fetch(hub, stop, &mut report).await?,
                Source::Chosen(chosen) => file.copy(chosen, stop, &mut report).await?,
            };
            if end == End::Stopped {
                return Ok(end);
            }
            file.check()?;
            drop(file);
            place.check_off(number).await?;
        }
        report.before += entry.size;
    }
    Ok(End::Whole)
}

struct Report<'a, 'b> {
    tell: &'a mut Tell<'b>,
    total: u64,
    /// Bytes of the files before this one.
    before: u64,
    pace: Pace,
    /// When it was last told, in milliseconds.
    last: f64,
}

impl Report<'_, '_> {
    fn at(&mut self, doing: Doing, bytes: u64) {
        let now = Date::now();
        if now - self.last < REPORT_EVERY && bytes > 0 {
            return;
        }
        self.last = now;
        let done = self.before + bytes;
        self.pace.saw(now / 1e3, done);
        (self.tell)(doing, done, self.pace.seconds_left(self.total));
    }
}

/// A file on its way in.
struct Incoming<'a> {
    entry: &'a Entry,
    writer: Writer,
    hash: Sha256,
    /// Bytes of it that are here and in `hash`.
    have: u64,
    window: Vec<u8>,
}

impl<'a> Incoming<'a> {
    /// Takes up what is here of it.
    async fn open(
        place: &Place,
        number: usize,
        entry: &'a Entry,
        stop: &Stop,
        report: &mut Report<'_, '_>,
    ) -> Result<Self, LibraryError> {
        let writer = place.writer(number).await?;
        let mut file = Self {
            entry,
            writer,
            hash: Sha256::new(),
            have: 0,
            window: vec![0; WINDOW],
        };
        let size = file.writer.size()?;
        if size > entry.size {
            file.begin_anew()?;
            return Ok(file);
        }
        while file.have < size && !stop.is_asked() {
            let read = file.writer.read(file.have, &mut file.window)?;
            if read == 0 {
                break;
            }
            file.hash.update(&file.window[..read]);
            file.have += read as u64;
            report.at(Doing::Checking, file.have);
            // So that a wish to stop is heard.
            pause(0.0).await;
        }
        Ok(file)
    }

    fn begin_anew(&mut self) -> Result<(), LibraryError> {
        self.writer.cut(0)?;
        self.hash = Sha256::new();
        self.have = 0;
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), LibraryError> {
        let have = self.have + bytes.len() as u64;
        if have > self.entry.size {
            self.writer.cut(0)?;
            return Err(self.wrong_size(have));
        }
        self.writer.write(self.have, bytes)?;
        self.hash.update(bytes);
        self.have = have;
        Ok(())
    }

    fn take_js(&mut self, bytes: &Uint8Array) -> Result<(), LibraryError> {
        let mut window = std::mem::take(&mut self.window);
        let mut begin = 0;
        let mut result = Ok(());
        while begin < bytes.length() && result.is_ok() {
            let end = bytes.length().min(begin + WINDOW as u32);
            let part = &mut window[..(end - begin) as usize];
            bytes.subarray(begin, end).copy_to(part);
            result = self.take(part);
            begin = end;
        }
        self.window = window;
        result
    }

    /// Tries again, a few times, where the network fails.
    async fn fetch(
        &mut self,
        hub: &Hub,
        stop: &Stop,
        report: &mut Report<'_, '_>,
    ) -> Result<End, LibraryError> {
        let mut waits = WAITS.iter();
        let mut before = self.have;
        while self.have < self.entry.size {
            if stop.is_asked() {
                return Ok(End::Stopped);
            }
            let Err(error) = self.fetch_on(hub, stop, report).await else {
                continue;
            };
            if stop.is_asked() {
                return Ok(End::Stopped);
            }
            if !error.is_of_the_network() {
                return Err(error);
            }
            if self.have > before {
                before = self.have;
                waits = WAITS.iter();
            }
            pause(*waits.next().ok_or(error)?).await;
        }
        Ok(End::Whole)
    }

    /// One request's worth.
    async fn fetch_on(
        &mut self,
        hub: &Hub,
        stop: &Stop,
        report: &mut Report<'_, '_>,
    ) -> Result<(), LibraryError> {
        let (begin, mut body) = hub.open(self.entry, self.have, None, stop).await?;
        if begin == Begin::Over {
            if self.have == 0 {
                return Err(LibraryError::FileGone {
                    path: self.entry.path.clone(),
                });
            }
            return self.begin_anew();
        }
        while let Some(bytes) = body.next().await? {
            self.take_js(&bytes)?;
            report.at(Doing::Fetching, self.have);
        }
        match self.have < self.entry.size {
            true => Err(body.cut()),
            false => Ok(()),
        }
    }

    async fn copy(
        &mut self,
        chosen: &Chosen,
        stop: &Stop,
        report: &mut Report<'_, '_>,
    ) -> Result<End, LibraryError> {
        while self.have < self.entry.size {
            if stop.is_asked() {
                return Ok(End::Stopped);
            }
            let bytes = crate::PIECE.min(self.entry.size - self.have);
            let bytes = chosen.read(self.entry, self.have, bytes).await?;
            self.take(&bytes)?;
            report.at(Doing::Copying, self.have);
        }
        Ok(End::Whole)
    }

    /// That it is what was announced. What is not is thrown away.
    fn check(&mut self) -> Result<(), LibraryError> {
        if self.have != self.entry.size {
            self.writer.cut(0)?;
            return Err(self.wrong_size(self.have));
        }
        let hash = hex(&std::mem::take(&mut self.hash).finalize());
        if self
            .entry
            .sha256
            .as_ref()
            .is_some_and(|announced| *announced != hash)
        {
            self.writer.cut(0)?;
            return Err(LibraryError::WrongHash {
                path: self.entry.path.clone(),
            });
        }
        self.writer.flush()
    }

    fn wrong_size(&self, have: u64) -> LibraryError {
        LibraryError::WrongSize {
            path: self.entry.path.clone(),
            have,
            expected: self.entry.size,
        }
    }
}

/// Lets `seconds` pass.
async fn pause(seconds: f64) {
    let timer = Promise::new(&mut |done, _| {
        let milliseconds = (seconds * 1e3) as i32;
        // Without a timer the promise would never be kept.
        let set =
            scope().set_timeout_with_callback_and_timeout_and_arguments_0(&done, milliseconds);
        if set.is_err() {
            done.call0(&wasm_bindgen::JsValue::NULL).ok();
        }
    });
    wait(timer).await.ok();
}
