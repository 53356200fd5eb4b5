import { mkdirSync } from 'node:fs';
import type { Bus } from '../bus/index.ts';
import { admittedObjects } from '../contract/admitted.ts';
import { within } from '../contract/deadline.ts';
import { Access, grantedBus, grantedObjects } from '../contract/grants.ts';
import {
  asStatusError,
  type BlobClient,
  type Context,
  guardBlobs,
  type Handover,
  type Health,
  type Instance,
  type Logger,
  type ObjectClient,
  type Provision,
  requirementsOf,
  StatusError,
  WriteAdmission,
} from '../contract/index.ts';
import { named } from '../log.ts';
import type { LoadedPlugin } from './declaration.ts';
import type { Listeners } from './listeners.ts';
import type { Services } from './services.ts';
import type { Serving } from './serving.ts';

/** Milliseconds each step of a plugin's life may take. */
export interface Timing {
  readonly start: number;
  readonly stop: number;
  /** A whole swap, until the flip. */
  readonly swap: number;
  /** Between two health checks, and for each. */
  readonly health: number;
  /** First delay before a restart; it doubles up to 60 times that. */
  readonly restart: number;
  /** How long a lease is held without being renewed. */
  readonly lease: number;
}

export const TIMING: Timing = {
  start: 60_000,
  stop: 10_000,
  swap: 10_000,
  health: 5_000,
  restart: 1_000,
  lease: 15_000,
};

/** What the plugins of one thread share. */
export interface Surroundings {
  readonly kernel: Context['kernel'];
  /** The store, its writes marked as the named plugin's. */
  objects(writer: string): ObjectClient;
  readonly bus: Bus;
  readonly blobs: BlobClient;
  readonly log: Logger;
  readonly services: Services;
  /** Folders of the named plugin. */
  dataDir(plugin: string): string;
  cacheDir(plugin: string): string;
  readonly timing: Timing;
  /** A `required` plugin has failed again and again. */
  fatal(error: Error): void;
}

/** Thrown by `ctx.skip`. */
export class Skipped extends Error {
  override readonly name = 'Skipped';
}

/** One instance of a plugin, from start to stop. */
export class Run {
  readonly revision: number;
  readonly log: Logger;
  readonly serving: Serving;
  readonly #plugin: LoadedPlugin;
  readonly #around: Surroundings;
  readonly #access: Access;
  readonly #abort = new AbortController();
  readonly #cleanups: (() => void | Promise<void>)[] = [];
  /** After a `stop` with a successor: when its access has ended. */
  revoked: Promise<void> = Promise.resolve();
  #instance: Instance | undefined;
  #provisions: readonly Provision[] = [];

  constructor(plugin: LoadedPlugin, revision: number, around: Surroundings, serving: Serving) {
    const { name, grants } = plugin.declaration;
    this.serving = serving;
    this.revision = revision;
    this.#plugin = plugin;
    this.#around = around;
    this.log = named(around.log, name, revision);
    this.#access = new Access(`plugin "${name}" revision ${revision}`, grants);
  }

  get version(): string {
    return this.#plugin.declaration.version;
  }

  get failed(): Promise<Error> | undefined {
    return this.#instance?.failed;
  }

  get provisions(): readonly Provision[] {
    return this.#provisions;
  }

  /** Throws `Skipped`, or the reason it failed; then everything it did is undone. */
  async start(
    listeners: Listeners,
    inherited: Handover | undefined,
    ms: number,
    swapping: boolean,
  ): Promise<void> {
    const context = this.#context(listeners, inherited, swapping);
    const { declaration } = this.#plugin;
    let starting: Promise<Instance> | undefined;
    try {
      this.#instance = await within(
        ms,
        'start',
        () => (starting = (async () => declaration.start(context))()),
        this.#abort.signal,
      );
      this.#checkProvisions();
    } catch (error) {
      if (!this.#instance) this.#stopLate(starting);
      await this.stop('failed to start');
      throw error instanceof Skipped ? error : this.#labelled(error);
    }
  }

  /** Makes a `start` that is under way fail. */
  cancel(): void {
    this.#abort.abort(new StatusError('ServiceUnavailable', `${this.#access.label} is stopped`));
  }

  async health(ms: number): Promise<Health> {
    try {
      return (await within(ms, 'its health check', () => this.#instance?.health?.())) ?? { healthy: true };
    } catch (error) {
      return { healthy: false, message: asStatusError(error).message };
    }
  }

  /** A copy of what the instance leaves to its successor. */
  async drain(ms: number): Promise<Handover | undefined> {
    const handover = await within(ms, `drain of ${this.#access.label}`, () => this.#instance?.drain?.());
    return handover && (JSON.parse(JSON.stringify(handover)) as Handover);
  }

  async resume(): Promise<void> {
    await within(this.#around.timing.stop, `resume of ${this.#access.label}`, () =>
      this.#instance?.resume?.(),
    );
  }

  /**
   * Ends the instance: it may finish what it has in hand and clean up, then its access is revoked. Never throws: what goes wrong is
   * logged. Calls that a successor finds in hand, of its services and by the bus, keep it until they end, for as long as a stop may take.
   */
  async stop(
    why: string,
    successor?: { serves: readonly string[]; inHand: Promise<unknown>[] },
  ): Promise<void> {
    this.cancel();
    const { stop } = this.#around.timing;
    if (successor) await this.serving.leave(successor.serves);
    const instance = this.#instance;
    this.#instance = undefined;
    const steps = [() => instance?.stop?.(), ...this.#cleanups.splice(0).reverse()];
    for (const step of steps) {
      await within(stop, 'stop', step).catch((error: unknown) =>
        this.log.warn('did not stop cleanly', { error: asStatusError(error).message }),
      );
    }
    this.#access.close();
    await this.serving.flush();
    const revoke = (): void => this.#access.revoke(why);
    const inHand = successor ? [...successor.inHand, ...this.serving.inHand] : [];
    if (inHand.length === 0) return revoke();
    this.revoked = within(stop, 'a call', () => Promise.allSettled(inHand)).then(revoke, revoke);
  }

  /** A start that was given up may still end: then what it made is stopped. */
  #stopLate(starting: Promise<Instance> | undefined): void {
    starting?.then(
      async (instance) => {
        this.#instance = instance;
        await this.stop('started too late');
      },
      () => {
        // The reason it was given up has been reported.
      },
    );
  }

  #checkProvisions(): void {
    if (typeof this.#instance !== 'object' || this.#instance === null) {
      const text = 'start must return an instance: { provides, health, drain, resume, stop }';
      throw new StatusError('Invalid', text);
    }
    // Read once: it must not be another the next time.
    const given = Array.from(this.#instance.provides ?? [], ({ token, ...each }) => ({
      ...each,
      token: { kind: token.kind, many: token.many },
    }));
    const declared = this.#plugin.declaration.provides ?? [];
    for (const { token, name } of given) {
      if (!declared.some(({ kind, many }) => kind === token.kind && many === token.many)) {
        const text = `provides ${token.kind}, which its declaration does not list in provides`;
        throw new StatusError('Invalid', text);
      }
      if (token.many !== (name !== '')) {
        throw new StatusError('Invalid', `provides ${token.kind} ${token.many ? 'without' : 'with'} a name`);
      }
    }
    const missing = declared.find(
      ({ kind, many }) => !many && !given.some(({ token }) => token.kind === kind),
    );
    if (missing)
      throw new StatusError('Invalid', `declares ${missing.kind} in provides, but start did not return it`);
    this.#provisions = given;
  }

  #labelled(error: unknown): StatusError {
    const { reason, message, details } = asStatusError(error);
    const { label } = this.#access;
    // As who it is refused what modules hold, which know no revisions.
    const known = message.replace(`plugin "${this.#plugin.declaration.name}" may `, `${label} may `);
    const text = known.startsWith(label) ? known : `${label}: ${message}`;
    return new StatusError(reason, text, details, { cause: error });
  }

  #context(listeners: Listeners, inherited: Handover | undefined, swapping: boolean): Context {
    const { declaration, config } = this.#plugin;
    const { name } = declaration;
    const around = this.#around;
    const access = this.#access;
    return {
      plugin: { name, revision: this.revision },
      kernel: Object.freeze({ ...around.kernel }),
      config: structuredClone(config),
      services: this.#services() as Context['services'],
      objects: grantedObjects(this.#objects(), access),
      bus: grantedBus(this.serving.bus, access),
      blobs: guardBlobs(around.blobs, (need) => access.blobs(need), this.#abort.signal),
      log: this.log,
      dataDir: folder(around.dataDir(name)),
      cacheDir: folder(around.cacheDir(name)),
      signal: this.#abort.signal,
      inherited,
      defer: (cleanup) => void this.#cleanups.push(cleanup),
      skip: (reason) => {
        throw new Skipped(reason);
      },
      listen: async (options, onConnection) => {
        access.host('net', `listen on ${options.host}:${options.port}`);
        return await listeners.listen(options, onConnection, swapping);
      },
    };
  }

  /** Its provider has admitted what it writes. What another writes while that is being started again is asked of the instance that failed. */
  #objects(): ObjectClient {
    const { name, provides = [] } = this.#plugin.declaration;
    const store = this.#around.objects(name);
    if (provides.some(({ kind }) => kind === WriteAdmission.kind)) return store;
    const admission = (): object | undefined => this.#around.services.last(WriteAdmission.kind);
    return admittedObjects(store, name, admission as () => WriteAdmission | undefined);
  }

  /** Looked up at each access: an optional service may come and go. */
  #services(): object {
    const { services } = this.#around;
    const resolved = {};
    for (const { key, kind, many, optional } of requirementsOf(this.#plugin.declaration)) {
      const get = many
        ? () => services.many(kind)
        : () => (optional && !services.available(kind) ? undefined : services.one(kind));
      Object.defineProperty(resolved, key, { get, enumerable: true });
    }
    return resolved;
  }
}

function folder(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}
