import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerEvent, Logger } from 'orlop/plugin';
import { type Engine, engineError } from './engine.ts';
import { LABEL, ours } from './labels.ts';

const RETRY_MS = 1_000;

type Listener = (event: ContainerEvent) => void;

/** Follows the engine's events of this instance's containers. */
export interface EventFeed {
  subscribe(listener: Listener): () => void;
  close(): Promise<void>;
}

/**
 * No end is missed: after each (re)connection the state of all containers is reported once more. A listener makes the connection;
 * it is kept until `close`.
 */
export function eventFeed(options: {
  engine: Engine;
  address: string;
  instance: string;
  log: Logger;
}): EventFeed {
  const { engine, address, instance, log } = options;
  const listeners = new Set<Listener>();
  const closing = new AbortController();
  let running: Promise<void> | undefined;

  function emit(type: ContainerEvent['type'], id: string, labels: Record<string, string>): void {
    const event = {
      type,
      sandboxId: labels[LABEL.sandbox] ?? id,
      containerId: id,
      podUid: labels[LABEL.uid] ?? '',
    };
    for (const listener of listeners) listener(event);
  }

  function report(line: string): void {
    if (line.trim() === '') return;
    const { Action, Actor } = JSON.parse(line) as {
      Action: string;
      Actor: { ID: string; Attributes: Record<string, string> };
    };
    emit(Action === 'start' ? 'started' : 'exited', Actor.ID, Actor.Attributes);
  }

  async function relist(): Promise<void> {
    for (const each of await engine.listContainers({ all: true, filters: ours(instance) })) {
      if (each.State === 'running') emit('started', each.Id, each.Labels);
      else if (each.State !== 'created') emit('exited', each.Id, each.Labels);
    }
  }

  async function follow(): Promise<void> {
    const stream = (await engine.getEvents({
      filters: { type: ['container'], event: ['start', 'die'], ...ours(instance) },
    })) as Readable;
    const stop = (): void => {
      stream.destroy();
    };
    closing.signal.addEventListener('abort', stop, { once: true });
    try {
      const listed = relist();
      listed.catch(stop);
      let rest = '';
      for await (const chunk of stream.setEncoding('utf8')) {
        const lines = (rest + String(chunk)).split('\n');
        rest = lines.pop()!;
        for (const line of lines) report(line);
      }
      await listed;
    } finally {
      closing.signal.removeEventListener('abort', stop);
      stop();
    }
  }

  async function run(): Promise<void> {
    let lost = false;
    while (!closing.signal.aborted) {
      try {
        await follow();
      } catch (error) {
        if (closing.signal.aborted) return;
        if (!lost) {
          log.warn("the engine's events are not to be had; trying again until they are", {
            error: engineError(error, address).message,
          });
        }
        lost = true;
        await sleep(RETRY_MS, undefined, { signal: closing.signal }).catch(() => undefined);
        continue;
      }
      lost = false;
    }
  }

  return {
    subscribe(listener) {
      listeners.add(listener);
      running ??= run();
      return () => listeners.delete(listener);
    },
    async close() {
      closing.abort();
      listeners.clear();
      await running;
    },
  };
}
