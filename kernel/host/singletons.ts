import { within } from '../contract/deadline.ts';
import type { Logger, ObjectClient } from '../contract/index.ts';
import { LeaseHolder } from './lease.ts';
import type { Unit } from './unit.ts';

/** Milliseconds a last write may take while everything stops: NATS may be gone. */
export const LAST_WRITE = 3_000;

interface Options {
  /** For the lease of the named plugin. */
  objects(name: string): ObjectClient;
  log: Logger;
  /** See `LeaseOptions`. */
  identity: string;
  duration: number;
}

/** Starts and stops plugins of this thread: singletons while this kernel holds their lease, in whatever thread of it. */
export class Singletons {
  readonly #o: Options;
  readonly #leases = new Map<string, LeaseHolder>();

  constructor(o: Options) {
    this.#o = o;
  }

  /** Returns when it runs, waits, or has failed to. */
  async start(unit: Unit): Promise<void> {
    if (!unit.plugin.declaration.singleton) return await unit.start();
    const { objects, ...o } = this.#o;
    const lease = new LeaseHolder({
      ...o,
      objects: objects(unit.name),
      name: unit.name,
      acquired: () => unit.start(),
      lost: () => unit.stop(),
      waiting: (holder) => {
        // One that came from another thread of this kernel is at it still.
        if (holder === o.identity) return;
        if (holder === '') unit.explain('Pending', 'waits for its lease');
        else unit.explain('Standby', `runs in kernel ${holder}, which holds its lease`);
      },
    });
    this.#leases.set(unit.name, lease);
    await lease.start();
  }

  async stop(unit: Unit): Promise<void> {
    const lease = this.#leases.get(unit.name);
    this.leave(unit.name);
    await unit.stop();
    await within(LAST_WRITE, 'writing to the store', () => lease?.release()).catch((error: unknown) =>
      this.#o.log.warn(`the lease of plugin "${unit.name}" could not be released`, { error: String(error) }),
    );
  }

  /** Another thread of this kernel keeps its lease from now on. */
  leave(name: string): void {
    this.#leases.get(name)?.close();
    this.#leases.delete(name);
  }

  /** Whether a lease decides if it runs here. */
  has(name: string): boolean {
    return this.#leases.has(name);
  }
}
