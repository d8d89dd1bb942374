// TensorFlow.js on its WebGPU backend. Pictures are [batch, height, width, channels].

import { blockLoss, unet } from '../network.mjs';

export const name = 'TensorFlow.js';

export async function open() {
  await tf.setBackend('webgpu');
  await tf.ready();
  if (tf.getBackend() !== 'webgpu') throw new Error('TensorFlow.js found no WebGPU.');
  return { unet: { eager: forward }, block: { eager: training } };
}

async function forward({ config, tensors, inputs }) {
  const weights = Object.entries(upload(tensors));
  const w = Object.fromEntries(weights);
  const ops = operations(false);
  return {
    async run() {
      const out = tf.tidy(() => {
        const { sample, timesteps, text } = inputs;
        const picture = tf.tensor(sample.values, sample.shape).transpose([0, 2, 3, 1]);
        const prepared = { sample: picture, timesteps: tf.tensor1d(timesteps.values), text: tf.tensor(text.values, text.shape) };
        return unet(ops, config, w, prepared).transpose([0, 3, 1, 2]);
      });
      const values = await out.data();
      out.dispose();
      return values;
    },
    close: () => tf.dispose(w),
  };
}

async function training({ shape, weights, factors, adamw, x, text, time, target }) {
  const w = upload(weights);
  const task = { shape, ...upload({ x, text, time }), target: tf.tidy(() => tensor(target).transpose([0, 2, 3, 1])) };
  const params = Object.entries(factors).map(([name, factor]) => ({
    name,
    value: tf.variable(tensor(factor)),
    first: tf.variable(tf.zeros(factor.shape)),
    second: tf.variable(tf.zeros(factor.shape)),
  }));
  const branches = Object.fromEntries(params.map(({ name, value }) => [name, value]));
  const ops = operations(true);
  const { learning_rate: rate, beta1, beta2, eps, weight_decay: decay } = adamw;
  let steps = 0;
  return {
    async run() {
      steps += 1;
      const [c1, c2] = [1 - beta1 ** steps, Math.sqrt(1 - beta2 ** steps)];
      const loss = tf.tidy(() => {
        const variables = params.map(({ value }) => value);
        const { value: loss, grads } = tf.variableGrads(() => blockLoss(ops, w, branches, task), variables);
        for (const { value, first, second } of params) {
          const gradient = grads[value.name];
          first.assign(tf.add(tf.mul(first, beta1), tf.mul(gradient, 1 - beta1)));
          second.assign(tf.add(tf.mul(second, beta2), tf.mul(tf.square(gradient), 1 - beta2)));
          const change = tf.div(tf.mul(first, rate / c1), tf.add(tf.mul(tf.sqrt(second), 1 / c2), eps));
          value.assign(tf.sub(tf.mul(value, 1 - rate * decay), change));
        }
        return loss;
      });
      const [value] = await loss.data();
      loss.dispose();
      return value;
    },
    close() {
      tf.dispose([w, task.x, task.text, task.time, task.target]);
      for (const { value, first, second } of params) tf.dispose([value, first, second]);
    },
  };
}

const tensor = ({ values, shape }) => tf.tensor(values, shape);

/** Convolutions' weights as TensorFlow has them, [height, width, inputs, outputs]. */
const upload = (tensors) => Object.fromEntries(Object.entries(tensors).map(([name, value]) => [
  name,
  value.shape.length === 4 ? tf.tidy(() => tensor(value).transpose([2, 3, 1, 0])) : tensor(value),
]));

/** When training, biases are added apart: the fused operations also compute gradients of frozen weights. */
function operations(trains) {
  const split = (x, heads) => {
    const [batch, tokens, width] = x.shape;
    return x.reshape([batch, tokens, heads, width / heads]).transpose([0, 2, 1, 3]);
  };
  const silu = (x) => tf.mul(x, tf.sigmoid(x));
  return {
    add: tf.add,
    silu,
    concat: (a, b) => tf.concat([a, b], 3),
    side: (x) => x.shape[1],
    tokens: (x) => x.reshape([x.shape[0], x.shape[1] * x.shape[2], x.shape[3]]),
    picture: (x, side) => x.reshape([x.shape[0], side, side, x.shape[2]]),
    addToEach: (x, vector) => tf.add(x, vector.reshape([vector.shape[0], 1, 1, vector.shape[1]])),
    upsample: (x) => tf.image.resizeNearestNeighbor(x, [2 * x.shape[1], 2 * x.shape[2]]),
    waves(timesteps, frequencies) {
      const angles = tf.mul(timesteps.expandDims(1), tf.tensor2d([frequencies]));
      return tf.concat([tf.cos(angles), tf.sin(angles)], 1);
    },
    conv(x, { weight, bias }, strides) {
      const pad = weight.shape[0] === 3 ? 1 : 0;
      return trains
        ? tf.add(tf.conv2d(x, weight, strides, pad), bias)
        : tf.fused.conv2d({ x, filter: weight, strides, pad, bias });
    },
    linear(x, { weight, bias }) {
      const rows = x.reshape([-1, x.shape.at(-1)]);
      const plain = trains || !bias;
      const y = plain ? tf.matMul(rows, weight, false, true) : tf.fused.matMul({ a: rows, b: weight, transposeB: true, bias });
      return (plain && bias ? tf.add(y, bias) : y).reshape([...x.shape.slice(0, -1), weight.shape[0]]);
    },
    groupNorm(x, { weight, bias }, groups, eps, withSilu) {
      const [batch, height, width, channels] = x.shape;
      const grouped = x.reshape([batch, height * width, groups, channels / groups]);
      const { mean, variance } = tf.moments(grouped, [1, 3], true);
      const normal = tf.mul(tf.sub(grouped, mean), tf.rsqrt(tf.add(variance, eps))).reshape(x.shape);
      const y = tf.add(tf.mul(normal, weight), bias);
      return withSilu ? silu(y) : y;
    },
    layerNorm(x, { weight, bias }, eps) {
      const { mean, variance } = tf.moments(x, -1, true);
      return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, eps))), weight), bias);
    },
    attention(q, k, v, heads) {
      const scale = Math.sqrt(heads / q.shape[2]);
      const scores = tf.matMul(tf.mul(split(q, heads), scale), split(k, heads), false, true);
      return tf.matMul(tf.softmax(scores), split(v, heads)).transpose([0, 2, 1, 3]).reshape(q.shape);
    },
    geglu(x) {
      const [hidden, gate] = tf.split(x, 2, 2);
      return tf.mul(hidden, tf.mul(gate, tf.add(tf.mul(tf.erf(tf.mul(gate, Math.SQRT1_2)), 0.5), 0.5)));
    },
    meanSquaredError: (a, b) => tf.mean(tf.squaredDifference(a, b)),
  };
}
