import { definePlugin, provide, Runtimes } from 'orlop/plugin';
import { WasmRuntime } from './runtime.ts';

export default definePlugin({
  name: 'runtime-wasm',
  kind: 'runtime.v1',
  version: '0.1.0',
  description: 'Runs WebAssembly components (WASI 0.2) in worker threads of this process.',
  provides: [Runtimes],
  grants: { host: ['net', 'files'] },
  async start(ctx) {
    const runtime = await WasmRuntime.open({ dataDir: ctx.dataDir, cacheDir: ctx.cacheDir, log: ctx.log });
    ctx.defer(() => runtime.close());
    return { provides: [provide(Runtimes, runtime, runtime.handler)] };
  },
});
