use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use crate::{
    command::Run,
    error::{Error, Result},
};

/// Where things are: the repository, cargo's target folder and our own tools.
pub struct Project {
    pub root: PathBuf,
    /// Cargo's target folder, shared by everything that is built here.
    pub target: PathBuf,
    /// Tools that `setup` installed; nothing outside the repository is changed but by rustup and apt.
    pub tools: PathBuf,
    /// PATH with our tools in front.
    pub path: OsString,
}

impl Project {
    pub fn find() -> Result<Self> {
        let manifest =
            env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&manifest)
            .ancestors()
            .nth(2)
            .ok_or_else(|| Error::Other("xtask is not in crates/xtask of the repository.".into()))?
            .to_owned();
        let target = env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |target| root.join(target));
        let tools = root.join(".tools");
        let inherited = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths(
            [tools.join("bin"), tools.join("node_modules/.bin")]
                .into_iter()
                .chain(env::split_paths(&inherited)),
        )
        .map_err(|error| Error::Other(format!("PATH cannot be used: {error}.")))?;
        Ok(Self {
            root,
            target,
            tools,
            path,
        })
    }

    /// The tests in a browser.
    pub fn end_to_end(&self) -> PathBuf {
        self.root.join("tests/e2e")
    }

    /// The bench in a browser.
    pub fn bench(&self) -> PathBuf {
        self.root.join("tests/bench")
    }

    /// A program to run in the repository's root, with our tools in front on PATH.
    pub fn run(&self, program: impl Into<OsString>) -> Run {
        Run::new(program.into(), &self.root, &self.path)
    }

    /// First place on PATH (our tools first) that has `program`.
    pub fn which(&self, program: &str) -> Option<PathBuf> {
        env::split_paths(&self.path)
            .map(|folder| folder.join(program))
            .find(|file| file.is_file())
    }
}
