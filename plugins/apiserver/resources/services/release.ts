import {
  type Context,
  type Controller,
  controller,
  IPAddresses,
  isStatus,
  type ObjectClient,
  type Service,
  Services,
  source,
} from 'orlop/plugin';
import { clusterIPsOf, isHeld, NodePorts, nodePortsOf } from './allocate.ts';

/**
 * Gives back the addresses and node ports that no Service has any more; at start too, for those that went while nobody looked. Any number
 * of servers may run it. Source: kubernetes `servicecidr` and `portallocator/controller/repair.go`.
 */
export function releaseReservations(ctx: Pick<Context, 'objects' | 'log' | 'signal'>): Controller {
  const reserved = (service: Service): string[] => [
    ...clusterIPsOf(service).map((ip) => `ip/${ip}`),
    ...nodePortsOf(service).map((port) => `port/${port}`),
  ];
  return controller(ctx, {
    concurrency: 4,
    sources: [
      // Deleting or changing a Service names what it had before.
      source(ctx, Services, (service, previous) => [
        ...reserved(service),
        ...(previous ? reserved(previous) : []),
      ]),
      source(ctx, IPAddresses, ({ metadata }) => [`ip/${metadata!.name!}`]),
      source(ctx, NodePorts, ({ metadata }) => [`port/${metadata!.name!}`]),
    ],
    reconcile: (key) => release(ctx.objects, key),
  });
}

async function release(objects: ObjectClient, key: string): Promise<void> {
  const name = key.slice(key.indexOf('/') + 1);
  if (key.startsWith('ip/')) {
    const found = await objects.get(IPAddresses, { name });
    if (found?.value.spec.parentRef.resource !== 'services') return;
    if (await isHeld(objects, found.value.spec.parentRef, (owner) => clusterIPsOf(owner).includes(name)))
      return;
    await drop(objects.delete(IPAddresses, { name }, { revision: found.revision }));
    return;
  }
  const found = await objects.get(NodePorts, { name });
  if (!found) return;
  if (await isHeld(objects, found.value.spec, (owner) => nodePortsOf(owner).includes(Number(name)))) return;
  await drop(objects.delete(NodePorts, { name }, { revision: found.revision }));
}

/** Somebody took it over, or released it first. */
async function drop(deletion: Promise<unknown>): Promise<void> {
  try {
    await deletion;
  } catch (error) {
    if (!isStatus(error, 'NotFound', 'Conflict')) throw error;
  }
}
