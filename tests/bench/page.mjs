// Measures the libraries side by side: the same weights and inputs, results compared with PyTorch's before any
// time is taken, and then run by run in turns, so that whatever else the machine does meets all of them.

import { blockTask, safetensors, unetInputs } from './values.mjs';

const LIBRARIES = ['atelier', 'ort', 'jax', 'tfjs'];
/** Largest deviations from PyTorch: of the UNet's output, and of each loss. */
const MAX_ABS = 1e-3;
const MAX_MSE = 1e-6;
const MAX_LOSS = 1e-4;
const WARM = 2;

/**
 * `only`: names of libraries. `side`: of the larger block. `operations`: whether to time the engine's kernels too.
 * `say` hears of each part as it begins, `tell` of what was measured: `{ adapter }`, then `{ task, measured, refused }`
 * of each task and `{ operation }` of each kernel.
 */
window.bench = async ({ only, side, rounds, operations, say, tell }) => {
  const adapter = await describeAdapter();
  await tell({ adapter });
  const json = async (url) => (await fetched(url)).json();
  const bytes = async (url) => new Uint8Array(await (await fetched(url)).arrayBuffer());
  const [task, reference, config] = await Promise.all(['task.json', 'reference.json', 'model/unet/config.json'].map(json));
  const [onnx, weights] = await Promise.all(['unet.onnx', 'model/unet/diffusion_pytorch_model.safetensors'].map(bytes));
  const tensors = safetensors(weights);

  const libraries = [];
  const closed = [];
  for (const id of LIBRARIES) {
    if (only && !only.includes(id)) continue;
    await say(`opens ${id}`);
    try {
      const library = await import(`./libraries/${id}.mjs`);
      libraries.push({ name: library.name, ways: await library.open() });
    } catch (error) {
      closed.push({ library: id, way: 'open', why: message(error) });
    }
  }

  const measured = async (task, kind, given, check) => {
    const { measured, refused } = await measure(libraries, kind, given, rounds, say, check);
    await tell({ task, measured, refused: [...closed, ...refused] });
  };
  const unet = { config, tensors, onnx, safetensors: weights, inputs: unetInputs(task, config) };
  const expected = Float32Array.from(reference.unet);
  const shape = unet.inputs.sample.shape.join(' x ');
  const right = async (runner) => compare(await runner.run(), expected);
  await measured(`UNet forward, ${task.model}, ${shape}`, 'unet', unet, right);
  for (const [name, { side: large, software_side: small }] of Object.entries(task.blocks)) {
    const at = small ? (side ?? (adapter.software ? small : large)) : large;
    const losses = reference.blocks[name][at];
    if (!losses) throw new Error(`reference.json has no losses of ${name} at ${at}; it has ${Object.keys(reference.blocks[name])}.`);
    const block = blockTask(task, name, at, tensors);
    const { batch, channels } = block.shape;
    const title = `LoRA step of a block, ${name}, ${batch} x ${at} x ${at} x ${channels}`;
    await measured(title, 'block', block, (runner) => follow(runner, losses));
  }
  const engine = libraries.find(({ ways }) => ways.operations);
  if (!operations || !engine) return;
  for (const stableDiffusion of adapter.software ? [false] : [false, true]) {
    await engine.ways.operations(stableDiffusion, (operation) => tell({ operation }));
  }
};

/** Times of every way that gives the right numbers; why the others have none. */
async function measure(libraries, kind, task, rounds, say, check) {
  const runners = [];
  const refused = [];
  for (const { name, ways } of libraries) {
    for (const [way, prepare] of Object.entries(ways[kind])) {
      const about = { library: name, way };
      if (!prepare) {
        refused.push({ ...about, why: 'the library has none on WebGPU' });
        continue;
      }
      await say(`${kind}: ${name}, ${way}`);
      let runner;
      try {
        const start = performance.now();
        runner = await prepare(task);
        const parity = await check(runner);
        runners.push({ ...about, runner, parity, first_s: (performance.now() - start) / 1e3, times: [] });
      } catch (error) {
        refused.push({ ...about, why: message(error) });
        await runner?.close();
      }
    }
  }
  await say(`${kind}: ${rounds} rounds`);
  for (let round = -WARM; round < rounds; round++) {
    for (const { runner, times } of runners) {
      const start = performance.now();
      await runner.run();
      if (round >= 0) times.push(performance.now() - start);
    }
  }
  const measured = [];
  for (const { runner, times, ...rest } of runners) {
    await runner.close();
    times.sort((a, b) => a - b);
    measured.push({ ...rest, median_ms: times[times.length >> 1], least_ms: times[0], times_ms: times });
  }
  const ours = Math.min(...measured.filter(({ library }) => library === 'Atelier').map((m) => m.median_ms));
  for (const m of measured) m.to_ours = Number.isFinite(ours) ? m.median_ms / ours : null;
  return { measured, refused };
}

function compare(found, expected) {
  if (found.length !== expected.length) throw new Error(`${found.length} values, not ${expected.length}`);
  let [maxAbs, squares, whole] = [0, 0, 0];
  expected.forEach((value, i) => {
    const off = Math.abs(found[i] - value);
    // Not a number counts as off.
    if (!(off <= maxAbs)) maxAbs = off;
    squares += off * off;
    whole += value * value;
  });
  const mse = squares / whole;
  if (!(maxAbs <= MAX_ABS && mse <= MAX_MSE)) throw new Error(`off from PyTorch by ${maxAbs} (normalised MSE ${mse})`);
  return { max_abs: maxAbs, normalised_mse: mse };
}

async function follow(runner, expected) {
  let worst = 0;
  for (const [i, loss] of expected.entries()) {
    const found = await runner.run();
    const off = Math.abs(found - loss) / loss;
    if (!(off <= MAX_LOSS)) throw new Error(`the loss of step ${i + 1} is ${found}, PyTorch's ${loss}`);
    worst = Math.max(worst, off);
  }
  return { max_relative_loss: worst };
}

async function describeAdapter() {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new Error('This browser has no WebGPU adapter.');
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  const name = [vendor, architecture, device, description].filter(Boolean).join(' ');
  return { name, software: Boolean(isFallbackAdapter) || /swiftshader|llvmpipe|software|basic render/i.test(name), f16: adapter.features.has('shader-f16') };
}

async function fetched(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return answer;
}

const message = (error) => String(error?.message ?? error).split('\n')[0].slice(0, 300);
window.ready = true;
