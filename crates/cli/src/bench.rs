use anyhow::Result;
use atelier_kernels::{Row, Shapes, bench, fma_peak};
use clap::Args;
use serde_json::json;

use crate::device::DeviceChoice;

/// Times of the operations beside burn's own and beside the adapter's multiply-adds.
#[derive(Args)]
pub struct Bench {
    /// The shapes of Stable Diffusion 1.5 too, which take minutes on a software adapter.
    #[arg(long)]
    stable_diffusion: bool,
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
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
        bench(&device, Shapes::Sketch, tell).await?;
        if self.stable_diffusion {
            bench(&device, Shapes::StableDiffusion, tell).await?;
        }
        Ok(())
    }
}
