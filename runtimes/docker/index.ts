import { definePlugin, Runtimes } from 'orlop/plugin';
import { type Config, config } from './config.ts';
import { start } from './plugin.ts';

export default definePlugin<Config>({
  name: 'runtime-docker',
  kind: 'runtime.v1',
  version: '1.0.0',
  description: 'Runs pods in a Docker engine.',
  config,
  provides: [Runtimes],
  grants: { host: ['docker', 'files'] },
  start,
});
