import { definePlugin, EndpointSlices, Events, LoadBalancer, Services } from 'orlop/plugin';
import { type Config, config } from './config.ts';
import { start } from './plugin.ts';

export default definePlugin<Config>({
  name: 'loadbalancer',
  kind: 'loadbalancer.v1',
  version: '1.0.0',
  description: 'Sends each request or connection to the least busy ready endpoint of its Service.',
  config,
  provides: [LoadBalancer],
  grants: {
    objects: [
      { resource: Services, verbs: ['get', 'list', 'watch'] },
      { resource: EndpointSlices, verbs: ['get', 'list', 'watch'] },
      { resource: Events, verbs: ['create', 'get', 'update'] },
    ],
    host: ['net', 'exec'],
  },
  isolation: { worker: 'data-path' },
  start,
});
