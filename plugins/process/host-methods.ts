import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BlobInfo,
  type Context,
  type DeleteOptions,
  type Json,
  type KubeObject,
  matchLabelSelector,
  type ObjectKey,
  StatusError,
  type StoredObject,
} from 'orlop/plugin';
import { type JsonObject, rpcError, UnknownMethod } from './messages.ts';
import { LOG_BURST, LOG_RATE, Pace } from './pace.ts';
import type { Peer } from './peer.ts';
import { resourceOf } from './resources.ts';
import { Transfers } from './transfers.ts';

type Params = JsonObject;
const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** What a plugin in another process may ask of the host: its context, whose grants apply. */
export class HostMethods {
  readonly #ctx: Context;
  readonly #open = new Map<number, { close(): void }>();
  readonly #transfers: Transfers;
  readonly #pace = new Pace(LOG_RATE, LOG_BURST);
  #notify: Peer['notify'] = () => false;

  constructor(ctx: Context) {
    this.#ctx = ctx;
    this.#transfers = new Transfers(ctx.blobs, ctx.signal);
  }

  /** Where events of its watches and subscriptions go. */
  connect(notify: Peer['notify']): void {
    this.#notify = notify;
  }

  async serve(method: string, params: Params): Promise<Json | undefined> {
    const { objects, bus } = this.#ctx;
    switch (method) {
      case 'objects.get': {
        const options = { revision: optional(params, 'revision', 'number') };
        return found(await objects.get(resourceOf(params['resource']), keyOf(params), options));
      }
      case 'objects.list':
        return await this.#list(params);
      case 'objects.watch':
        return this.#watch(params);
      case 'objects.create':
        return found(await objects.create(resourceOf(params['resource']), objectOf(params)));
      case 'objects.update':
        return found(await objects.update(resourceOf(params['resource']), objectOf(params)));
      case 'objects.delete': {
        const options: DeleteOptions = {
          gracePeriodSeconds: optional(params, 'gracePeriodSeconds', 'number'),
          revision: optional(params, 'revision', 'number'),
          uid: optional(params, 'uid', 'string'),
        };
        return found(await objects.delete(resourceOf(params['resource']), keyOf(params), options));
      }
      case 'bus.publish':
        bus.publish(required(params, 'subject', 'string'), params['data'] ?? null);
        return null;
      case 'bus.request': {
        const options = { timeout: optional(params, 'timeout', 'number') ?? 5_000 };
        return await bus.request(required(params, 'subject', 'string'), params['data'] ?? null, options);
      }
      case 'bus.subscribe':
        return this.#subscribe(params);
      case 'objects.unwatch':
      case 'bus.unsubscribe':
        this.#close(required(params, 'id', 'number'));
        return null;
      case 'blobs.stat':
        return infoOf(await this.#ctx.blobs.stat(required(params, 'digest', 'string')));
      case 'blobs.get': {
        const id = required(params, 'id', 'number');
        const piece = await this.#transfers.get(id, required(params, 'digest', 'string'));
        return piece ? { data: piece.toString('base64') } : null;
      }
      case 'blobs.put': {
        const piece = bytesOf(required(params, 'data', 'string'));
        const isLast = optional(params, 'last', 'boolean') ?? false;
        return infoOf(await this.#transfers.put(required(params, 'id', 'number'), piece, isLast));
      }
      case 'blobs.close':
        this.#transfers.close(required(params, 'id', 'number'));
        return null;
      case 'log':
        return await this.#log(params);
      default:
        throw new UnknownMethod(
          `the host has no method ${JSON.stringify(method)}; see plugins/process/PROTOCOL.md`,
        );
    }
  }

  async #list(params: Params): Promise<Json> {
    const labels = params['matchLabels'] as Record<string, string> | undefined;
    const matches = labels && matchLabelSelector({ matchLabels: labels });
    const list = await this.#ctx.objects.list(resourceOf(params['resource']), {
      namespace: optional(params, 'namespace', 'string'),
      revision: optional(params, 'revision', 'number'),
      limit: optional(params, 'limit', 'number'),
      continue: optional(params, 'continue', 'string'),
      ...(matches ? { where: (value: KubeObject) => matches(value.metadata?.labels) } : {}),
    });
    return {
      items: list.items.map(({ value }) => value as Json),
      revision: list.revision,
      continue: list.continue,
    };
  }

  /** Bounded by what the other end leaves unread: then the watch ends with `Expired`, as for any watcher that is too slow. */
  #watch(params: Params): null {
    const id = this.#newId(params);
    const closed = (error?: Error): void => {
      this.#close(id);
      this.#notify(
        'objects.closed',
        { id, ...(error ? { error: rpcError(error) as unknown as Json } : {}) },
        true,
      );
    };
    const options = {
      namespace: optional(params, 'namespace', 'string'),
      name: optional(params, 'name', 'string'),
      since: required(params, 'since', 'number'),
      bookmarks: true,
    };
    const watch = this.#ctx.objects.watch(resourceOf(params['resource']), options, {
      event: ({ type, object, revision }) => {
        const value = object?.value as Json | undefined;
        if (!this.#notify('objects.event', { id, type, revision, object: value }) && this.#open.has(id))
          closed(new StatusError('Expired', 'too many events are unread; list again'));
      },
      closed: (error) => {
        if (this.#open.has(id)) closed(error);
      },
    });
    this.#open.set(id, watch);
    return null;
  }

  #subscribe(params: Params): null {
    const id = this.#newId(params);
    const queue = optional(params, 'queue', 'string');
    const subscription = this.#ctx.bus.subscribe(
      required(params, 'subject', 'string'),
      (data, subject) => {
        if (this.#notify('bus.message', { id, subject, data }) || !this.#open.has(id)) return;
        this.#close(id);
        const error = new StatusError('Expired', 'too many messages are unread; subscribe again');
        this.#notify('bus.closed', { id, error: rpcError(error) as unknown as Json }, true);
      },
      queue === undefined ? {} : { queue },
    );
    this.#open.set(id, subscription);
    return null;
  }

  /** Chosen by the other end, so that it knows what the first event is of. */
  #newId(params: Params): number {
    const id = required(params, 'id', 'number');
    if (this.#open.has(id))
      throw new StatusError('AlreadyExists', `id ${id} is of another watch or subscription`);
    return id;
  }

  #close(id: number): void {
    const opened = this.#open.get(id);
    this.#open.delete(id);
    opened?.close();
  }

  async #log(params: Params): Promise<null> {
    const level = LEVELS.find((each) => each === params['level']) ?? 'info';
    const fields = params['fields'] as Record<string, unknown> | undefined;
    this.#ctx.log[level](required(params, 'message', 'string'), fields);
    const wait = this.#pace.wait(1, performance.now());
    const { signal } = this.#ctx;
    // It is over with the instance, which is no error.
    if (wait > 0) await sleep(wait, undefined, { signal, ref: false }).catch(() => undefined);
    return null;
  }
}

/** Its `metadata.resourceVersion` is its revision. */
function found(stored: StoredObject | undefined): Json {
  return (stored?.value as Json | undefined) ?? null;
}

function infoOf(blob: BlobInfo | undefined): Json {
  return blob ? { digest: blob.digest, size: blob.size, modified: blob.modified.toISOString() } : null;
}

function bytesOf(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') === text) return bytes;
  throw new StatusError('BadRequest', 'params.data must be base64 (RFC 4648, padded)');
}

function keyOf(params: Params): ObjectKey {
  return { namespace: optional(params, 'namespace', 'string'), name: required(params, 'name', 'string') };
}

function objectOf(params: Params): KubeObject {
  const { object } = params;
  if (typeof object === 'object' && object !== null && !Array.isArray(object)) return object as KubeObject;
  throw new StatusError('BadRequest', 'params.object must be an object of the API');
}

interface Types {
  string: string;
  number: number;
  boolean: boolean;
}

function optional<T extends keyof Types>(params: Params, key: string, type: T): Types[T] | undefined {
  const value = params[key] ?? undefined;
  if (value === undefined || typeof value === type) return value as Types[T] | undefined;
  throw new StatusError('BadRequest', `params.${key} must be a ${type}, not ${JSON.stringify(value)}`);
}

function required<T extends keyof Types>(params: Params, key: string, type: T): Types[T] {
  const value = optional(params, key, type);
  if (value === undefined) throw new StatusError('BadRequest', `params.${key} is missing: a ${type}`);
  return value;
}
