use crate::{Header, Limits, TensorInfo, WeightsError};

/// Reads a safetensors file as it comes, in pieces of any size, holding no more than its header and
/// the tensor under way. Base models are larger than wasm's memory, so they go this way.
///
/// ```
/// # use atelier_weights::{Decoder, Dtype, Limits, TensorView, WeightsError, write};
/// # let view = TensorView { name: "w", dtype: Dtype::U8, shape: &[3], bytes: &[1, 2, 3] };
/// # let file = write(&[view], &Default::default())?;
/// let mut decoder = Decoder::new(Limits::BASE);
/// let mut names = Vec::new();
/// for piece in file.chunks(7) {
///     decoder.push(piece, &mut |info, bytes| {
///         assert_eq!(info.bytes(), bytes.len() as u64);
///         names.push(info.name);
///         Ok::<(), WeightsError>(())
///     })?;
/// }
/// decoder.finish()?;
/// assert_eq!(names, ["w"]);
/// # Ok::<(), WeightsError>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    /// Length of the file as its source gives it, if it does.
    announced: Option<u64>,
    /// Bytes taken in so far.
    received: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The bytes so far; `need` is known once the length has been read.
    Header {
        bytes: Vec<u8>,
        need: Option<u64>,
    },
    /// `next` counts the tensors begun, `bytes` are those of the one before it.
    Data {
        header: Header,
        next: usize,
        bytes: Vec<u8>,
    },
    Failed(WeightsError),
}

/// First piece of memory asked for when nothing but the file vouches for a tensor's size.
const UNPROVEN: u64 = 8 << 20;

impl Decoder {
    pub fn new(limits: Limits) -> Self {
        Decoder {
            limits,
            announced: None,
            received: 0,
            state: State::Header {
                bytes: Vec::new(),
                need: None,
            },
        }
    }

    /// Says how long the source (a server, a disk) says the file is: a header that does not fit it
    /// is then refused at once, and memory for a tensor is asked for in one piece.
    pub fn expect_len(mut self, bytes: u64) -> Self {
        self.announced = Some(bytes);
        self
    }

    /// The header, as soon as it is there.
    pub fn header(&self) -> Option<&Header> {
        match &self.state {
            State::Data { header, .. } => Some(header),
            _ => None,
        }
    }

    /// Bytes taken in so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Takes the file's next bytes and hands each tensor that they complete to `sink`, in the order
    /// in which they lie, with its bytes (little-endian, row-major).
    ///
    /// # Errors
    /// What is wrong with the file (said again by every later call), or what `sink` says: then the
    /// rest of `chunk` is not looked at and the decoder must be dropped.
    pub fn push<E: From<WeightsError>>(
        &mut self,
        chunk: &[u8],
        sink: &mut impl FnMut(TensorInfo, Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = chunk;
        if let State::Header { .. } = self.state {
            rest = self.take_header(rest).map_err(|error| self.fail(error))?;
        }
        match &self.state {
            State::Header { .. } => Ok(()),
            State::Failed(error) => Err(error.clone().into()),
            State::Data { .. } => self.take_data(rest, sink),
        }
    }

    /// Says whether all came.
    ///
    /// # Errors
    /// [`WeightsError::CutShort`] when bytes are missing, or what was wrong before.
    pub fn finish(self) -> Result<Header, WeightsError> {
        match self.state {
            State::Failed(error) => Err(error),
            State::Header { bytes, need } => {
                // The first bytes may yet show what the file really is.
                Header::len(&bytes, self.limits)?;
                Err(WeightsError::CutShort {
                    have: self.received,
                    need: need.or(self.announced).unwrap_or(8),
                })
            }
            State::Data { header, .. } => header.check_len(self.received).map(|()| header),
        }
    }

    fn fail(&mut self, error: WeightsError) -> WeightsError {
        self.state = State::Failed(error.clone());
        error
    }

    /// Takes from `chunk` what the header lacks, moves on when it is whole, gives back the rest.
    fn take_header<'c>(&mut self, chunk: &'c [u8]) -> Result<&'c [u8], WeightsError> {
        let State::Header { bytes, need } = &mut self.state else {
            return Ok(chunk);
        };
        let mut rest = chunk;
        if need.is_none() {
            // Nine bytes: the length, and the `{` that vouches for it.
            let (now, later) = rest.split_at(rest.len().min(9usize.saturating_sub(bytes.len())));
            bytes.extend_from_slice(now);
            self.received += now.len() as u64;
            rest = later;
            if bytes.len() < 9 {
                return Ok(rest);
            }
            // Some kinds show only further in: give them what there is, without keeping it.
            *need = Some(
                Header::len(bytes, self.limits).map_err(|error| match error {
                    WeightsError::WrongKind(crate::Kind::Unknown) => {
                        WeightsError::WrongKind(crate::Kind::of(if chunk.len() > 9 {
                            chunk
                        } else {
                            bytes
                        }))
                    }
                    error => error,
                })?,
            );
        }
        let missing = need.unwrap_or(0).saturating_sub(bytes.len() as u64);
        let missing = usize::try_from(missing).unwrap_or(usize::MAX);
        let (now, later) = rest.split_at(rest.len().min(missing));
        bytes.extend_from_slice(now);
        self.received += now.len() as u64;
        if now.len() == missing {
            let header = Header::parse(bytes, self.limits)?;
            if let Some(len) = self.announced {
                header.check_len(len)?;
            }
            self.state = State::Data {
                header,
                next: 0,
                bytes: Vec::new(),
            };
        }
        Ok(later)
    }

    fn take_data<E: From<WeightsError>>(
        &mut self,
        chunk: &[u8],
        sink: &mut impl FnMut(TensorInfo, Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let State::Data {
            header,
            next,
            bytes,
        } = &mut self.state
        else {
            return Ok(());
        };
        let proven = self.announced.is_some();
        let mut rest = chunk;
        let result = loop {
            let Some(info) = header.tensors.get(*next) else {
                break match rest.len() as u64 {
                    0 => Ok(()),
                    extra => Err(WeightsError::TooLong { extra }),
                };
            };
            // `TensorTooLarge` has capped it; a wasm32 page could hold no more anyway.
            let Ok(size) = usize::try_from(info.bytes()) else {
                break Err(WeightsError::OutOfMemory {
                    bytes: info.bytes(),
                });
            };
            let take = rest.len().min(size - bytes.len());
            if let Err(error) = reserve(bytes, take, size, proven) {
                break Err(error);
            }
            let (now, later) = rest.split_at(take);
            bytes.extend_from_slice(now);
            self.received += take as u64;
            rest = later;
            if bytes.len() < size {
                break Ok(());
            }
            *next += 1;
            sink(info.clone(), std::mem::take(bytes))?;
        };
        result.map_err(|error| self.fail(error).into())
    }
}

/// Makes room for `more` bytes of a tensor of `size`, at once when the size is proven by the bytes
/// in hand or by the source, else by halves, so that a lie costs little.
fn reserve(
    bytes: &mut Vec<u8>,
    more: usize,
    size: usize,
    proven: bool,
) -> Result<(), WeightsError> {
    let have = bytes.len();
    if bytes.capacity() - have >= more {
        return Ok(());
    }
    let target = if proven || (have == 0 && more == size) {
        size
    } else {
        (have + more)
            .max(have.saturating_add(have / 2))
            .max(UNPROVEN as usize)
            .min(size)
    };
    bytes
        .try_reserve_exact(target - have)
        .map_err(|_| WeightsError::OutOfMemory {
            bytes: target as u64,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dtype, TensorView, write};

    fn sample() -> Vec<u8> {
        let big: Vec<u8> = (0..4096u32).map(|i| i as u8).collect();
        let views = [
            TensorView {
                name: "big",
                dtype: Dtype::F32,
                shape: &[32, 32],
                bytes: &big,
            },
            TensorView {
                name: "empty",
                dtype: Dtype::F16,
                shape: &[0],
                bytes: &[],
            },
            TensorView {
                name: "small",
                dtype: Dtype::U8,
                shape: &[3],
                bytes: &[7, 8, 9],
            },
        ];
        write(&views, &Default::default()).unwrap()
    }

    fn decode(file: &[u8], piece: usize) -> Result<Vec<(String, Vec<u8>)>, WeightsError> {
        let mut decoder = Decoder::new(Limits::BASE);
        let mut out = Vec::new();
        for piece in file.chunks(piece) {
            decoder.push(piece, &mut |info, bytes| {
                out.push((info.name, bytes));
                Ok::<(), WeightsError>(())
            })?;
        }
        decoder.finish().map(|_| out)
    }

    #[test]
    fn the_size_of_pieces_does_not_matter() {
        let file = sample();
        let whole = decode(&file, file.len()).unwrap();
        assert_eq!(whole.len(), 3);
        for piece in [1, 2, 8, 9, 100, 1000] {
            assert_eq!(decode(&file, piece).unwrap(), whole, "pieces of {piece}");
        }
    }

    #[test]
    fn every_truncation_is_said() {
        let file = sample();
        for len in 0..file.len() {
            let error = decode(&file[..len], 64).unwrap_err();
            let expected = if len == 0 {
                matches!(error, WeightsError::WrongKind(crate::Kind::Empty))
            } else {
                matches!(error, WeightsError::CutShort { .. })
            };
            assert!(expected, "{len}: {error}");
        }
    }

    #[test]
    fn an_error_stays() {
        let mut decoder = Decoder::new(Limits::BASE);
        let sink = &mut |_, _| Ok::<(), WeightsError>(());
        let html = b"<!doctype html><title>404</title>";
        let first = decoder.push(html, sink).unwrap_err();
        assert_eq!(first, WeightsError::WrongKind(crate::Kind::Html));
        assert_eq!(decoder.push(b"more", sink).unwrap_err(), first);
        assert_eq!(decoder.finish().unwrap_err(), first);
    }

    #[test]
    fn a_length_from_the_source_that_differs_is_refused_before_any_data() {
        let file = sample();
        let mut decoder = Decoder::new(Limits::BASE).expect_len(file.len() as u64 - 1);
        let error = decoder
            .push(&file, &mut |_, _| panic!("a tensor came"))
            .map_err(|error: WeightsError| error)
            .unwrap_err();
        assert!(matches!(error, WeightsError::CutShort { .. }), "{error}");
    }

    #[test]
    fn a_large_tensor_that_never_comes_costs_little() {
        let json = r#"{"a":{"dtype":"U8","shape":[400000000],"data_offsets":[0,400000000]}}"#;
        let mut file = (json.len() as u64).to_le_bytes().to_vec();
        file.extend_from_slice(json.as_bytes());
        file.push(0);
        let mut decoder = Decoder::new(Limits::BASE);
        decoder
            .push(&file, &mut |_, _| Ok::<(), WeightsError>(()))
            .unwrap();
        let State::Data { bytes, .. } = &decoder.state else {
            panic!("no data yet");
        };
        assert!(bytes.capacity() as u64 <= UNPROVEN);
    }
}
