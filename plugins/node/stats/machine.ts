import { readFileSync } from 'node:fs';
import { cpus, freemem, totalmem } from 'node:os';
import type { ContainerStats } from 'orlop/plugin';

/** Nanoseconds of one tick of `/proc/stat`: USER_HZ is 100 on every Linux that Node runs on. */
const TICK = 1e7;

/**
 * What the whole machine uses at this moment: CPU of all its cores since it booted, and memory that is neither free nor cache that has
 * not been used lately, as kubelet counts a node's working set.
 */
export function machineStats(): ContainerStats {
  const timestamp = Date.now();
  const stat = read('/proc/stat');
  const meminfo = read('/proc/meminfo');
  return {
    timestamp,
    usageCoreNanoSeconds: cpuOfStat(stat) ?? cpuOfCores(),
    workingSetBytes: memoryOfMeminfo(meminfo) ?? totalmem() - freemem(),
  };
}

/** The first line of `/proc/stat`; time of guests is in user time already. Source: proc(5). */
export function cpuOfStat(text: string): number | undefined {
  const fields = /^cpu +([\d ]+)/.exec(text)?.[1]?.trim().split(' ').map(Number);
  if (!fields) return undefined;
  const [user = 0, nice = 0, system = 0, _idle, _iowait, irq = 0, softirq = 0] = fields;
  return (user + nice + system + irq + softirq) * TICK;
}

export function memoryOfMeminfo(text: string): number | undefined {
  const kib = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(text)?.[1]);
  const used = kib('MemTotal') - kib('MemFree') - kib('Inactive\\(file\\)');
  return Number.isNaN(used) ? undefined : used * 1024;
}

function cpuOfCores(): number {
  const times = cpus().map(({ times: { user, nice, sys, irq } }) => user + nice + sys + irq);
  return times.reduce((sum, ms) => sum + ms, 0) * 1e6;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
