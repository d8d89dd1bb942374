// The engine, by crates/engine/src/bin/bench.

import init, { Block, Engine, Unet } from '../engine/bench.js';

export const name = 'Atelier';

let engine;

export async function open() {
  await init();
  engine = await Engine.open();
  return {
    unet: { eager: (task) => forward(task, false), replayed: (task) => forward(task, true) },
    block: { eager: (task) => training(task, false), replayed: (task) => training(task, true) },
    operations: (stableDiffusion, tell) => engine.operations(stableDiffusion, (line) => tell(JSON.parse(line))),
  };
}

function weights(tensors) {
  const held = engine.weights();
  for (const [name, { shape, values }] of Object.entries(tensors)) held.insert(name, Uint32Array.from(shape), values);
  return held;
}

async function forward({ config, tensors, inputs }, replayed) {
  const { sample, timesteps, text } = inputs;
  const [batch, , side] = sample.shape;
  const unet = await Unet.open(engine, JSON.stringify(config), weights(tensors), batch, side, text.shape[1], replayed);
  return {
    run: () => unet.run(sample.values, timesteps.values, text.values),
    close: () => unet.free(),
  };
}

async function training({ shape, weights: tensors, factors, adamw, rank, ...inputs }, replayed) {
  const values = Object.fromEntries(Object.entries({ ...factors, ...inputs }).map(([name, { values }]) => [name, values]));
  const block = await Block.open(engine, JSON.stringify({ ...shape, ...adamw, rank }), weights(tensors), values, replayed);
  return { run: () => block.step(), close: () => block.free() };
}
