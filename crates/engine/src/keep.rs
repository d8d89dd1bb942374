//! What is kept from one run to the next: encoded works and captions, so that training on them again begins sooner.

use std::{future::Future, pin::Pin};

use crate::hash::Hash;

/// Of a thread that runs in a page, and so not `Send`.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A place for small files by names of lower-case letters and digits. It may forget any of them at any time.
pub trait Keep {
    fn get<'a>(&'a self, name: &'a str) -> Later<'a, Option<Vec<u8>>>;

    /// Where it cannot be kept, nothing is.
    fn put<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> Later<'a, ()>;
}

/// A folder on disk.
#[cfg(not(target_arch = "wasm32"))]
pub struct KeepFolder(pub std::path::PathBuf);

#[cfg(not(target_arch = "wasm32"))]
impl Keep for KeepFolder {
    fn get<'a>(&'a self, name: &'a str) -> Later<'a, Option<Vec<u8>>> {
        Box::pin(async move { std::fs::read(self.0.join(name)).ok() })
    }

    fn put<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> Later<'a, ()> {
        Box::pin(async move {
            // What is not whole has another length, and is not taken for what it was to be.
            let _ = std::fs::create_dir_all(&self.0)
                .and_then(|()| std::fs::write(self.0.join(name), bytes));
        })
    }
}

/// The name of what `model` makes of `content`.
pub(crate) fn name(model: &str, what: &str, content: &[u8]) -> String {
    let mut hash = Hash::default();
    hash.push(format!("{model} {what} ").as_bytes());
    hash.push(content);
    hash.finish()
}

/// `length` values by `name`, or as `make` makes them.
pub(crate) async fn kept<E>(
    keep: Option<&dyn Keep>,
    name: &str,
    length: usize,
    make: impl Future<Output = Result<Vec<f32>, E>>,
) -> Result<Vec<f32>, E> {
    let Some(keep) = keep else {
        return make.await;
    };
    if let Some(bytes) = keep.get(name).await
        && let Some(values) = values(&bytes, length)
    {
        return Ok(values);
    }
    let values = make.await?;
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    keep.put(name, &bytes).await;
    Ok(values)
}

/// None for what is cut short or no numbers.
fn values(bytes: &[u8], length: usize) -> Option<Vec<f32>> {
    let (values, rest) = bytes.as_chunks::<4>();
    let values: Vec<f32> = values
        .iter()
        .map(|&bytes| f32::from_le_bytes(bytes))
        .collect();
    let sound = rest.is_empty() && values.len() == length && values.iter().all(|x| x.is_finite());
    sound.then_some(values)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use pollster::block_on;

    use super::*;

    #[test]
    fn what_was_made_is_kept_and_what_is_damaged_is_made_anew() {
        let folder = std::env::temp_dir().join(format!("atelier-keep-{}", std::process::id()));
        let keep = KeepFolder(folder.clone());
        let made = Cell::new(0);
        let ask = |length: usize| {
            let make = async {
                made.set(made.get() + 1);
                Ok::<_, ()>(vec![0.5; length])
            };
            block_on(kept(Some(&keep), "a", length, make))
        };
        for (length, makings) in [(3, 1), (3, 1), (2, 2), (2, 2)] {
            assert_eq!(ask(length), Ok(vec![0.5; length]));
            assert_eq!(made.get(), makings, "one length is not the other");
        }
        std::fs::write(folder.join("a"), [1, 2, 3]).unwrap();
        assert_eq!((ask(2), made.get()), (Ok(vec![0.5; 2]), 3));
        std::fs::write(folder.join("a"), f32::NAN.to_le_bytes().repeat(2)).unwrap();
        assert_eq!((ask(2), made.get()), (Ok(vec![0.5; 2]), 4));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn names_differ_by_all_that_matters() {
        let names = [
            ("m", "w", b"c"),
            ("n", "w", b"c"),
            ("m", "v", b"c"),
            ("m", "w", b"d"),
        ]
        .map(|(model, what, content)| name(model, what, content));
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
    }
}
