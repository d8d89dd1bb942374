//! Every test of the project, in the order of what they cost.

mod tally;

use std::{fs, panic::resume_unwind, path::PathBuf, process::ExitCode, thread, time::Instant};

use tally::Tally;

use crate::{
    error::{Error, Result},
    page::{self, Build},
    project::Project,
    serve, setup,
};

/// A sub-path, because that is where a project page lives.
const SUB_PATH: &str = "/some/where/";
const PORT: u16 = 8180;
/// Browser tests that hold the engine to a time, and so have the machine to themselves. The others wait more
/// than they calculate, and run two at once.
const TIMED: [&str; 2] = ["keeping.test.mjs", "whole_way.test.mjs"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Format,
    Lint,
    Native,
    Browser,
}

impl Part {
    const ALL: [Part; 4] = [Part::Format, Part::Lint, Part::Native, Part::Browser];

    fn name(self) -> &'static str {
        match self {
            Part::Format => "format",
            Part::Lint => "lint",
            Part::Native => "native",
            Part::Browser => "browser",
        }
    }

    /// Whether it takes more than the toolchain: a Vulkan driver, a browser.
    fn runs_code(self) -> bool {
        matches!(self, Part::Native | Part::Browser)
    }
}

pub struct Options {
    parts: Vec<Part>,
    /// Tests with any of these words in their names; all where there are none.
    words: Vec<String>,
    build: Build,
}

impl Options {
    pub fn parse(arguments: &[&str]) -> Result<Self> {
        let mut options = Self {
            parts: Vec::new(),
            words: Vec::new(),
            build: Build::Local,
        };
        for argument in arguments {
            let part = Part::ALL.into_iter().find(|part| part.name() == *argument);
            match (part, *argument) {
                (Some(part), _) => options.parts.push(part),
                (None, "--published") => options.build = Build::Published,
                (None, other) if other.starts_with('-') => {
                    return Err(Error::Usage(format!(
                        "test takes --published, parts and words, not `{other}`."
                    )));
                }
                (None, word) => options.words.push(word.to_owned()),
            }
        }
        if options.parts.is_empty() {
            options.parts = match options.words.is_empty() {
                true => Part::ALL.to_vec(),
                false => vec![Part::Native, Part::Browser],
            };
        }
        Ok(options)
    }
}

/// Runs them all, whatever fails, and ends with what each part took and a line that counts.
pub fn run(project: &Project, options: &Options) -> Result<ExitCode> {
    let start = Instant::now();
    if options.parts.iter().any(|part| part.runs_code()) {
        setup::for_tests(project)?;
    }
    let mut total = Tally::default();
    let mut took = vec![("setup", start.elapsed())];
    thread::scope(|scope| {
        // Beside what comes before the browser: where compilers wait for one another, the page's go on.
        let builds = options.parts.contains(&Part::Browser);
        let mut page = builds.then(|| scope.spawn(|| page::build(project, options.build, None)));
        for part in Part::ALL {
            if !options.parts.contains(&part) {
                continue;
            }
            println!("\n== {}", part.name());
            let start = Instant::now();
            let outcome = match part {
                Part::Format => format(project),
                Part::Lint => lint(project),
                Part::Native => native(project, &options.words),
                Part::Browser => page.take().map_or(Ok(Tally::default()), |page| {
                    let page = page.join().unwrap_or_else(|panic| resume_unwind(panic));
                    browser(project, options, page?)
                }),
            };
            total += outcome.unwrap_or_else(|error| {
                eprintln!("\nxtask: {error}");
                Tally::one(false)
            });
            took.push((part.name(), start.elapsed()));
        }
    });
    println!();
    for (what, time) in took {
        println!("{:6.1} min  {what}", time.as_secs_f32() / 60.0);
    }
    println!("\n{total}");
    Ok(match total.good() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn format(project: &Project) -> Result<Tally> {
    let passed = project
        .run("cargo")
        .args(["fmt", "--all", "--check"])
        .watch(|_| ())?;
    if !passed {
        println!("`cargo fmt --all` puts it right.");
    }
    Ok(Tally::one(passed))
}

/// The workspace in two selections: the engine's crates, which are cargo's default here, and those that
/// know no burn. Together they would ask for more features of burn's own dependencies than the engine
/// alone does, and all of burn would be built once more.
const SELECTIONS: [&[&str]; 2] = [&[], &["--package", "atelier-studio", "--package", "xtask"]];

/// With the release profile, so that build scripts and macros are shared with what follows.
fn lint(project: &Project) -> Result<Tally> {
    let mut tally = Tally::default();
    for selection in SELECTIONS {
        let passed = project
            .run("cargo")
            .args(["clippy", "--release", "--all-targets"])
            .args(selection)
            .args(["--", "-D", "warnings"])
            .watch(|_| ())?;
        tally += Tally::one(passed);
    }
    Ok(tally)
}

fn native(project: &Project, words: &[String]) -> Result<Tally> {
    let mut all = Tally::default();
    for selection in SELECTIONS {
        let mut tally = Tally::default();
        let succeeded = project
            .run("cargo")
            .args(["test", "--release", "--no-fail-fast"])
            .args(selection)
            .arg("--")
            .args(words)
            .watch(|line| tally.read_cargo(line))?;
        all += tally.held_to(succeeded);
    }
    Ok(all)
}

fn browser(project: &Project, options: &Options, page: PathBuf) -> Result<Tally> {
    let browser = setup::browser(project).ok_or_else(|| Error::Missing {
        what: "A browser".into(),
        remedy: "Run `cargo xtask setup`, or name one with CHROMIUM=/path/to/it.".into(),
    })?;
    let address = serve::start(page, SUB_PATH, PORT)?;
    let folder = project.end_to_end();
    let mut files: Vec<_> = fs::read_dir(&folder)
        .map_err(|source| Error::file(&folder, source))?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".test.mjs"))
        .collect();
    files.sort();
    let (timed, untimed) = files
        .into_iter()
        .partition::<Vec<_>, _>(|name| TIMED.contains(&name.as_str()));
    let mut all = Tally::default();
    for (files, at_once) in [(timed, 1), (untimed, 2)] {
        let mut tally = Tally::default();
        let succeeded = project
            .run("node")
            .args(["--test", "--test-reporter=spec"])
            .arg(format!("--test-concurrency={at_once}"))
            .args(
                options
                    .words
                    .iter()
                    .map(|word| format!("--test-name-pattern={word}")),
            )
            .args(files)
            .folder(&folder)
            .env("ATELIER", &address)
            .env("CHROMIUM", &browser)
            .watch(|line| tally.read_node(line))?;
        all += tally.held_to(succeeded);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_words_and_flags_are_told_apart() {
        assert_eq!(Options::parse(&[]).unwrap().parts, Part::ALL);
        let some = Options::parse(&["native", "lora"]).unwrap();
        assert_eq!(
            (some.parts, some.words),
            (vec![Part::Native], vec!["lora".into()])
        );
        let words = Options::parse(&["lora", "--published"]).unwrap();
        assert_eq!(words.parts, [Part::Native, Part::Browser]);
        assert_eq!(words.build, Build::Published);
        assert!(Options::parse(&["--pubished"]).is_err());
    }
}
