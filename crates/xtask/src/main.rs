//! `cargo xtask`: the one way to set up, serve, build and test Atelier.
//!
//! [`setup`] brings in the tools, [`page`] builds the web page with them and [`shrink`] makes it
//! smaller and [`finish`] complete, [`serve`] is a static file server, [`test`] runs every test, [`sizes`]
//! weighs what was built, [`bench`] measures how fast it is, [`stylebench`] what adapters learn. [`command`] runs
//! programs and [`error`] says what went wrong and what to do.

mod bench;
mod command;
mod error;
mod finish;
mod fresh;
mod page;
mod project;
mod serve;
mod setup;
mod shrink;
mod sizes;
mod stylebench;
mod test;

use std::process::ExitCode;

use error::{Error, Result};
use page::Build;
use project::Project;

const HELP: &str = "\
cargo xtask COMMAND

  setup            install what is missing: the wasm target, Trunk, wasm-bindgen, wasm-opt, and for
                   the tests Chromium, a software Vulkan driver and Playwright
  serve            set up, build the page and serve it at http://127.0.0.1:8080/ (or the next free port)
    --port N         start looking for a free port at N
    --at /PATH/      serve it from a sub-path, as a project page is
  build            set up and build the page to publish into dist/, for any static host and any sub-path
    --address URL    where it will be, for the picture that others show with a link to it
  test [WORD...]   set up and run every test: format, lint, native, browser
    format lint native browser
                     run only these parts
    any other word   run only the native and browser tests with it in their name
    --published      browser tests take the published page in dist/ (built when out of date)
  bench            time the kernels beside burn's own and the adapter's peak, natively
    --stable-diffusion, --device cpu, --json
                     as `atelier bench --help` has them
    --browser        in the browser instead, beside ONNX Runtime Web, jax-js and TensorFlow.js
      --operations     with the kernels too, as natively
      --gpu            on the GPU that Chromium finds, not on its software adapter
      --only NAME,...  of atelier, ort, jax, tfjs
      --side N         of the larger block (reference.json has 16 and 64), --rounds N, --json
  stylebench --work FOLDER
                   train adapters on held-out hands, make pictures with them and measure both; needs the
                   Python of pretrain/README.md, and FOLDER is the recipe's. `--help` lists the rest
  help             this text";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("\nxtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<ExitCode> {
    let project = Project::find()?;
    let done = ExitCode::SUCCESS;
    match words {
        [] | ["help" | "--help" | "-h", ..] => println!("{HELP}"),
        ["setup"] => {
            setup::for_page(&project, Build::Published)?;
            setup::for_tests(&project)?;
        }
        ["bench", options @ ..] => bench::run(&project, options)?,
        ["serve", options @ ..] => serve::run(&project, &serve::Options::parse(options)?)?,
        ["build", options @ ..] => {
            let address = match options {
                [] => None,
                ["--address", address] if address.starts_with("https://") => Some(*address),
                _ => {
                    return Err(Error::Usage(
                        "build takes --address https://WHERE/IT/WILL/BE/ and nothing else.".into(),
                    ));
                }
            };
            let dist = page::build(&project, Build::Published, address)?;
            sizes::report(&project, &dist)?;
        }
        ["stylebench", options @ ..] => stylebench::run(&project, options)?,
        ["test", options @ ..] => return test::run(&project, &test::Options::parse(options)?),
        [other, ..] => {
            return Err(Error::Usage(format!(
                "`{}` is not a command of xtask, or takes no such arguments; `cargo xtask help` lists them.",
                if words.len() == 1 {
                    other.to_string()
                } else {
                    words.join(" ")
                }
            )));
        }
    }
    Ok(done)
}
