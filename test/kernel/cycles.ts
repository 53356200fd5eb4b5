/** A plugin in a worker thread, loaded and unloaded again and again, and what its process holds before and after. */
import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Plugins } from 'orlop/plugin';
import type { Kernel } from '../../kernel/kernel.ts';
import { eventually } from '../cluster.ts';

const TENANT = new URL('./host-plugins/tenant.js', import.meta.url);

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Handles and subscriptions, which are to be what they were. */
export interface Held {
  descriptors: number;
  threads: number;
  watchers: number;
  /** Descriptors of the nats-server: its connections are among them. */
  served: number;
}

/** Needs Linux. */
export function held(kernel: Kernel): Held {
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    watchers: kernel.objects.stats().watchers,
    served: readdirSync(`/proc/${kernel.nats.pid}/fd`).length,
  };
}

/** How many more of anything are held than before. */
export function left(before: Held, now: Held): number {
  const keys = Object.keys(before) as (keyof Held)[];
  return Math.max(0, ...keys.map((key) => now[key] - before[key]));
}

/** Bytes that the store keeps of each of the last writes, beside the object's own: seen in a heap snapshot. */
const KEPT = 336;

/**
 * Bytes of the heap and of buffers, without what can be collected. `own`: without the record of the last writes, at most 8,192 of a resource,
 * that the store keeps whoever made them: five a cycle.
 */
export async function memory(kernel: Kernel): Promise<{ all: number; own: number }> {
  for (let i = 0; i < 3; i += 1) {
    gc();
    await new Promise(setImmediate);
  }
  const { heapUsed, external } = process.memoryUsage();
  const { bytes, events } = kernel.objects.stats();
  const all = heapUsed + external;
  return { all, own: all - bytes - events * KEPT };
}

/** The same plugin as one from outside of Orlop, which is loaded through the gate: a copy of its module in this folder. */
export function foreignTenant(folder: string): string {
  const module = join(folder, 'tenant.mjs');
  copyFileSync(TENANT, module);
  return module;
}

/** Loads the plugin by its object, and unloads it. */
export async function cycle(kernel: Kernel, module = TENANT.href): Promise<void> {
  const status = () => kernel.plugins().find(({ name }) => name === 'tenant');
  await kernel.objects.create(Plugins, { metadata: { name: 'tenant' }, spec: { module } });
  await eventually('it runs', () => status()?.phase === 'Running');
  await kernel.objects.delete(Plugins, { name: 'tenant' });
  await eventually('it is gone', () => !status());
}
