import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const EVERY_MS = 2_000;
/** Of the time, in which this thread did something. */
const IDLE = 0.1;
/** What must have been added since the last collection, in bytes, to be worth a pause of tens of milliseconds. */
const WORTH = 24 * 1024 * 1024;
/** The first finds what is unused, the second gives its pages back. */
const COLLECTIONS = 2;

/**
 * Collects garbage when the process is idle after a load. V8 collects as a program allocates: what a load left would stay in memory
 * until the next one (`bench api`). Returns what ends it.
 */
export function collectWhenIdle(): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (how: object) => Promise<void>;
  let before = performance.eventLoopUtilization();
  let smallest = held();
  let left = 0;
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    smallest = Math.min(smallest, held());
    if (held() - smallest > WORTH) left = COLLECTIONS;
    if (utilization > IDLE || left === 0) return;
    left -= 1;
    // As a task of its own: with nothing on the stack nothing is taken for used that is not.
    void collect({ type: 'major', execution: 'async' }).then(() => {
      smallest = held();
    });
  }, EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

function held(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}
