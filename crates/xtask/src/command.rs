use std::{
    ffi::{OsStr, OsString},
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, ExitStatus, Stdio},
};

use crate::error::{Error, Result};

/// A program about to be run; printed before it runs, and an error when it fails.
pub struct Run {
    command: Command,
    quiet: bool,
}

impl Run {
    pub fn new(program: OsString, folder: &Path, path: &OsStr) -> Self {
        let mut command = Command::new(program);
        command.current_dir(folder).env("PATH", path);
        Self {
            command,
            quiet: false,
        }
    }

    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Does not print it, for the sake of what it prints itself.
    pub fn quietly(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Runs it, its output on ours; an error unless it succeeds.
    pub fn go(mut self) -> Result<()> {
        self.announce();
        let status = self
            .command
            .stdin(Stdio::null())
            .status()
            .map_err(|source| self.not_started(source))?;
        self.check(status)
    }

    /// Runs it as [`Run::go`] does, and hands every line it prints to `look`. Whether it succeeded.
    pub fn watch(mut self, mut look: impl FnMut(&str)) -> Result<bool> {
        self.announce();
        let mut child = self
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| self.not_started(source))?;
        if let Some(output) = child.stdout.take() {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            // Bytes, not text: a test may print what is not UTF-8.
            while output.read_until(b'\n', &mut line).unwrap_or(0) > 0 {
                let mut ours = std::io::stdout().lock();
                let _ = ours.write_all(&line).and_then(|()| ours.flush());
                look(String::from_utf8_lossy(&line).trim_end());
                line.clear();
            }
        }
        let status = child.wait().map_err(|source| self.not_started(source))?;
        Ok(status.success())
    }

    /// Runs it quietly and hands out what it printed, or nothing when it fails.
    pub fn ask(mut self) -> Option<String> {
        let output = self
            .command
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn announce(&self) {
        if !self.quiet {
            println!("$ {}", self.line());
        }
    }

    /// The command as one would type it.
    fn line(&self) -> String {
        std::iter::once(self.command.get_program())
            .chain(self.command.get_args())
            .map(OsStr::to_string_lossy)
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn not_started(&self, source: std::io::Error) -> Error {
        Error::NotStarted {
            program: self.command.get_program().to_string_lossy().into_owned(),
            source,
        }
    }

    fn check(&self, status: ExitStatus) -> Result<()> {
        if status.success() {
            return Ok(());
        }
        Err(Error::Failed {
            command: self.line(),
            code: status.code(),
        })
    }
}
