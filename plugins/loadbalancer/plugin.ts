import {
  type Context,
  EndpointSlices,
  type Instance,
  informer,
  LoadBalancer,
  provide,
  Services,
} from 'orlop/plugin';
import { routeServices } from './anyip.ts';
import type { Config } from './config.ts';
import { serviceListeners } from './listeners.ts';
import { ServiceTable } from './table.ts';

export async function start(ctx: Context<Config>): Promise<Instance> {
  const route = await routeServices(ctx.config.serviceCIDR);
  let isReplaced = false;
  ctx.defer(() => route.release(isReplaced));
  if (route.refusal !== undefined) {
    ctx.log.warn('cluster IPs cannot be listened on here; Services are reached by Ingress and node port', {
      why: route.refusal,
    });
  }
  const table = new ServiceTable();
  const servicesKnown = new Promise<void>((synced) => {
    const services = informer(
      ctx,
      Services,
      {},
      {
        changed: (service) => table.setService(service),
        deleted: (service) => table.deleteService(service),
        synced,
      },
    );
    ctx.defer(() => services.close());
  });
  const slicesKnown = new Promise<void>((synced) => {
    const slices = informer(
      ctx,
      EndpointSlices,
      {},
      {
        changed: (slice) => table.setSlice(slice),
        deleted: (slice) => table.deleteSlice(slice),
        synced,
      },
    );
    ctx.defer(() => slices.close());
  });
  // Before anybody asks: at a swap the next request comes at once.
  await Promise.all([servicesKnown, slicesKnown]);
  const listeners = await serviceListeners(ctx, table);
  return {
    provides: [provide(LoadBalancer, table)],
    drain() {
      isReplaced = true;
      return undefined;
    },
    resume() {
      isReplaced = false;
    },
    async stop() {
      await listeners.stop();
      // Connections live on until they end, through a swap too, but keep no process alive.
      for (const socket of listeners.sockets) socket.unref();
    },
  };
}
