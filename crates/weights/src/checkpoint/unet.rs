use super::{Folder, Rename, Source, layer, wrong_shape};
use crate::WeightsError;

pub(super) const PREFIX: &str = "model.diffusion_model.";
/// More input blocks than any UNet has (Stable Diffusion's has 12).
const MOST: usize = 64;

/// What the names and shapes of a UNet say of its configuration.
#[derive(Clone, Debug)]
pub(crate) struct Structure {
    pub in_channels: usize,
    pub out_channels: usize,
    /// By level, from the finest.
    pub block_out_channels: Vec<usize>,
    /// By level: how many transformer blocks each of its layers has; 0 without attention.
    pub depths: Vec<usize>,
    pub mid_depth: usize,
    pub layers_per_block: usize,
    pub cross_attention_dim: usize,
    pub use_linear_projection: bool,
    /// The residual blocks whose channels change, by LDM's path.
    shortcuts: Vec<String>,
}

impl Structure {
    pub fn read(source: &Source<'_>) -> Result<Self, WeightsError> {
        let name = |rest: String| format!("{PREFIX}{rest}");
        let size = |rest: &str, axis| source.size(Folder::Unet, &format!("{PREFIX}{rest}"), axis);
        let blocks = source.count(MOST, |i| name(format!("input_blocks.{i}.")));
        let is_downsampler = |i: usize| source.has(&name(format!("input_blocks.{i}.0.op.weight")));
        let levels = 1 + (1..blocks).filter(|&i| is_downsampler(i)).count();
        // One block for conv_in, then each level's layers, a downsampler between levels.
        let layers = blocks.saturating_sub(levels);
        let layers_per_block = layers / levels;
        let regular = (1..levels).all(|level| is_downsampler(level * (layers_per_block + 1)));
        if layers_per_block == 0 || layers % levels != 0 || !regular {
            let first = "input_blocks.0.0.weight";
            let info = source.tensor(&name(first.to_owned()));
            return Err(info.map_or_else(|| super::missing(Folder::Unet, first, 0), wrong_shape));
        }
        let depth =
            |path: &str| source.count(MOST, |d| name(format!("{path}.1.transformer_blocks.{d}.")));
        let first_of = |level: usize| 1 + level * (layers_per_block + 1);
        let block_out_channels = (0..levels)
            .map(|level| {
                size(
                    &format!("input_blocks.{}.0.in_layers.2.weight", first_of(level)),
                    0,
                )
            })
            .collect::<Result<Vec<_>, _>>()?;
        let depths: Vec<usize> = (0..levels)
            .map(|level| depth(&format!("input_blocks.{}", first_of(level))))
            .collect();
        let mid_depth = depth("middle_block");
        let attention = "middle_block.1";
        let cross = format!("{attention}.transformer_blocks.0.attn2.to_k.weight");
        let projection = name(format!("{attention}.proj_in.weight"));
        let outputs = levels * (layers_per_block + 1);
        let mut shortcuts = Vec::new();
        for path in (1..blocks)
            .filter(|&i| !is_downsampler(i))
            .map(|i| format!("input_blocks.{i}.0"))
            .chain((0..outputs).map(|i| format!("output_blocks.{i}.0")))
        {
            let from = size(&format!("{path}.in_layers.0.weight"), 0)?;
            if from != size(&format!("{path}.in_layers.2.weight"), 0)? {
                shortcuts.push(path);
            }
        }
        Ok(Self {
            in_channels: size("input_blocks.0.0.weight", 1)?,
            out_channels: size("out.2.weight", 0)?,
            block_out_channels,
            depths,
            mid_depth,
            layers_per_block,
            cross_attention_dim: size(&cross, 1)?,
            use_linear_projection: source
                .tensor(&projection)
                .is_some_and(|info| info.shape.len() == 2),
            shortcuts,
        })
    }

    /// That of Stable Diffusion 1.x; 2.x differs in widths alone.
    pub fn published() -> Self {
        let changing = ["input_blocks.4.0", "input_blocks.7.0"].map(str::to_owned);
        Self {
            in_channels: 4,
            out_channels: 4,
            block_out_channels: vec![320, 640, 1280, 1280],
            depths: vec![1, 1, 1, 0],
            mid_depth: 1,
            layers_per_block: 2,
            cross_attention_dim: 768,
            use_linear_projection: false,
            // All on the way up take another level's skips in.
            shortcuts: (changing.into_iter())
                .chain((0..12).map(|i| format!("output_blocks.{i}.0")))
                .collect(),
        }
    }

    /// Every parameter, in LDM's names and diffusers'.
    pub fn names(&self) -> Vec<Rename> {
        let mut names = Vec::new();
        let put = |names: &mut Vec<Rename>, from: &str, to: &str| {
            layer(names, &format!("{PREFIX}{from}"), to);
        };
        for (from, to) in [
            ("time_embed.0", "time_embedding.linear_1"),
            ("time_embed.2", "time_embedding.linear_2"),
            ("input_blocks.0.0", "conv_in"),
            ("out.0", "conv_norm_out"),
            ("out.2", "conv_out"),
        ] {
            put(&mut names, from, to);
        }
        let levels = self.block_out_channels.len();
        let step = self.layers_per_block + 1;
        for level in 0..levels {
            for index in 0..self.layers_per_block {
                let from = format!("input_blocks.{}", 1 + level * step + index);
                self.one(
                    &mut names,
                    &from,
                    &format!("down_blocks.{level}"),
                    index,
                    self.depths[level],
                );
            }
            if level + 1 < levels {
                let from = format!("input_blocks.{}.0.op", (level + 1) * step);
                put(
                    &mut names,
                    &from,
                    &format!("down_blocks.{level}.downsamplers.0.conv"),
                );
            }
        }
        self.resnet(&mut names, "middle_block.0", "mid_block.resnets.0");
        transformer(
            &mut names,
            "middle_block.1",
            "mid_block.attentions.0",
            self.mid_depth,
        );
        self.resnet(&mut names, "middle_block.2", "mid_block.resnets.1");
        for block in 0..levels {
            let depth = self.depths[levels - 1 - block];
            for index in 0..step {
                let from = format!("output_blocks.{}", block * step + index);
                self.one(
                    &mut names,
                    &from,
                    &format!("up_blocks.{block}"),
                    index,
                    depth,
                );
            }
            if block + 1 < levels {
                let at = if depth > 0 { 2 } else { 1 };
                let from = format!("output_blocks.{}.{at}.conv", block * step + step - 1);
                put(
                    &mut names,
                    &from,
                    &format!("up_blocks.{block}.upsamplers.0.conv"),
                );
            }
        }
        names
    }

    /// A residual block, and its transformer if it has one.
    fn one(&self, names: &mut Vec<Rename>, from: &str, to: &str, index: usize, depth: usize) {
        self.resnet(
            names,
            &format!("{from}.0"),
            &format!("{to}.resnets.{index}"),
        );
        if depth > 0 {
            transformer(
                names,
                &format!("{from}.1"),
                &format!("{to}.attentions.{index}"),
                depth,
            );
        }
    }

    fn resnet(&self, names: &mut Vec<Rename>, from: &str, to: &str) {
        for (old, new) in [
            ("in_layers.0", "norm1"),
            ("in_layers.2", "conv1"),
            ("emb_layers.1", "time_emb_proj"),
            ("out_layers.0", "norm2"),
            ("out_layers.3", "conv2"),
        ] {
            layer(
                names,
                &format!("{PREFIX}{from}.{old}"),
                &format!("{to}.{new}"),
            );
        }
        if self.shortcuts.iter().any(|path| path == from) {
            layer(
                names,
                &format!("{PREFIX}{from}.skip_connection"),
                &format!("{to}.conv_shortcut"),
            );
        }
    }

    /// The tensor whose values tell noise prediction from v: see
    /// [`Checkpoint::decide_prediction`](super::Checkpoint::decide_prediction).
    pub fn telltale(&self) -> String {
        let last = self.block_out_channels.len() * (self.layers_per_block + 1) - 1;
        format!("{PREFIX}output_blocks.{last}.1.transformer_blocks.0.norm1.bias")
    }
}

/// Both layouts call a transformer's parts the same.
fn transformer(names: &mut Vec<Rename>, from: &str, to: &str, depth: usize) {
    let from = format!("{PREFIX}{from}");
    for part in ["norm", "proj_in", "proj_out"] {
        layer(names, &format!("{from}.{part}"), &format!("{to}.{part}"));
    }
    for block in 0..depth {
        let path = |rest: &str| {
            let rest = format!("transformer_blocks.{block}.{rest}");
            (format!("{from}.{rest}"), format!("{to}.{rest}"))
        };
        for part in [
            "norm1",
            "norm2",
            "norm3",
            "attn1.to_out.0",
            "attn2.to_out.0",
            "ff.net.0.proj",
            "ff.net.2",
        ] {
            let (from, to) = path(part);
            layer(names, &from, &to);
        }
        for attention in ["attn1", "attn2"] {
            for projection in ["to_q", "to_k", "to_v"] {
                let (from, to) = path(&format!("{attention}.{projection}.weight"));
                names.push(Rename::same(from, to));
            }
        }
    }
}
