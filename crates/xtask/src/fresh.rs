//! Whether something built is newer than what it is built from. Cargo knows that of its crates;
//! Trunk does not, and binds, optimises and copies everything again at each call.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use crate::error::{Error, Result};

/// What some files were like: their paths, sizes and times of change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inputs(String);

impl Inputs {
    /// Looks at `paths` (files, or folders with all that is in them) under `root`. Those that do
    /// not exist count as such. `also` is anything else the outcome depends on.
    pub fn look(root: &Path, paths: &[&str], also: &str) -> Result<Self> {
        let mut files = Vec::new();
        for path in paths {
            collect(&root.join(path), &mut files)?;
        }
        files.sort();
        let mut hasher = DefaultHasher::new();
        also.hash(&mut hasher);
        for file in files {
            let about = fs::metadata(&file).map_err(|source| Error::file(&file, source))?;
            let changed = about.modified().ok();
            let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            (file.strip_prefix(root).ok(), about.len(), changed).hash(&mut hasher);
        }
        Ok(Self(format!("{:016x}", hasher.finish())))
    }

    /// Whether `stamp` was written for these very inputs.
    pub fn are_those_of(&self, stamp: &Path) -> bool {
        fs::read_to_string(stamp).is_ok_and(|have| have == self.0)
    }

    pub fn write(&self, stamp: &Path) -> Result<()> {
        fs::write(stamp, &self.0).map_err(|source| Error::file(stamp, source))
    }
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
    } else if path.is_dir() {
        let failed = |source| Error::file(path, source);
        for entry in fs::read_dir(path).map_err(failed)? {
            collect(&entry.map_err(failed)?.path(), files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_added_or_removed_file_shows() {
        let root = std::env::temp_dir().join(format!("xtask-fresh-{}", std::process::id()));
        fs::create_dir_all(root.join("src")).unwrap();
        fs::write(root.join("src/a"), "1").unwrap();
        let look = || Inputs::look(&root, &["src", "not-there"], "profile").unwrap();
        let before = look();
        assert_eq!(before, look());
        fs::write(root.join("src/b"), "").unwrap();
        let added = look();
        assert_ne!(before, added);
        fs::write(root.join("src/a"), "12").unwrap();
        assert_ne!(added, look());
        let stamp = root.join("stamp");
        look().write(&stamp).unwrap();
        assert!(look().are_those_of(&stamp));
        fs::remove_file(root.join("src/b")).unwrap();
        assert!(!look().are_those_of(&stamp));
        fs::remove_dir_all(root).unwrap();
    }
}
