use std::{
    io::{ErrorKind, Write},
    path::PathBuf,
};

use anyhow::{Context, Result};
use atelier_weights::{File, Header, Limits, check_loaders};
use clap::Args;
use serde_json::json;

#[derive(Args)]
pub struct Inspect {
    /// A .safetensors file: an adapter.
    file: PathBuf,
}

impl Inspect {
    pub fn run(self, json: bool) -> Result<()> {
        let bytes = std::fs::read(&self.file)
            .with_context(|| format!("{} could not be read", self.file.display()))?;
        let file = File::parse(&bytes, Limits::ADAPTER)?;
        let tools = check_loaders(&Header::parse(&bytes, Limits::ADAPTER)?);
        let said = match json {
            true => {
                let tensors: serde_json::Map<_, _> = file
                    .tensors()
                    .map(|(info, _)| {
                        let value =
                            json!({"dtype": format!("{:?}", info.dtype), "shape": info.shape});
                        (info.name.clone(), value)
                    })
                    .collect();
                let tools: serde_json::Map<_, _> = tools
                    .iter()
                    .map(|(tool, verdict)| (tool.name().to_owned(), json!(verdict.problem())))
                    .collect();
                json!({"tensors": tensors, "metadata": file.metadata(), "tools": tools}).to_string()
            }
            false => {
                let tensors = file
                    .tensors()
                    .map(|(info, _)| format!("{:?} {:?}  {}", info.dtype, info.shape, info.name));
                let metadata = file.metadata().iter();
                let metadata = metadata.map(|(key, value)| format!("{key}: {value}"));
                let tools = tools.iter().map(|(tool, verdict)| {
                    let problem = verdict.problem().unwrap_or("loads it");
                    format!("{}: {problem}", tool.name())
                });
                let lines: Vec<String> = tensors.chain(metadata).chain(tools).collect();
                lines.join("\n")
            }
        };
        match writeln!(std::io::stdout(), "{said}") {
            // Whoever reads has seen enough, as in `atelier inspect FILE | head`.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written?),
        }
    }
}
