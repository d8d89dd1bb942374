use std::path::PathBuf;

use anyhow::Result;
use atelier_engine::{Whole, bench as bench_models};
use atelier_kernels::{Row, Shapes, bench, fma_peak};
use clap::Args;
use serde_json::json;

use crate::{device::DeviceChoice, model};

/// Times of the operations beside burn's own and beside the adapter's multiply-adds.
#[derive(Args)]
pub struct Bench {
    /// The shapes of Stable Diffusion 1.5 too, which take minutes on a software adapter.
    #[arg(long)]
    stable_diffusion: bool,
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
    /// A model whose UNet is measured whole, forward and a training step.
    #[arg(long, value_name = "DIR or FILE", default_value = "www/models/sketch")]
    model: PathBuf,
    /// Side of its pictures in pixels, where it is not to be what the model was made for.
    #[arg(long)]
    size: Option<usize>,
    /// Only the model, no operation by itself.
    #[arg(long)]
    model_only: bool,
}

impl Bench {
    pub async fn run(self, json: bool) -> Result<()> {
        let device = self.device.open()?;
        let peak = fma_peak(&device).await?;
        match json {
            true => println!("{}", json!({ "fma_peak_gflops": peak })),
            false => println!(
                "multiply-adds: {peak:.1} GFLOP/s\n{:<20} {:<34} {:>10} {:>9} {:>7} {:>9}",
                "", "", "ms", "GFLOP/s", "share", "burn/ours"
            ),
        }
        let tell = |row: &Row| {
            let (ms, ratio) = (row.seconds * 1e3, row.stock_seconds / row.seconds);
            if json {
                let row = json!({
                    "operation": row.operation,
                    "shape": row.shape,
                    "gflop": row.gflop,
                    "seconds": row.seconds,
                    "stock_seconds": row.stock_seconds,
                    "share_of_peak": row.gflops() / peak,
                });
                return println!("{row}");
            }
            // Where memory is what counts there is no arithmetic to speak of.
            let rate = match row.gflop {
                0.0 => format!("{:>9} {:>7}", "", ""),
                _ => format!(
                    "{:>9.2} {:>6.0}%",
                    row.gflops(),
                    100.0 * row.gflops() / peak
                ),
            };
            println!(
                "{:<20} {:<34} {ms:>10.3} {rate} {ratio:>9.1}",
                row.operation, row.shape
            );
        };
        if !self.model_only {
            bench(&device, Shapes::Sketch, tell).await?;
        }
        if self.stable_diffusion {
            bench(&device, Shapes::StableDiffusion, tell).await?;
        }
        let pipeline = model::load(&self.model, self.size, &device, |_, _| {}).await?;
        let wholes = bench_models(&pipeline, &device).await?;
        wholes
            .iter()
            .for_each(|whole| tell_whole(whole, json, peak));
        let [forward, step, _] = wholes.map(|whole| whole.seconds.unwrap_or(whole.eager_seconds));
        match json {
            true => println!("{}", json!({ "step_to_forward": step / forward })),
            false => println!("a step takes {:.2} forward passes", step / forward),
        }
        Ok(())
    }
}

fn tell_whole(whole: &Whole, json: bool, peak: f64) {
    let seconds = whole.seconds.unwrap_or(whole.eager_seconds);
    if json {
        let row = json!({
            "operation": whole.operation,
            "gflop": whole.gflop,
            "seconds": whole.seconds,
            "eager_seconds": whole.eager_seconds,
            "launches": whole.launches,
            "peak_bytes": whole.peak_bytes,
            "foretold_bytes": whole.foretold_bytes,
        });
        return println!("{row}");
    }
    let foretold = whole
        .foretold_bytes
        .map(|bytes| format!(" ({:.1} foretold)", bytes as f64 / 1e6))
        .unwrap_or_default();
    println!(
        "{:<20} {:<34} {:>10.3} {:>9.2} {:>6.0}%   eager {:.3} ms, {} launches, {:.1} MB at most{foretold}",
        whole.operation,
        "",
        seconds * 1e3,
        whole.gflop / seconds,
        100.0 * whole.gflop / seconds / peak,
        whole.eager_seconds * 1e3,
        whole.launches,
        whole.peak_bytes as f64 / 1e6,
    );
}
