import { definePlugin, provide, Runtimes } from 'orlop/plugin';
import { FakeRuntime } from './runtime.ts';

export default definePlugin({
  name: 'runtime-fake',
  kind: 'runtime.v1',
  version: '1.0.0',
  description: 'Runs nothing: pods whose containers run until told, for simulation and benchmarks.',
  provides: [Runtimes],
  grants: { host: ['files'] },
  start() {
    const runtime = new FakeRuntime();
    return { provides: [provide(Runtimes, runtime, runtime.handler)], stop: () => runtime.close() };
  },
});
