//! `atelier`: the page's engine without the page.

mod bench;
mod device;
mod inspect;
mod model;
mod report;
mod sample;
mod train;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Train an adapter on your own works and make pictures with it.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Print one JSON object a line instead of progress bars.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Train an adapter on a folder of works.
    Train(train::Train),
    /// Make a picture.
    Sample(sample::Sample),
    /// Say what an adapter file holds.
    Inspect(inspect::Inspect),
    /// Measure the kernels.
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    let Arguments { command, json } = Arguments::parse();
    let result = match command {
        Command::Train(train) => pollster::block_on(train.run(json)),
        Command::Sample(sample) => pollster::block_on(sample.run(json)),
        Command::Inspect(inspect) => inspect.run(json),
        Command::Bench(bench) => pollster::block_on(bench.run(json)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("atelier: {error:#}");
            ExitCode::FAILURE
        }
    }
}
