// Numbers that go in: weights out of safetensors files, and drawn ones, equal to those of make.py.

/** Uniform in -bound to bound: a hash of the place and the name. */
export function drawn(name, shape, bound) {
  let seed = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 0x01000193);
  return { shape, values: Float32Array.from({ length: size(shape) }, (_, i) => {
    let x = i + seed;
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
    x ^= x >>> 16;
    return ((x >>> 8) / 2 ** 23 - 1) * bound;
  }) };
}

export const size = (shape) => shape.reduce((a, b) => a * b, 1);

/** Name -> { shape, values: Float32Array } of a safetensors file in f16 or f32. */
export function safetensors(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = 8 + Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
  delete header.__metadata__;
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(header)) {
    const raw = bytes.slice(start + from, start + to);
    if (dtype === 'F32') tensors[name] = { shape, values: new Float32Array(raw.buffer) };
    else if (dtype === 'F16') tensors[name] = { shape, values: Float32Array.from(new Uint16Array(raw.buffer), half) };
    else throw new Error(`${name} is ${dtype}; the bench reads F16 and F32`);
  }
  return tensors;
}

function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const ROOT_3 = Math.sqrt(3);

/** What goes into Sketch's UNet. */
export function unetInputs(task, config) {
  const { batch, tokens, timesteps } = task.unet;
  const side = config.sample_size;
  return {
    sample: drawn('sample', [batch, config.in_channels, side, side], ROOT_3),
    timesteps: { shape: [batch], values: Float32Array.from(timesteps) },
    text: drawn('text', [batch, tokens, config.cross_attention_dim], ROOT_3),
  };
}

/** The linear layers of a transformer block that are adapted, by their path in diffusers. */
export const ADAPTED = [
  ...['attn1', 'attn2'].flatMap((a) => ['to_q', 'to_k', 'to_v', 'to_out.0'].map((p) => `${a}.${p}`)),
  'ff.net.0.proj', 'ff.net.2',
];

/**
 * A block to train: shape, its frozen weights, LoRA factors (`<path>.down` [rank, inputs], `<path>.up`
 * [outputs, rank], scale 1) and what goes in: x [batch, side * side, channels], text, time (after SiLU is
 * taken of it in the block), target [batch, channels, side, side].
 */
export function blockTask(task, name, side, sketch) {
  const shape = { ...task.blocks[name], side, groups: task.groups };
  const { batch, channels, tokens, text, time } = shape;
  const weights = {};
  for (const [path, dims] of blockLayout(shape)) {
    if (name === 'sketch') {
      const [part, rest] = [path.slice(0, path.indexOf('.')), path.slice(path.indexOf('.') + 1)];
      const place = { transformer: 'mid_block.attentions.0.transformer_blocks.0', resnet: 'mid_block.resnets.1' }[part];
      weights[path] = sketch[`${place}.${rest}`];
    } else if (dims.length > 1) {
      weights[path] = drawn(path, dims, Math.sqrt(3 / size(dims.slice(1))));
    } else if (/norm.*weight$/.test(path)) {
      const { values } = drawn(path, dims, 0.2);
      weights[path] = { shape: dims, values: values.map((value) => 1 + value) };
    } else {
      weights[path] = drawn(path, dims, 0.1);
    }
  }
  const factors = {};
  for (const path of ADAPTED) {
    const [outputs, inputs] = weights[`transformer.${path}.weight`].shape;
    factors[`${path}.down`] = drawn(`${path}.down`, [task.rank, inputs], inputs ** -0.5);
    factors[`${path}.up`] = drawn(`${path}.up`, [outputs, task.rank], 0.05);
  }
  return {
    shape, weights, factors, adamw: task.adamw, rank: task.rank,
    x: drawn('x', [batch, side * side, channels], ROOT_3),
    text: drawn('text', [batch, tokens, text], ROOT_3),
    time: drawn('time', [batch, time], ROOT_3),
    target: drawn('target', [batch, channels, side, side], ROOT_3),
  };
}

/** Paths and shapes of the weights of a BasicTransformerBlock (`transformer.`) and a ResnetBlock2D (`resnet.`). */
function blockLayout({ channels, text, time }) {
  const layout = [];
  const layer = (path, shape, bias = true) => {
    layout.push([`${path}.weight`, shape]);
    if (bias) layout.push([`${path}.bias`, [shape[0]]]);
  };
  for (const norm of ['norm1', 'norm2', 'norm3']) layer(`transformer.${norm}`, [channels]);
  for (const [attention, context] of [['attn1', channels], ['attn2', text]]) {
    layer(`transformer.${attention}.to_q`, [channels, channels], false);
    layer(`transformer.${attention}.to_k`, [channels, context], false);
    layer(`transformer.${attention}.to_v`, [channels, context], false);
    layer(`transformer.${attention}.to_out.0`, [channels, channels]);
  }
  layer('transformer.ff.net.0.proj', [8 * channels, channels]);
  layer('transformer.ff.net.2', [channels, 4 * channels]);
  for (const n of [1, 2]) {
    layer(`resnet.norm${n}`, [channels]);
    layer(`resnet.conv${n}`, [channels, channels, 3, 3]);
  }
  layer('resnet.time_emb_proj', [channels, time]);
  return layout;
}
