import { definePlugin, IngressClasses, Ingresses, LoadBalancer, Secrets } from 'orlop/plugin';
import { type Config, config } from './config.ts';
import { start } from './plugin.ts';

export default definePlugin<Config, { loadBalancer: typeof LoadBalancer }>({
  name: 'ingress',
  kind: 'ingress.v1',
  version: '1.0.0',
  description: 'Serves Ingresses: HTTP and HTTPS requests by host and path to the least busy pod.',
  config,
  requires: { loadBalancer: LoadBalancer },
  grants: {
    objects: [
      { resource: Ingresses, verbs: ['get', 'list', 'watch', 'update'] },
      { resource: IngressClasses, verbs: ['get', 'list', 'watch', 'create'] },
      { resource: Secrets, verbs: ['get', 'list', 'watch'] },
    ],
    host: ['net'],
  },
  isolation: { worker: 'data-path' },
  start,
});
