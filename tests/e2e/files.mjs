// Files as an artist might give them, good and bad, made here from first principles.

import { deflateSync } from 'node:zlib';

const CRC_TABLE = Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});
const crc32 = (bytes) =>
  (bytes.reduce((c, byte) => CRC_TABLE[(c ^ byte) & 0xff] ^ (c >>> 8), 0xffffffff) ^ 0xffffffff) >>> 0;

const pngChunk = (type, data) => {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
};

/** A grey PNG, one bit a pixel, so that 100 megapixels weigh some kilobytes; with a text chunk where there is `text`. */
export function png(width, height, text) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 1;
  const rows = Buffer.alloc((1 + Math.ceil(width / 8)) * height);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    pngChunk('IHDR', header),
    ...(text ? [pngChunk('tEXt', Buffer.from(text, 'latin1'))] : []),
    pngChunk('IDAT', deflateSync(rows)),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A zip archive with one stored file in it. */
export function zip(name, content) {
  const [file, data] = [Buffer.from(name), Buffer.from(content)];
  const about = Buffer.alloc(26);
  about.writeUInt16LE(20, 0);
  about.writeUInt32LE(crc32(data), 10);
  about.writeUInt32LE(data.length, 14);
  about.writeUInt32LE(data.length, 18);
  about.writeUInt16LE(file.length, 22);
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), about, file, data]);
  const central = Buffer.concat([
    Buffer.from('PK\x01\x02'), Buffer.from([20, 0]), about, Buffer.alloc(14), file,
  ]);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, end]);
}

/**
 * A safetensors file of f32 tensors.
 * @param {Record<string, { shape: number[], value?: number }>} tensors
 */
export function safetensors(tensors, metadata = {}) {
  const header = { __metadata__: metadata };
  const parts = [];
  let at = 0;
  for (const [name, { shape, value = 0.01 }] of Object.entries(tensors)) {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value);
    header[name] = { dtype: 'F32', shape, data_offsets: [at, at + values.byteLength] };
    at += values.byteLength;
    parts.push(Buffer.from(values.buffer));
  }
  return join(header, Buffer.concat(parts));
}

/** Header and data of a safetensors file. */
export function split(file) {
  const length = Number(file.readBigUInt64LE(0));
  return { header: JSON.parse(file.subarray(8, 8 + length)), data: file.subarray(8 + length) };
}

function join(header, data) {
  let text = JSON.stringify(header);
  text += ' '.repeat((8 - (text.length % 8)) % 8);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, Buffer.from(text), data]);
}

/** `file` with a first value that is not a number. */
export function withNaN(file) {
  const { header, data } = split(file);
  const [, tensor] = Object.entries(header).find(([name]) => name !== '__metadata__');
  const bad = Buffer.from(data);
  const at = tensor.data_offsets[0];
  if (tensor.dtype === 'F32') bad.writeUInt32LE(0x7fc00000, at);
  else bad.writeUInt16LE(tensor.dtype === 'BF16' ? 0x7fc0 : 0x7e00, at);
  return join(header, bad);
}

/** `file` with a header that claims twice the rows there are. */
export function withLyingHeader(file) {
  const { header, data } = split(file);
  const [, tensor] = Object.entries(header).find(([name]) => name !== '__metadata__');
  tensor.shape[0] *= 2;
  return join(header, data);
}

/** An adapter for Stable Diffusion 1.5, as kohya's trainer names it. */
export function adapterOfAnotherFamily() {
  const module = 'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k';
  return safetensors(
    {
      [`${module}.lora_down.weight`]: { shape: [4, 768] },
      [`${module}.lora_up.weight`]: { shape: [320, 4] },
      [`${module}.alpha`]: { shape: [], value: 4 },
    },
    { ss_base_model_version: 'sd_v1', ss_network_module: 'networks.lora', ss_network_dim: '4' },
  );
}

/** Files of a zip by their paths, as its directory lists them; none may be compressed. */
export function unzip(bytes) {
  const files = new Map();
  const end = bytes.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  let at = bytes.readUInt32LE(end + 16);
  for (let n = bytes.readUInt16LE(end + 10); n > 0; n--) {
    if (bytes.readUInt32LE(at) !== 0x02014b50) throw new Error('the directory is damaged');
    const [method, size] = [bytes.readUInt16LE(at + 10), bytes.readUInt32LE(at + 24)];
    const [name, extra, comment] = [28, 30, 32].map((field) => bytes.readUInt16LE(at + field));
    const path = bytes.toString('utf8', at + 46, at + 46 + name);
    const local = bytes.readUInt32LE(at + 42);
    const data = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const file = bytes.subarray(data, data + size);
    if (method !== 0 || crc32(file) !== bytes.readUInt32LE(at + 16)) throw new Error(`${path} is damaged`);
    if (files.has(path)) throw new Error(`${path} is there twice`);
    files.set(path, file);
    at += 46 + name + extra + comment;
  }
  return files;
}
