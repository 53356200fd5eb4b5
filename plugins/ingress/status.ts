import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  type Context,
  type Controller,
  controller,
  type Ingress,
  IngressClasses,
  Ingresses,
  isStatus,
  parseKey,
  source,
} from 'orlop/plugin';
import { CONTROLLER, type Tables } from './tables.ts';

export const CLASS = 'orlop';

/** Makes the class `orlop`, the default one, unless there is one of that name: a user's changes to it stay. */
export async function ensureClass(ctx: Pick<Context, 'objects'>): Promise<void> {
  try {
    await ctx.objects.create(IngressClasses, {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IngressClass',
      metadata: { name: CLASS, annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } },
      spec: { controller: CONTROLLER },
    });
  } catch (error) {
    if (!isStatus(error, 'AlreadyExists')) throw error;
  }
}

/** Adds this node's address to `status.loadBalancer` of the Ingresses that are ours. */
export function statusWriter(ctx: Context, tables: Tables, address: string, ports: number[]): Controller {
  return controller(ctx, {
    sources: [source(ctx, Ingresses)],
    async reconcile(key) {
      const { namespace = '', name } = parseKey(key);
      const mine = tables
        .ours()
        .some(({ metadata }) => metadata?.namespace === namespace && metadata.name === name);
      if (!mine) return;
      try {
        await ctx.objects.modify(Ingresses, { namespace, name }, (ingress) =>
          addAddress(ingress, address, ports),
        );
      } catch (error) {
        if (!isStatus(error, 'NotFound')) throw error;
      }
    },
  });
}

/** False: it is there already. */
function addAddress(ingress: Ingress, ip: string, ports: number[]): boolean {
  const present = ingress.status?.loadBalancer?.ingress ?? [];
  if (present.some((each) => each.ip === ip)) return false;
  const entry = { ip, ports: ports.map((port) => ({ port, protocol: 'TCP' })) };
  ingress.status = { loadBalancer: { ingress: [...present, entry] } };
  return true;
}

/** The address this machine reaches others from; connecting a datagram socket asks the routing table and sends nothing. */
export async function machineAddress(): Promise<string> {
  const socket = createSocket('udp4');
  try {
    socket.connect(53, '198.51.100.1');
    await once(socket, 'connect');
    return socket.address().address;
  } catch {
    return '127.0.0.1';
  } finally {
    socket.close();
  }
}
