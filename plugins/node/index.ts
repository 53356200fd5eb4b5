import {
  ConfigMaps,
  definePlugin,
  Events,
  Leases,
  Nodes,
  PodNetwork,
  Pods,
  RuntimeClasses,
  Runtimes,
  Secrets,
  Services,
  VolumeDrivers,
} from 'orlop/plugin';
import { startAgent } from './agent.ts';
import { type Config, configSchema } from './config.ts';

const requires = { runtimes: Runtimes, volumes: VolumeDrivers, network: PodNetwork };

export default definePlugin<Config, typeof requires>({
  name: 'node',
  kind: 'node.v1',
  version: '1.0.0',
  description: 'The node agent: runs the pods bound to this node.',
  config: configSchema,
  requires,
  grants: {
    objects: [
      { resource: Pods, verbs: ['get', 'list', 'watch', 'update', 'delete'] },
      { resource: Nodes, verbs: ['get', 'create', 'update'] },
      { resource: Leases, verbs: ['get', 'create', 'update'] },
      { resource: RuntimeClasses, verbs: ['get', 'create'] },
      { resource: Events, verbs: ['get', 'create', 'update'] },
      { resource: ConfigMaps, verbs: ['get', 'list', 'watch'] },
      { resource: Secrets, verbs: ['get', 'list', 'watch'] },
      { resource: Services, verbs: ['get', 'list'] },
    ],
    subscribe: ['node.>'],
    host: ['net', 'files'],
  },
  start: startAgent,
});
