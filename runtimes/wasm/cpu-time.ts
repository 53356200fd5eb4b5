import { readFileSync, readlinkSync } from 'node:fs';

/**
 * Nanoseconds a thread of this process has run on a CPU, waiting and sleeping not counted; `undefined` where the system does not say
 * (anything but Linux) or the thread has ended. Source: Linux, Documentation/scheduler/sched-stats.rst.
 */
export function threadCpuTime(thread: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/self/task/${thread}/schedstat`, 'latin1').split(' ', 1)[0]);
  } catch {
    return undefined;
  }
}

/** The system's id of the calling thread; 0 where it does not say. */
export function nativeThread(): number {
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').pop());
  } catch {
    return 0;
  }
}
