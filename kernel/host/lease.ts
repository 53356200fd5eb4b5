import {
  informer,
  isStatus,
  type Lease,
  Leases,
  type Logger,
  microTimestamp,
  type ObjectClient,
  type Watch,
} from '../contract/index.ts';

export interface LeaseOptions {
  objects: ObjectClient;
  log: Logger;
  /** Of the plugin, and so of the Lease in `kube-system`. */
  name: string;
  /** The kernel's id. The same kernel holds the lease again at once after a restart. */
  identity: string;
  /** Milliseconds a lease is valid without being renewed. */
  duration: number;
  acquired(): Promise<void>;
  /** Ends what only the holder may do. Called before anybody else can hold the lease. */
  lost(): Promise<void>;
  /** Told who holds it instead. */
  waiting(holder: string): void;
}

const NAMESPACE = 'kube-system';

/**
 * Leader election on a `coordination.k8s.io` Lease, as client-go's `leaderelection`: time is measured on this machine's monotonic clock from
 * when a renewal was seen, never by the timestamps of others, and the store's compare-and-swap decides between candidates.
 */
export class LeaseHolder {
  readonly #o: LeaseOptions;
  readonly #abort = new AbortController();
  #watch: Watch | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lease: Lease | undefined;
  #held = false;
  #renewed = 0;
  #seenAt = 0;
  #turn: Promise<void> = Promise.resolve();
  #decided: (() => void) | undefined;

  constructor(o: LeaseOptions) {
    this.#o = o;
  }

  /** Returns when the first attempt is decided: `acquired` has run, or another kernel holds the lease. */
  async start(): Promise<void> {
    const decided = new Promise<void>((resolve) => (this.#decided = resolve));
    const { objects, log, name } = this.#o;
    this.#watch = informer(
      { objects, log, signal: this.#abort.signal },
      Leases,
      { namespace: NAMESPACE, where: (lease) => lease.metadata?.name === name },
      {
        changed: (lease) => this.#seen(lease),
        deleted: () => this.#seen(undefined),
        synced: () => {
          if (!this.#lease) this.#seen(undefined);
        },
      },
    );
    await decided;
  }

  /** Ceases to try for the lease, or to renew it. */
  close(): void {
    this.#abort.abort();
    clearTimeout(this.#timer);
    this.#watch?.close();
    this.#decided?.();
  }

  /** After `close`: gives the lease up, so that another candidate gets it at once. What it protects must have ended. */
  async release(): Promise<void> {
    await this.#turn;
    if (!this.#held) return;
    this.#held = false;
    await this.#write('', 1_000);
  }

  #seen(lease: Lease | undefined): void {
    if (lease && this.#lease && revisionOf(lease) < revisionOf(this.#lease)) return;
    this.#lease = lease;
    this.#seenAt = performance.now();
    if (this.#held && this.#free()) return;
    this.#plan(this.#held || this.#free() ? 0 : this.#o.duration);
  }

  #free(): boolean {
    const holder = this.#lease?.spec?.holderIdentity ?? '';
    return holder === '' || holder === this.#o.identity;
  }

  #plan(delay: number): void {
    clearTimeout(this.#timer);
    if (this.#abort.signal.aborted) return;
    if (delay > 0) this.#wait();
    this.#timer = setTimeout(() => {
      this.#turn = this.#turn.then(() => (this.#held ? this.#renew() : this.#acquire()));
    }, delay).unref();
  }

  #wait(): void {
    if (this.#held) return;
    this.#o.waiting(this.#lease?.spec?.holderIdentity ?? '');
    this.#decided?.();
  }

  async #acquire(): Promise<void> {
    if (this.#abort.signal.aborted) return;
    const { duration, log, name } = this.#o;
    const left = this.#seenAt + duration - performance.now();
    if (!this.#free() && left > 0) return this.#plan(left);
    try {
      await this.#write(this.#o.identity, duration);
    } catch (error) {
      // A lost race shows up in the watch.
      if (!isStatus(error, 'Conflict', 'AlreadyExists')) {
        log.warn(`the lease of plugin "${name}" could not be acquired; trying again`, {
          error: String(error),
        });
      }
      return this.#plan(duration / 5);
    }
    this.#held = true;
    if (this.#abort.signal.aborted) return;
    this.#plan(duration / 3);
    await this.#o.acquired();
    this.#decided?.();
  }

  async #renew(): Promise<void> {
    if (this.#abort.signal.aborted) return;
    const { duration, identity, log, name } = this.#o;
    try {
      if (!this.#free()) return await this.#lose(`held by ${this.#lease?.spec?.holderIdentity}`);
      await this.#write(identity, duration);
      this.#plan(duration / 3);
    } catch (error) {
      log.warn(`the lease of plugin "${name}" could not be renewed`, { error: String(error) });
      if (performance.now() - this.#renewed > (duration * 2) / 3)
        return await this.#lose('not renewed in time');
      this.#plan(duration / 15);
    }
  }

  async #lose(why: string): Promise<void> {
    this.#o.log.warn(`the lease of plugin "${this.#o.name}" is lost`, { why });
    this.#held = false;
    await this.#o.lost();
    this.#plan(this.#o.duration / 5);
  }

  async #write(holder: string, duration: number): Promise<void> {
    const { objects, name } = this.#o;
    const started = performance.now();
    const now = microTimestamp();
    const { metadata, spec } = this.#lease ?? {};
    const taken = holder !== '' && spec?.holderIdentity !== holder;
    const lease: Lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: metadata ?? { name, namespace: NAMESPACE },
      spec: {
        holderIdentity: holder,
        leaseDurationSeconds: Math.ceil(duration / 1_000),
        acquireTime: (taken ? now : spec?.acquireTime) ?? now,
        renewTime: now,
        leaseTransitions: (spec?.leaseTransitions ?? 0) + (taken && spec ? 1 : 0),
      },
    };
    const stored = await (this.#lease ? objects.update(Leases, lease) : objects.create(Leases, lease));
    this.#lease = stored.value;
    this.#renewed = started;
  }
}

function revisionOf(lease: Lease): number {
  return Number(lease.metadata?.resourceVersion ?? 0);
}
