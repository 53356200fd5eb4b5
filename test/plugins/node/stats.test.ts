import { totalmem } from 'node:os';
import t from 'tap';
import { cpuOfStat, machineStats, memoryOfMeminfo } from '../../../plugins/node/stats/machine.ts';
import { type Sample, usageBetween } from '../../../plugins/node/stats/usage.ts';

const START = Date.parse('2026-01-01T00:00:00Z');

function stats(seconds: number, cpu: number, memory = 0) {
  return { timestamp: START + seconds * 1000, usageCoreNanoSeconds: cpu * 1e9, workingSetBytes: memory };
}

type Containers = Record<string, ReturnType<typeof stats> | undefined>;

function sample(seconds: number, cpu: number, containers: Containers, startedAt = 0): Sample {
  const all = Object.entries(containers).map(([id, each]) => ({
    id,
    name: id,
    startedAt: START + startedAt * 1000,
    stats: each,
  }));
  const pod = { namespace: 'default', name: 'p', uid: 'u', containers: all };
  return { node: stats(seconds, cpu, 7), pods: [pod] };
}

t.test('CPU is a rate over the window', async (t) => {
  const before = sample(10, 100, { a: stats(10, 5), b: stats(10, 1) });
  const after = sample(14, 106, { a: stats(14, 7, 3), b: stats(15, 1, 4) });
  t.same(usageBetween(before, after), {
    timestamp: '2026-01-01T00:00:14.000Z',
    window: 4,
    usage: { usageNanoCores: 1.5e9, usageCoreNanoSeconds: 106e9, workingSetBytes: 7 },
    pods: [
      {
        namespace: 'default',
        name: 'p',
        uid: 'u',
        timestamp: '2026-01-01T00:00:14.000Z',
        window: 4,
        containers: [
          { name: 'a', usage: { usageNanoCores: 0.5e9, usageCoreNanoSeconds: 7e9, workingSetBytes: 3 } },
          { name: 'b', usage: { usageNanoCores: 0, usageCoreNanoSeconds: 1e9, workingSetBytes: 4 } },
        ],
      },
    ],
  });
});

t.test('a container that started within the window is measured from its start', async (t) => {
  const before = sample(10, 100, {});
  const [pod] = usageBetween(before, sample(14, 100, { a: stats(14, 1) }, 12)).pods;
  t.match(pod, { window: 2, containers: [{ usage: { usageNanoCores: 0.5e9 } }] });
  t.same(usageBetween(before, sample(14, 100, { a: stats(14, 1) }, 13.9)).pods, [], 'but not at once');
});

t.test('a pod is whole or missing', async (t) => {
  const before = sample(10, 100, { a: stats(10, 5), b: stats(10, 1) });
  t.same(usageBetween(before, sample(14, 106, { a: stats(14, 7), b: undefined })).pods, []);
  t.same(usageBetween(before, sample(14, 106, {})).pods, [], 'one in which nothing runs uses nothing');
});

t.test('the machine', async (t) => {
  t.equal(cpuOfStat('cpu  100 20 30 4000 50 6 7 8 0 0\ncpu0 1 1 1 1\n'), 1.63e9);
  t.equal(cpuOfStat(''), undefined);
  const meminfo = 'MemTotal:  1000 kB\nMemFree:  300 kB\nInactive:  250 kB\nInactive(file):  200 kB\n';
  t.equal(memoryOfMeminfo(meminfo), 500 * 1024);
  t.equal(memoryOfMeminfo(''), undefined);
  const { usageCoreNanoSeconds, workingSetBytes } = machineStats();
  t.ok(usageCoreNanoSeconds > 1e9, `${usageCoreNanoSeconds} ns`);
  t.ok(workingSetBytes > 1e6 && workingSetBytes < totalmem(), `${workingSetBytes} bytes`);
});
