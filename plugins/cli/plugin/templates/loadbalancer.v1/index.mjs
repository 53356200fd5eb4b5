import {
  definePlugin,
  EndpointSlices,
  informer,
  keyOfObject,
  LoadBalancer,
  provide,
  Services,
} from 'orlop/plugin';

/** @import { Context, Endpoint, EndpointSlice, KubeObject, Resource, Service } from 'orlop/plugin' */

/** Each request or connection goes to the next ready endpoint. @implements {LoadBalancer} */
export class RoundRobin {
  /** @type {Map<string, Service>} */
  services = new Map();
  /** @type {Map<string, EndpointSlice>} */
  slices = new Map();
  turn = 0;

  /** @param {string} namespace @param {string} service @param {string | number} port @param {readonly Endpoint[]} [not] */
  pick(namespace, service, port, not = []) {
    const known = this.services.get(`${namespace}/${service}`);
    const found = known?.spec?.ports?.find((each) => each.port === port || (each.name ?? '') === port);
    if (!found) return undefined;
    const endpoints = this.ready(namespace, service, found.name ?? '').filter(
      (each) => !not.some(({ host, port }) => host === each.host && port === each.port),
    );
    const endpoint = endpoints[this.turn++ % endpoints.length];
    return endpoint && { endpoint, release() {} };
  }

  /** @param {string} namespace @param {string} service @param {string} name @returns {Endpoint[]} */
  ready(namespace, service, name) {
    return [...this.slices.values()]
      .filter(({ metadata }) => metadata?.namespace === namespace)
      .filter(({ metadata }) => metadata?.labels?.['kubernetes.io/service-name'] === service)
      .flatMap((slice) => {
        const port = slice.ports?.find((each) => (each.name ?? '') === name)?.port;
        if (port === undefined) return [];
        return slice.endpoints
          .filter(({ conditions }) => conditions?.ready !== false)
          .flatMap(({ addresses: [host] }) => (host === undefined ? [] : [{ host, port }]));
      });
  }
}

/**
 * Keeps all objects of a resource, by namespace and name. Resolves when those that there are are known.
 * @template {KubeObject} T @param {Context} ctx @param {Resource<T>} resource @param {Map<string, T>} objects
 * @returns {Promise<void>}
 */
function keep(ctx, resource, objects) {
  return new Promise((synced) => {
    const watch = informer(
      ctx,
      resource,
      {},
      {
        changed: (object) => void objects.set(keyOfObject(object), object),
        deleted: (object) => void objects.delete(keyOfObject(object)),
        synced,
      },
    );
    ctx.defer(() => watch.close());
  });
}

export default definePlugin({
  name: 'my-plugin',
  kind: 'loadbalancer.v1',
  version: '0.1.0',
  description: 'Sends each request or connection to the next ready endpoint.',
  provides: [LoadBalancer],
  grants: {
    objects: [
      { resource: Services, verbs: ['get', 'list', 'watch'] },
      { resource: EndpointSlices, verbs: ['get', 'list', 'watch'] },
    ],
  },
  // Where the ingress runs, which calls it.
  isolation: { worker: 'data-path' },
  async start(ctx) {
    const balancer = new RoundRobin();
    // Before anybody asks: at a swap the next request comes at once.
    await Promise.all([keep(ctx, Services, balancer.services), keep(ctx, EndpointSlices, balancer.slices)]);
    return { provides: [provide(LoadBalancer, balancer)] };
  },
});
