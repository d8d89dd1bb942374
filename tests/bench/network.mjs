// diffusers' UNet2DConditionModel, as far as Sketch's config goes, and one block of it, written once for the
// libraries that have no such model: `ops` are theirs, `w` gives a weight of theirs by its name.
//
// Pictures and tokens are whatever `ops` makes of them. Ops take what they are given without using it up.

const LAYER_EPS = 1e-5;

/** sample, timesteps and text to the prediction, as `ops` has them. */
export function unet(ops, config, w, { sample, timesteps, text }) {
  check(config);
  const { block_out_channels: channels, layers_per_block: layers, norm_num_groups: groups, norm_eps: eps } = config;
  const norm = { groups, eps };
  const half = channels[0] / 2;
  const frequencies = Array.from({ length: half }, (_, i) => Math.exp((-Math.log(10000) * i) / (half - config.freq_shift)));
  const wave = ops.waves(timesteps, frequencies);
  const embedded = ops.silu(ops.linear(wave, layer(w, 'time_embedding.linear_1')));
  const time = ops.silu(ops.linear(embedded, layer(w, 'time_embedding.linear_2')));
  const heads = (level) => [config.attention_head_dim].flat().at(level);

  const part = (x, path, i, level, attends) => {
    const y = resnet(ops, w, `${path}.resnets.${i}.`, x, time, norm);
    return attends ? transformer2d(ops, w, `${path}.attentions.${i}.`, y, text, heads(level), groups) : y;
  };
  let x = ops.conv(sample, layer(w, 'conv_in'), 1);
  const skips = [x];
  config.down_block_types.forEach((kind, level) => {
    const path = `down_blocks.${level}`;
    for (let i = 0; i < layers; i++) skips.push((x = part(x, path, i, level, kind.startsWith('CrossAttn'))));
    if (level + 1 < channels.length) skips.push((x = ops.conv(x, layer(w, `${path}.downsamplers.0.conv`), 2)));
  });
  const last = channels.length - 1;
  x = part(x, 'mid_block', 0, last, true);
  x = resnet(ops, w, 'mid_block.resnets.1.', x, time, norm);
  config.up_block_types.forEach((kind, n) => {
    const path = `up_blocks.${n}`;
    for (let i = 0; i <= layers; i++) {
      x = part(ops.concat(x, skips.pop()), path, i, last - n, kind.startsWith('CrossAttn'));
    }
    if (n < last) x = ops.conv(ops.upsample(x), layer(w, `${path}.upsamplers.0.conv`), 1);
  });
  return ops.conv(ops.groupNorm(x, layer(w, 'conv_norm_out'), groups, eps, true), layer(w, 'conv_out'), 1);
}

/** The mean squared error of a transformer block and a residual block after it. `branches` are LoRA factors. */
export function blockLoss(ops, w, branches, { shape, x, text, time, target }) {
  const hidden = transformer(ops, w, 'transformer.', x, text, shape.heads, branches);
  const picture = ops.picture(hidden, shape.side);
  const norm = { groups: shape.groups, eps: 1e-5 };
  return ops.meanSquaredError(resnet(ops, w, 'resnet.', picture, ops.silu(time), norm), target);
}

function resnet(ops, w, path, x, time, { groups, eps }) {
  let y = ops.conv(ops.groupNorm(x, layer(w, `${path}norm1`), groups, eps, true), layer(w, `${path}conv1`), 1);
  y = ops.addToEach(y, ops.linear(time, layer(w, `${path}time_emb_proj`)));
  y = ops.conv(ops.groupNorm(y, layer(w, `${path}norm2`), groups, eps, true), layer(w, `${path}conv2`), 1);
  const shortcut = layer(w, `${path}conv_shortcut`);
  return ops.add(shortcut.weight ? ops.conv(x, shortcut, 1) : x, y);
}

function transformer2d(ops, w, path, x, text, heads, groups) {
  let y = ops.tokens(ops.groupNorm(x, layer(w, `${path}norm`), groups, 1e-6, false));
  y = ops.linear(y, layer(w, `${path}proj_in`));
  y = transformer(ops, w, `${path}transformer_blocks.0.`, y, text, heads, {});
  return ops.add(x, ops.picture(ops.linear(y, layer(w, `${path}proj_out`)), ops.side(x)));
}

function transformer(ops, w, path, x, text, heads, branches) {
  const linear = (x, name) => {
    const y = ops.linear(x, layer(w, path + name));
    const [down, up] = [branches[`${name}.down`], branches[`${name}.up`]];
    return down ? ops.add(y, ops.linear(ops.linear(x, { weight: down }), { weight: up })) : y;
  };
  const normed = (x, name) => ops.layerNorm(x, layer(w, path + name), LAYER_EPS);
  const attend = (x, context, name) => {
    const [q, k, v] = [[x, 'to_q'], [context, 'to_k'], [context, 'to_v']].map(([x, to]) => linear(x, `${name}.${to}`));
    return linear(ops.attention(q, k, v, heads), `${name}.to_out.0`);
  };
  let normal = normed(x, 'norm1');
  x = ops.add(x, attend(normal, normal, 'attn1'));
  normal = normed(x, 'norm2');
  x = ops.add(x, attend(normal, text, 'attn2'));
  const hidden = linear(normed(x, 'norm3'), 'ff.net.0.proj');
  return ops.add(x, linear(ops.geglu(hidden), 'ff.net.2'));
}

/** Weight and bias of a layer; undefined where it has none. */
const layer = (w, path) => ({ weight: w[`${path}.weight`], bias: w[`${path}.bias`] });

function check(config) {
  const expected = {
    act_fn: 'silu', mid_block_type: 'UNetMidBlock2DCrossAttn', flip_sin_to_cos: true, use_linear_projection: true,
    transformer_layers_per_block: 1, downsample_padding: 1, mid_block_scale_factor: 1, only_cross_attention: false,
  };
  for (const [option, value] of Object.entries(expected)) {
    if (config[option] !== value) throw new Error(`The bench does not know a UNet with ${option} ${config[option]}.`);
  }
}
