import { StatusError } from 'orlop/plugin';
import { already, type Engine, found } from './engine.ts';
import { LABEL } from './labels.ts';

/** The pod network of one node: a Docker bridge network on the subnet that the network plugin leaves to runtimes. */
export interface Bridge {
  /** Makes the network; remakes it when the subnet changed and nothing uses it. Returns its name. */
  ensure(subnet: string, gateway: string): Promise<string>;
  /** Removes it, unless something uses it. */
  remove(): Promise<void>;
}

export function bridge(engine: Engine, instance: string): Bridge {
  const name = `orlop-${instance}`;
  let making: Promise<void> = Promise.resolve();

  async function make(subnet: string, gateway: string): Promise<void> {
    const present = await found(engine.getNetwork(name).inspect());
    if (present) {
      const config = present.IPAM?.Config?.[0];
      if (config?.['Subnet'] === subnet && config['Gateway'] === gateway) return;
      await engine.getNetwork(name).remove();
    }
    try {
      await engine.createNetwork({
        Name: name,
        Driver: 'bridge',
        CheckDuplicate: true,
        IPAM: { Driver: 'default', Config: [{ Subnet: subnet, Gateway: gateway }] },
        Labels: { [LABEL.instance]: instance },
      });
    } catch (error) {
      const said = (error as { json?: { message?: string } }).json?.message ?? String(error);
      throw new StatusError(
        'InternalError',
        `the pod network ${subnet} could not be made in Docker: ${said}. ` +
          'If another network has this range, see `docker network ls` and set another pod CIDR in the network plugin',
        {},
        { cause: error },
      );
    }
  }

  return {
    async ensure(subnet, gateway) {
      const next = making.catch(() => undefined).then(() => make(subnet, gateway));
      making = next;
      await next;
      return name;
    },
    remove: () => already(engine.getNetwork(name).remove(), 403, 404),
  };
}
