// jax-js on WebGPU, under jit. Pictures are [batch, channels, height, width].

import { init, defaultDevice, numpy as np, nn, lax, jit, valueAndGrad, tree } from '@jax-js/jax';
import { blockLoss, unet } from '../network.mjs';

export const name = 'jax-js';

export async function open() {
  const devices = await init('webgpu');
  if (!devices.includes('webgpu')) throw new Error('jax-js found no WebGPU.');
  defaultDevice('webgpu');
  return { unet: { jit: forward }, block: { jit: training } };
}

async function forward({ config, tensors, inputs }) {
  const w = upload(tensors);
  const compiled = jit((w, given) => unet(operations, config, w, given));
  return {
    async run() {
      const out = compiled(tree.ref(w), upload(inputs));
      return out.data();
    },
    close() {
      tree.dispose(w);
      compiled.dispose();
    },
  };
}

async function training({ shape, weights, factors, adamw, x, text, time, target }) {
  const w = upload(weights);
  const given = upload({ x, text, time, target });
  const { learning_rate: rate, beta1, beta2, eps, weight_decay: decay } = adamw;
  const gradient = valueAndGrad((branches, w, given) => blockLoss(operations, w, branches, { shape, ...given }));
  const compiled = jit((state, w, given, corrections) => {
    const [loss, gradients] = gradient(tree.ref(state.params), w, given);
    const [c1, c2] = [corrections.ref.slice(0), corrections.slice(1)];
    const next = { params: {}, first: {}, second: {} };
    for (const [name, g] of Object.entries(gradients)) {
      const first = state.first[name].mul(beta1).add(g.ref.mul(1 - beta1));
      const second = state.second[name].mul(beta2).add(g.ref.mul(g).mul(1 - beta2));
      next.first[name] = first.ref;
      next.second[name] = second.ref;
      const change = first.mul(c1.ref.mul(rate)).div(np.sqrt(second).mul(c2.ref).add(eps));
      next.params[name] = state.params[name].mul(1 - rate * decay).sub(change);
    }
    return [loss, next];
  });
  const zeros = () => Object.fromEntries(Object.entries(factors).map(([name, factor]) => [name, np.zeros(factor.shape)]));
  let state = { params: upload(factors), first: zeros(), second: zeros() };
  let steps = 0;
  return {
    async run() {
      steps += 1;
      const corrections = np.array([1 / (1 - beta1 ** steps), 1 / Math.sqrt(1 - beta2 ** steps)]);
      const [loss, next] = compiled(state, tree.ref(w), tree.ref(given), corrections);
      state = next;
      const [value] = await loss.data();
      return value;
    },
    close() {
      tree.dispose([w, given, state]);
      compiled.dispose();
    },
  };
}

const upload = (tensors) => Object.fromEntries(
  Object.entries(tensors).map(([name, { values, shape }]) => [name, np.array(values).reshape(shape)]),
);

const split = (x, heads) => {
  const [batch, tokens, width] = x.shape;
  return x.ref.reshape([batch, tokens, heads, width / heads]).transpose([0, 2, 1, 3]);
};

// Arrays are used up by what is done to them; `ref` keeps them for the next.
const operations = {
  add: (a, b) => a.ref.add(b.ref),
  silu: (x) => nn.silu(x.ref),
  concat: (a, b) => np.concatenate([a.ref, b.ref], 1),
  side: (x) => x.shape[2],
  tokens: (x) => x.ref.reshape([x.shape[0], x.shape[1], x.shape[2] * x.shape[3]]).transpose([0, 2, 1]),
  picture: (x, side) => x.ref.transpose([0, 2, 1]).reshape([x.shape[0], x.shape[2], side, side]),
  addToEach: (x, vector) => x.ref.add(vector.ref.reshape([...vector.shape, 1, 1])),
  upsample(x) {
    const [batch, channels, height, width] = x.shape;
    const wide = np.broadcastTo(x.ref.reshape([batch, channels, height, 1, width, 1]), [batch, channels, height, 2, width, 2]);
    return wide.reshape([batch, channels, 2 * height, 2 * width]);
  },
  waves(timesteps, frequencies) {
    const angles = timesteps.ref.reshape([-1, 1]).mul(np.array([frequencies]));
    return np.concatenate([np.cos(angles.ref), np.sin(angles)], 1);
  },
  conv(x, { weight, bias }, stride) {
    const pad = weight.shape[2] === 3 ? 1 : 0;
    const y = lax.conv(x.ref, weight.ref, [stride, stride], [[pad, pad], [pad, pad]]);
    return y.add(bias.ref.reshape([1, -1, 1, 1]));
  },
  linear(x, { weight, bias }) {
    const y = np.matmul(x.ref, weight.ref.transpose());
    return bias ? y.add(bias.ref) : y;
  },
  groupNorm(x, { weight, bias }, groups, eps, silu) {
    const [batch, channels, height, width] = x.shape;
    const grouped = x.ref.reshape([batch, groups, (channels / groups) * height * width]);
    const normal = nn.standardize(grouped, -1, { epsilon: eps }).reshape(x.shape);
    const y = normal.mul(weight.ref.reshape([1, -1, 1, 1])).add(bias.ref.reshape([1, -1, 1, 1]));
    return silu ? nn.silu(y) : y;
  },
  layerNorm: (x, { weight, bias }, eps) => nn.standardize(x.ref, -1, { epsilon: eps }).mul(weight.ref).add(bias.ref),
  attention(q, k, v, heads) {
    const scale = Math.sqrt(heads / q.shape[2]);
    const scores = np.matmul(split(q, heads).mul(scale), split(k, heads).transpose([0, 1, 3, 2]));
    const out = np.matmul(nn.softmax(scores, -1), split(v, heads));
    return out.transpose([0, 2, 1, 3]).reshape(q.shape);
  },
  geglu(x) {
    const [hidden, gate] = np.split(x.ref, 2, 2);
    return hidden.mul(nn.gelu(gate, { approximate: false }));
  },
  meanSquaredError: (a, b) => np.mean(np.square(a.ref.sub(b.ref))),
};
