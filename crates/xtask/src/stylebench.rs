//! How well adapters learn a hand: builds `atelier` and hands over to `pretrain/stylebench`.

use crate::{
    error::{Error, Result},
    project::Project,
};

/// Runs the benchmark with `options`, which are its own but for `--atelier`, a program to use
/// instead of building one.
pub fn run(project: &Project, options: &[&str]) -> Result<()> {
    let python = project.root.join("pretrain/.venv/bin/python");
    if !python.is_file() {
        return Err(Error::Missing {
            what: "The recipe's Python".into(),
            remedy: "Make it with `python3 -m venv pretrain/.venv` and `pretrain/.venv/bin/pip \
                     install -r pretrain/requirements.txt`."
                .into(),
        });
    }
    let mut bench = project
        .run(python)
        .args(["-m", "pretrain.stylebench"])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .quietly();
    let only_help = options
        .iter()
        .any(|option| matches!(*option, "--help" | "-h"));
    if !only_help && !options.contains(&"--atelier") {
        project
            .run("cargo")
            .args(["build", "--quiet", "--release", "--package", "atelier-cli"])
            .quietly()
            .go()?;
        bench = bench
            .arg("--atelier")
            .arg(project.target.join("release/atelier"));
    }
    bench.args(options).go()
}
