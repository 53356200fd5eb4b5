import { definePlugin, Runtimes } from 'orlop/plugin';
import { start } from './plugin.ts';

export default definePlugin({
  name: 'runtime-wasm',
  kind: 'runtime.v1',
  version: '1.0.0',
  description: 'Runs WebAssembly components (WASI 0.2) in worker threads of this process.',
  provides: [Runtimes],
  grants: { host: ['net', 'files', 'exec'] },
  start,
});
