import type { ContainerStats } from 'orlop/plugin';
import { type Engine, statusOf } from './engine.ts';

/** One sample by the engine. `undefined`: no such container, or it does not run. */
export async function containerStats(engine: Engine, id: string): Promise<ContainerStats | undefined> {
  try {
    // Without `one-shot` the engine takes a second sample, a second later.
    const options = { stream: false, 'one-shot': true } as { stream: false };
    const { read, cpu_stats, memory_stats } = await engine.getContainer(id).stats(options);
    if (memory_stats.usage === undefined) return undefined;
    const { total_inactive_file: v1, inactive_file: v2 } = memory_stats.stats as unknown as Record<
      string,
      number
    >;
    return {
      timestamp: Date.parse(read),
      usageCoreNanoSeconds: cpu_stats.cpu_usage.total_usage,
      workingSetBytes: Math.max(0, memory_stats.usage - (v1 ?? v2 ?? 0)),
    };
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}
