import { definePlugin, PRESENCE } from 'orlop/plugin';
import { type Config, config } from './config.ts';
import { start } from './start.ts';

export default definePlugin<Config>({
  name: 'presence',
  kind: 'presence.v1',
  version: '0.1.0',
  description: 'Tells the cluster that this kernel is alive.',
  config,
  grants: { publish: [PRESENCE.here, PRESENCE.bye], subscribe: [PRESENCE.who] },
  start,
});
