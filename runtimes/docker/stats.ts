import { type Engine, statusOf } from './engine.ts';

/** Two samples about a second apart, by the engine. `undefined`: no such container, or it does not run. */
export async function containerStats(
  engine: Engine,
  id: string,
): Promise<{ cpu: number; memory: number } | undefined> {
  try {
    const { read, preread, cpu_stats, precpu_stats, memory_stats } = await engine
      .getContainer(id)
      .stats({ stream: false });
    const seconds = (Date.parse(read) - Date.parse(preread)) / 1000;
    if (!(seconds > 0) || memory_stats.usage === undefined) return undefined;
    const used = cpu_stats.cpu_usage.total_usage - precpu_stats.cpu_usage.total_usage;
    const { total_inactive_file: v1, inactive_file: v2 } = memory_stats.stats as unknown as Record<
      string,
      number
    >;
    return {
      cpu: Math.round(used / seconds),
      memory: Math.max(0, memory_stats.usage - (v1 ?? v2 ?? 0)),
    };
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}
