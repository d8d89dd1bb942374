use std::path::PathBuf;

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
        if json {
            let tensors: serde_json::Map<_, _> = file
                .tensors()
                .map(|(info, _)| {
                    let value = json!({"dtype": format!("{:?}", info.dtype), "shape": info.shape});
                    (info.name.clone(), value)
                })
                .collect();
            let tools: serde_json::Map<_, _> = tools
                .iter()
                .map(|(tool, verdict)| (tool.name().to_owned(), json!(verdict.problem())))
                .collect();
            println!(
                "{}",
                json!({"tensors": tensors, "metadata": file.metadata(), "tools": tools})
            );
            return Ok(());
        }
        for (info, _) in file.tensors() {
            println!("{:?} {:?}  {}", info.dtype, info.shape, info.name);
        }
        for (key, value) in file.metadata() {
            println!("{key}: {value}");
        }
        for (tool, verdict) in tools {
            println!(
                "{}: {}",
                tool.name(),
                verdict.problem().unwrap_or("loads it")
            );
        }
        Ok(())
    }
}
