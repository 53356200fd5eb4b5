import { definePlugin, IPAddresses, PodNetwork } from 'orlop/plugin';
import { type Config, config } from './config.ts';
import { start } from './plugin.ts';

export default definePlugin<Config>({
  name: 'network',
  kind: 'network.v1',
  version: '1.0.0',
  description: 'Gives each pod of this node an address of its own.',
  config,
  provides: [PodNetwork],
  grants: {
    objects: [{ resource: IPAddresses, verbs: ['get', 'list', 'create', 'delete'] }],
    host: ['net', 'exec'],
  },
  start,
});
