import type { Socket } from 'node:net';
import type { BlobClient } from './blobs/index.ts';
import type { BusClient, Json } from './bus.ts';
import type { ObjectClient, Resource } from './objects.ts';

/**
 * A typed name for a service one plugin provides and others require. `scheduler.v1` and the like are kinds; a token's kind says
 * which plugin kind provides it. `one`: a single provider; `many`: any number, each under its own name.
 */
export interface ServiceToken<T, Many extends boolean = boolean> {
  readonly kind: string;
  readonly many: Many;
  readonly _type?: T;
}

export function service<T>(kind: string): ServiceToken<T, false> {
  return Object.freeze({ kind, many: false });
}

export function services<T>(kind: string): ServiceToken<T, true> {
  return Object.freeze({ kind, many: true });
}

/** A requirement that may be missing: `ctx.services.x` is then `undefined`. */
export interface OptionalToken<T> {
  readonly optional: ServiceToken<T, false>;
}

export function optional<T>(token: ServiceToken<T, false>): OptionalToken<T> {
  return { optional: token };
}

// biome-ignore lint/suspicious/noExplicitAny: the map holds tokens of every service type
export type Requirements = Record<string, ServiceToken<any> | OptionalToken<any>>;

/**
 * What `ctx.services` holds: proxies that survive a provider's swap; a live map by name for `many`. A `many` requirement orders
 * start-up after its providers but is satisfied by none.
 */
export type Resolved<R extends Requirements> = {
  readonly [K in keyof R]: R[K] extends OptionalToken<infer T>
    ? T | undefined
    : R[K] extends ServiceToken<infer T, infer Many>
      ? Many extends true
        ? ReadonlyMap<string, T>
        : T
      : never;
};

/** One service handed out by `start`. `name` is required for a `many` token, e.g. the runtime's handler. */
export interface Provision {
  readonly token: ServiceToken<unknown>;
  readonly name: string;
  readonly service: object;
}

export function provide<T extends object>(token: ServiceToken<T, false>, service: T): Provision;
export function provide<T extends object>(token: ServiceToken<T, true>, service: T, name: string): Provision;
export function provide<T extends object>(token: ServiceToken<T>, service: T, name = ''): Provision {
  return { token: token as ServiceToken<unknown>, name, service };
}

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'delete';

/** What a plugin may touch. Everything else is `Forbidden`, with an error that names the grant to ask for. */
export interface Grants {
  /** `resource` may be `'*'` for all resources; `verbs` `'*'` for all verbs; reading is `get`, `list` and `watch`. */
  objects?: { resource: Resource | '*'; verbs: readonly Verb[] | '*' }[];
  /** NATS subject patterns it may publish to or request. */
  publish?: readonly string[];
  /** NATS subject patterns it may subscribe to or serve. */
  subscribe?: readonly string[];
  /** `read`: get, stat, list; `write`: put, keep, delete, sweep. */
  blobs?: readonly ('read' | 'write')[];
  /** To write in the name of users: `objects.onBehalfOf`. */
  impersonate?: boolean;
  /**
   * Powers over the machine, of its modules and those they import, from its start on: sockets and `ctx.listen`; programs, threads and native code;
   * sockets for a client of an engine; the file system.
   */
  host?: readonly ('net' | 'exec' | 'docker' | 'files')[];
}

/** JSON Schema (draft 2020-12 subset: type, properties, required, enum, default, items, minimum, maximum, pattern, description). */
export interface JsonSchema {
  type?: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean';
  description?: string;
  properties?: Record<string, JsonSchema>;
  required?: readonly string[];
  items?: JsonSchema;
  enum?: readonly Json[];
  default?: Json;
  minimum?: number;
  maximum?: number;
  pattern?: string;
  additionalProperties?: boolean | JsonSchema;
}

/** JSON-safe state an instance leaves to its successor of the same kind. */
export interface Handover {
  schema: number;
  state: Json;
}

export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

export interface ListenOptions {
  /** Address to bind; `0.0.0.0` for all. */
  host: string;
  /** 0 picks a free one. */
  port: number;
}

/** A listening socket owned by the host: it outlives the instance, and a successor that listens on the same address takes it over. */
export interface Listener {
  readonly host: string;
  readonly port: number;
  /** Stops accepting and gives the address up, now. */
  close(): Promise<void>;
  /**
   * For an instance that has been replaced or is being restarted: its successor takes this live connection as if it had just been accepted.
   * `socket`: between two requests, paused, its bytes not yet used unshifted, without listeners of the caller; it may be a TLS socket made
   * from an accepted one. False: nobody listens here any more, and the connection stays the caller's.
   */
  pass(socket: Socket): boolean;
}

export interface Context<C = unknown, R extends Requirements = Requirements> {
  /** `name` as declared; `revision` counts the instances of this plugin in this kernel. */
  readonly plugin: { readonly name: string; readonly revision: number };
  /** The kernel this instance runs in: its stable id, and the node it stands for if any. */
  readonly kernel: { readonly id: string; readonly node: string | undefined; readonly version: string };
  readonly config: C;
  readonly services: Resolved<R>;
  readonly objects: ObjectClient;
  readonly bus: BusClient;
  readonly blobs: BlobClient;
  readonly log: Logger;
  /** A folder of this plugin's own; outlives instances and processes. */
  readonly dataDir: string;
  /** As `dataDir`, but may be emptied at any time between runs. */
  readonly cacheDir: string;
  /** Aborted when the instance is stopped or revoked. */
  readonly signal: AbortSignal;
  /** What the predecessor's `drain` returned, at a swap. */
  readonly inherited: Handover | undefined;
  /** Runs at stop, last in first out; also when `start` throws. */
  defer(cleanup: () => void | Promise<void>): void;
  /** Ends `start` without failing: nothing to do on this machine. Shown as `Skipped` with the reason. */
  skip(reason: string): never;
  /**
   * Needs the host grant `net`. Throws `StatusError` when the address is taken: which, and what to do. Sockets are half-open: `end` them.
   * During a swap connections wait until it is decided; those the old instance has stay its own until they close or it passes them on.
   */
  listen(options: ListenOptions, onConnection: (socket: Socket) => void): Promise<Listener>;
}

export interface Health {
  healthy: boolean;
  message?: string;
}

/** A running plugin. The host calls each method, at most one at a time, in the order start, health*, drain, (resume | stop). */
export interface Instance {
  provides?: readonly Provision[];
  /** Resolves when the instance cannot go on: it is stopped and another started, with back-off. */
  failed?: Promise<Error>;
  /** Called after start, before a swap flips, and every few seconds. Throwing is being unhealthy. */
  health?(): Health | Promise<Health>;
  /** Stop taking new work and export what a successor needs. After it, either `resume` or `stop`. */
  drain?(): Handover | undefined | Promise<Handover | undefined>;
  /** The swap failed: go on as before `drain`. */
  resume?(): void | Promise<void>;
  stop?(): void | Promise<void>;
}

/**
 * `inline`: the kernel's own thread. `worker`: a worker thread with a kernel of its own; plugins naming the same worker share it. `process`:
 * another process, started from a manifest or reached over the bus, with a proxy in the kernel's own thread.
 */
export type Isolation =
  | 'inline'
  | 'process'
  | {
      readonly worker: string;
      /**
       * Of its heap and buffers, a Kubernetes quantity, e.g. `128Mi`; a thread that takes more is ended and started again. Of the plugins that
       * share a worker the largest counts, from the next start of the thread. Absent: Node's own limit.
       */
      readonly memory?: string;
    };

export interface PluginDeclaration<C = unknown, R extends Requirements = Requirements> {
  /** Lower-case DNS label, unique in a kernel. */
  name: string;
  /** Versioned, e.g. `runtime.v1`. */
  kind: string;
  version: string;
  /** One sentence for `kubectl get plugins` and the catalogue. */
  description: string;
  /** An `object` schema; defaults are filled in, unknown keys refused. */
  config?: JsonSchema;
  requires?: R;
  provides?: readonly ServiceToken<unknown>[];
  grants?: Grants;
  /** Acts only in the one kernel of the cluster that holds its lease. */
  singleton?: boolean;
  /** Failing to start is fatal to the kernel. */
  required?: boolean;
  isolation?: Isolation;
  start(ctx: Context<C, R>): Instance | Promise<Instance>;
}

/** Declares a plugin: data plus one function. The module's default export. */
export function definePlugin<C = Record<string, never>, R extends Requirements = Record<string, never>>(
  declaration: PluginDeclaration<C, R>,
): PluginDeclaration<C, R> {
  return declaration;
}
