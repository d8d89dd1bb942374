use super::{Folder, Rename, Shape, Source, layer};
use crate::WeightsError;

pub(super) const PREFIX: &str = "first_stage_model.";
/// More levels, or layers of one, than any autoencoder has.
const MOST: usize = 16;

/// What the names and shapes of an autoencoder say of its configuration.
#[derive(Clone, Debug)]
pub(crate) struct Structure {
    /// By level, from the finest.
    pub block_out_channels: Vec<usize>,
    pub layers_per_block: usize,
    pub latent_channels: usize,
    /// The residual blocks whose channels change, by LDM's path.
    shortcuts: Vec<String>,
}

/// Parts that training leaves behind: the perceptual loss, a moving average.
pub(super) fn is_unused(name: &str) -> bool {
    name.strip_prefix(PREFIX)
        .is_some_and(|rest| rest.starts_with("loss.") || rest.starts_with("model_ema."))
}

impl Structure {
    pub fn read(source: &Source<'_>) -> Result<Self, WeightsError> {
        let size = |rest: &str, axis| source.size(Folder::Vae, &format!("{PREFIX}{rest}"), axis);
        let levels = source.count(MOST, |i| format!("{PREFIX}encoder.down.{i}."));
        let layers_per_block = source.count(MOST, |i| format!("{PREFIX}encoder.down.0.block.{i}."));
        let block_out_channels = (0..levels)
            .map(|level| size(&format!("encoder.down.{level}.block.0.conv1.weight"), 0))
            .collect::<Result<Vec<_>, _>>()?;
        let mut structure = Self {
            block_out_channels,
            layers_per_block,
            latent_channels: size("post_quant_conv.weight", 0)?,
            shortcuts: Vec::new(),
        };
        for path in structure.resnets() {
            let (from, to) = (
                size(&format!("{path}.norm1.weight"), 0)?,
                size(&format!("{path}.conv1.weight"), 0)?,
            );
            if from != to {
                structure.shortcuts.push(path);
            }
        }
        Ok(structure)
    }

    /// LDM's paths of the residual blocks outside of the middle.
    fn resnets(&self) -> Vec<String> {
        let levels = 0..self.block_out_channels.len();
        levels
            .flat_map(|level| {
                let down = (0..self.layers_per_block)
                    .map(move |index| format!("encoder.down.{level}.block.{index}"));
                let up = (0..=self.layers_per_block)
                    .map(move |index| format!("decoder.up.{level}.block.{index}"));
                down.chain(up)
            })
            .collect()
    }

    /// Every parameter, in LDM's names and diffusers'.
    pub fn names(&self) -> Vec<Rename> {
        let mut names = Vec::new();
        let put = |names: &mut Vec<Rename>, from: &str, to: &str| {
            layer(names, &format!("{PREFIX}{from}"), to);
        };
        put(&mut names, "quant_conv", "quant_conv");
        put(&mut names, "post_quant_conv", "post_quant_conv");
        for half in ["encoder", "decoder"] {
            for (from, to) in [
                ("conv_in", "conv_in"),
                ("norm_out", "conv_norm_out"),
                ("conv_out", "conv_out"),
            ] {
                put(
                    &mut names,
                    &format!("{half}.{from}"),
                    &format!("{half}.{to}"),
                );
            }
            for index in [0, 1] {
                let from = format!("{half}.mid.block_{}", index + 1);
                self.resnet(
                    &mut names,
                    &from,
                    &format!("{half}.mid_block.resnets.{index}"),
                );
            }
            attention(&mut names, half);
        }
        let levels = self.block_out_channels.len();
        for level in 0..levels {
            let up = levels - 1 - level;
            for index in 0..self.layers_per_block {
                let from = format!("encoder.down.{level}.block.{index}");
                let to = format!("encoder.down_blocks.{level}.resnets.{index}");
                self.resnet(&mut names, &from, &to);
            }
            for index in 0..=self.layers_per_block {
                let from = format!("decoder.up.{level}.block.{index}");
                let to = format!("decoder.up_blocks.{up}.resnets.{index}");
                self.resnet(&mut names, &from, &to);
            }
            // All levels but the coarsest go down, all but the finest come up.
            if level + 1 < levels {
                let to = format!("encoder.down_blocks.{level}.downsamplers.0.conv");
                put(
                    &mut names,
                    &format!("encoder.down.{level}.downsample.conv"),
                    &to,
                );
            }
            if level > 0 {
                let to = format!("decoder.up_blocks.{up}.upsamplers.0.conv");
                put(
                    &mut names,
                    &format!("decoder.up.{level}.upsample.conv"),
                    &to,
                );
            }
        }
        names
    }

    fn resnet(&self, names: &mut Vec<Rename>, from: &str, to: &str) {
        for part in ["norm1", "conv1", "norm2", "conv2"] {
            layer(
                names,
                &format!("{PREFIX}{from}.{part}"),
                &format!("{to}.{part}"),
            );
        }
        if self.shortcuts.iter().any(|path| path == from) {
            let to = format!("{to}.conv_shortcut");
            layer(names, &format!("{PREFIX}{from}.nin_shortcut"), &to);
        }
    }
}

/// 1x1 convolutions in LDM, linear layers in diffusers.
fn attention(names: &mut Vec<Rename>, half: &str) {
    let from = format!("{PREFIX}{half}.mid.attn_1");
    let to = format!("{half}.mid_block.attentions.0");
    layer(names, &format!("{from}.norm"), &format!("{to}.group_norm"));
    for (old, new) in [
        ("q", "to_q"),
        ("k", "to_k"),
        ("v", "to_v"),
        ("proj_out", "to_out.0"),
    ] {
        names.push(Rename {
            from: format!("{from}.{old}.weight"),
            to: format!("{to}.{new}.weight"),
            shape: Shape::Linear,
        });
        names.push(Rename::same(
            format!("{from}.{old}.bias"),
            format!("{to}.{new}.bias"),
        ));
    }
}
