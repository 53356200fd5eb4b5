import { isStatus } from './errors.ts';
import { type KubeObject, keyOf, keyOfObject } from './model/object.ts';
import type { Resource, Watch, WatchOptions } from './objects.ts';
import type { Context, Instance } from './plugin.ts';

/** Work a reconcile asks for beyond having succeeded. */
export interface Requeue {
  /** Milliseconds until the same key is reconciled again. */
  after: number;
}

/** Objects whose changes lead to keys to reconcile. */
export interface Source {
  start(enqueue: (key: string) => void): Watch;
}

/**
 * Watches a resource for `controller`; `keys` maps a changed object to the keys to reconcile (default: its own). `previous` is its state
 * before, so that the keys it used to belong to are reconciled too.
 */
export function source<T extends KubeObject>(
  ctx: Pick<Context, 'objects' | 'log' | 'signal'>,
  resource: Resource<T>,
  keys: (object: T, previous: T | undefined) => Iterable<string> = (object) => [keyOfObject(object)],
  options: Pick<WatchOptions<T>, 'namespace' | 'where'> = {},
): Source {
  return {
    start(enqueue) {
      const known = new Map<string, T>();
      return informer(ctx, resource, options, {
        changed(object) {
          const key = keyOfObject(object);
          for (const each of keys(object, known.get(key))) enqueue(each);
          known.set(key, object);
        },
        deleted(object) {
          const key = keyOfObject(object);
          for (const each of keys(object, known.get(key))) enqueue(each);
          known.delete(key);
        },
      });
    },
  };
}

export interface InformerHandler<T> {
  changed(object: T): void;
  deleted(object: T): void;
  /** The initial state has been delivered; again after each relist. */
  synced?(): void;
}

/**
 * A watch that never ends: it lists anew when its revision has expired, and then reports what changed and what disappeared meanwhile.
 * Source: client-go's reflector.
 */
export function informer<T extends KubeObject>(
  ctx: Pick<Context, 'objects' | 'log' | 'signal'>,
  resource: Resource<T>,
  options: Pick<WatchOptions<T>, 'namespace' | 'where'>,
  handler: InformerHandler<T>,
): Watch {
  const known = new Map<string, T>();
  let unseen: Set<string> | undefined;
  let watch: Watch | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  function open(): void {
    unseen = new Set(known.keys());
    watch = ctx.objects.watch(
      resource,
      { ...options, initial: true },
      {
        event(event) {
          if (event.type === 'BOOKMARK') {
            if (event.initialEventsEnd) settle();
            return;
          }
          const object = event.object!.value;
          const key = keyOf(event.object!.key);
          unseen?.delete(key);
          if (event.type === 'DELETED') {
            known.delete(key);
            handler.deleted(object);
          } else {
            known.set(key, object);
            handler.changed(object);
          }
        },
        closed(error) {
          if (closed || ctx.signal.aborted) return;
          if (!isStatus(error, 'Expired')) {
            ctx.log.warn(`the watch of ${resource.resource} ended; watching again`, { error: String(error) });
          }
          timer = setTimeout(open, 100);
        },
      },
    );
  }

  function settle(): void {
    for (const key of unseen ?? []) {
      const object = known.get(key)!;
      known.delete(key);
      handler.deleted(object);
    }
    unseen = undefined;
    handler.synced?.();
  }

  open();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      watch?.close();
    },
  };
}

export interface ControllerOptions {
  sources: readonly Source[];
  /**
   * Makes the world match the object named by `key` (see `keyOf`). Never runs twice at once for one key. A Conflict is retried at once,
   * any other error with back-off from 50 ms doubling to 60 s and a log line.
   */
  reconcile(key: string): Promise<Requeue | void>;
  /** How many keys at once. Default 8. */
  concurrency?: number;
}

export interface Controller {
  enqueue(key: string): void;
  /** Waits for running reconciles to end. */
  stop(): Promise<void>;
}

/** A reconcile loop over a deduplicating work queue. Source: controller-runtime and client-go's `workqueue`. */
export function controller(ctx: Pick<Context, 'log' | 'signal'>, options: ControllerOptions): Controller {
  const concurrency = options.concurrency ?? 8;
  const queued = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const again = new Set<string>();
  const failures = new Map<string, number>();
  const timers = new Map<string, NodeJS.Timeout>();
  let stopped = false;

  function enqueue(key: string): void {
    if (stopped) return;
    clearTimeout(timers.get(key));
    timers.delete(key);
    if (running.has(key)) again.add(key);
    else queued.add(key);
    pump();
  }

  function later(key: string, after: number): void {
    if (stopped) return;
    clearTimeout(timers.get(key));
    timers.set(
      key,
      setTimeout(() => enqueue(key), after),
    );
  }

  function pump(): void {
    for (const key of queued) {
      if (stopped || running.size >= concurrency) return;
      queued.delete(key);
      running.set(key, run(key));
    }
  }

  async function run(key: string): Promise<void> {
    await Promise.resolve();
    try {
      const result = await options.reconcile(key);
      failures.delete(key);
      if (result) later(key, result.after);
    } catch (error) {
      retry(key, error);
    }
    running.delete(key);
    if (again.delete(key)) enqueue(key);
    pump();
  }

  function retry(key: string, error: unknown): void {
    if (stopped || ctx.signal.aborted) return;
    const count = failures.get(key) ?? 0;
    failures.set(key, count + 1);
    if (isStatus(error, 'Conflict') && count < 5) {
      again.add(key);
      return;
    }
    const after = Math.min(60_000, 50 * 2 ** Math.min(count, 20));
    ctx.log.warn(`${key} could not be reconciled; trying again in ${after} ms`, {
      error: error instanceof Error ? error.message : String(error),
    });
    later(key, after);
  }

  const watches = options.sources.map((each) => each.start(enqueue));

  return {
    enqueue,
    async stop() {
      stopped = true;
      for (const watch of watches) watch.close();
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
      queued.clear();
      await Promise.all(running.values());
    },
  };
}

/**
 * A plugin that is one loop: drained by stopping it, so that two never act at once during a swap, and resumed by running a new one,
 * which reads the state of the world anew.
 */
export function loopInstance(run: () => { stop(): Promise<void> }): Instance {
  let loop = run();
  return {
    async drain() {
      await loop.stop();
      return undefined;
    },
    resume() {
      loop = run();
    },
    stop: () => loop.stop(),
  };
}
