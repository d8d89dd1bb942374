use std::path::Path;

use anyhow::Result;
use atelier_engine::{Folder, Pipeline, clip_merges};
use burn::tensor::Device;

/// Loads a model from a diffusers folder or a single-file checkpoint, for pictures of `size` pixels (none: what the model
/// was made for). `progress` is called with bytes read, and of how many.
pub async fn load(
    path: &Path,
    size: Option<usize>,
    device: &Device,
    progress: impl FnMut(u64, u64),
) -> Result<Pipeline> {
    let mut pipeline = open(path, device, progress).await?;
    if let Some(size) = size {
        pipeline.set_resolution(size)?;
    }
    Ok(pipeline)
}

async fn open(path: &Path, device: &Device, progress: impl FnMut(u64, u64)) -> Result<Pipeline> {
    let (Some(folder), Some(name), true) = (path.parent(), path.file_name(), path.is_file()) else {
        return Ok(Pipeline::load(&Folder(path.to_owned()), device, progress).await?);
    };
    let merges = clip_merges(include_bytes!("../../../www/models/clip/merges.txt.gz"))?;
    let source = Folder(folder.to_owned());
    let name = name.to_string_lossy();
    Ok(Pipeline::load_checkpoint(&source, &name, &merges, device, progress).await?)
}
