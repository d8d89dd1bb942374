// ONNX Runtime Web on its WebGPU execution provider.

import * as ort from 'onnxruntime-web/webgpu';

export const name = 'ONNX Runtime Web';

export async function open() {
  ort.env.wasm.wasmPaths = new URL('/node_modules/onnxruntime-web/dist/', location.href).href;
  return {
    unet: { session: (task) => forward(task, false), 'graph capture': (task) => forward(task, true) },
    block: { training: null },
  };
}

/** `captured`: inputs keep their place on the GPU, and the runs after the first are replays. */
async function forward({ onnx, safetensors, inputs }, captured) {
  const session = await ort.InferenceSession.create(onnx, {
    executionProviders: ['webgpu'],
    externalData: [{ path: 'diffusion_pytorch_model.safetensors', data: safetensors }],
    enableGraphCapture: captured,
    preferredOutputLocation: captured ? 'gpu-buffer' : 'cpu',
  });
  const entries = Object.entries(inputs);
  if (!captured) {
    return {
      async run() {
        const feeds = Object.fromEntries(entries.map(([name, { values, shape }]) => [name, new ort.Tensor('float32', values, shape)]));
        const { out } = await session.run(feeds);
        const values = await out.getData();
        out.dispose();
        return values;
      },
      close: () => session.release(),
    };
  }
  const device = await ort.env.webgpu.device;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const buffer = (bytes) => device.createBuffer({ size: Math.ceil(bytes / 16) * 16, usage });
  const held = entries.map(([name, { values, shape }]) => {
    const gpuBuffer = buffer(values.byteLength);
    return { name, values, gpuBuffer, tensor: ort.Tensor.fromGpuBuffer(gpuBuffer, { dataType: 'float32', dims: shape }) };
  });
  const feeds = Object.fromEntries(held.map(({ name, tensor }) => [name, tensor]));
  const dims = inputs.sample.shape;
  const bytes = inputs.sample.values.byteLength;
  const outBuffer = buffer(bytes);
  const fetches = { out: ort.Tensor.fromGpuBuffer(outBuffer, { dataType: 'float32', dims }) };
  const staging = device.createBuffer({ size: bytes, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  return {
    async run() {
      for (const { gpuBuffer, values } of held) device.queue.writeBuffer(gpuBuffer, 0, values);
      await session.run(feeds, fetches);
      const commands = device.createCommandEncoder();
      commands.copyBufferToBuffer(outBuffer, 0, staging, 0, bytes);
      device.queue.submit([commands.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      const values = new Float32Array(staging.getMappedRange().slice(0));
      staging.unmap();
      return values;
    },
    async close() {
      await session.release();
      for (const { gpuBuffer } of held) gpuBuffer.destroy();
      outBuffer.destroy();
      staging.destroy();
    },
  };
}
