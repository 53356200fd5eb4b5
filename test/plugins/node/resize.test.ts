import { type Pod, podRequests } from 'orlop/plugin';
import t from 'tap';
import { initialState } from '../../../plugins/node/adopt.ts';
import { allocate, takesRestart } from '../../../plugins/node/resize.ts';
import { newPodState } from '../../../plugins/node/state.ts';

const START = '2026-01-01T00:00:00Z';

function podOf(requests: Record<string, string>, status: object = {}, spec: object = {}): Pod {
  return {
    metadata: { name: 'p', namespace: 'd', uid: 'u' },
    spec: { containers: [{ name: 'a', image: 'i', resources: { requests } }], ...spec },
    status,
  } as Pod;
}

const has = (requests: Record<string, string>, conditions: object[] = []) => ({
  conditions,
  containerStatuses: [
    {
      name: 'a',
      image: 'i',
      imageID: 'i',
      ready: true,
      restartCount: 0,
      state: { running: {} },
      resources: { requests },
    },
  ],
});
const PENDING = { type: 'PodResizePending', status: 'True', reason: 'Deferred' };

t.test('what a pod takes of its node', async (t) => {
  t.same(podRequests(podOf({ cpu: '1' })), { cpu: 1 });
  t.same(
    podRequests(podOf({ cpu: '2' }, has({ cpu: '1' }))),
    { cpu: 2 },
    'growing, it takes what it asks for',
  );
  t.same(podRequests(podOf({ cpu: '1' }, has({ cpu: '2' }))), { cpu: 2 }, 'shrinking, what it has');
  const infeasible = [{ ...PENDING, reason: 'Infeasible' }];
  t.same(podRequests(podOf({ cpu: '9' }, has({ cpu: '2' }, infeasible))), { cpu: 2 });
  const cpu = (amount: string, more: object = {}) => ({
    name: amount,
    resources: { requests: { cpu: amount } },
    ...more,
  });
  const sidecar = cpu('2', { restartPolicy: 'Always' });
  t.same(
    podRequests(podOf({ cpu: '1' }, {}, { initContainers: [sidecar] })),
    { cpu: 3 },
    'sidecars run beside',
  );
  t.same(podRequests(podOf({ cpu: '1' }, {}, { initContainers: [cpu('4'), sidecar] })), { cpu: 4 });
  t.same(podRequests(podOf({ cpu: '1' }, {}, { initContainers: [sidecar, cpu('4')] })), { cpu: 6 });
});

t.test('what a node agrees to', async (t) => {
  const room = { allocatable: { cpu: 4, memory: 2 ** 30 }, used: () => ({ cpu: 2 }) };
  const state = newPodState(podOf({ cpu: '1' }), START);
  const given = () => state.containers.get('a')!.allocated?.requests;
  allocate(podOf({ cpu: '2' }), state, room);
  t.same([state.resize, given()], [undefined, { cpu: '2' }]);
  allocate(podOf({ cpu: '2500m' }), state, room);
  const message = "Node didn't have enough resource: cpu, requested: 2500, used: 2000, capacity: 4000";
  t.same([state.resize, given()], [{ reason: 'Deferred', message }, { cpu: '2' }]);
  allocate(podOf({ cpu: '2500m' }), state, { ...room, used: () => ({ cpu: 1.5 }) });
  t.same([state.resize, given()], [undefined, { cpu: '2500m' }], 'once there is room');
  allocate(podOf({ cpu: '2', memory: '1' }), state, { ...room, used: () => ({ cpu: 9 }) });
  t.same(given(), { cpu: '2', memory: '1' }, 'less always fits');
  allocate(podOf({ memory: '2Gi' }), state, room);
  t.match(state.resize, {
    reason: 'Infeasible',
    message: /memory, requested: 2147483648, capacity: 1073741824$/,
  });
});

t.test('a new agent knows what was given', async (t) => {
  const started = { id: 'x', name: 'a', attempt: 0, state: 'Running', imageId: 'i', image: 'i' } as const;
  const sandbox = {
    id: 's',
    podUid: 'u',
    namespace: 'd',
    name: 'p',
    ip: '',
    ready: true,
    containers: [started],
  };
  const record = (pod: Pod) => initialState(pod, sandbox, START).containers.get('a')!;
  const waiting = record(podOf({ cpu: '9' }, has({ cpu: '1' }, [PENDING])));
  t.same([waiting.allocated, waiting.resources], [{ requests: { cpu: '1' } }, { requests: { cpu: '1' } }]);
  const going = record(podOf({ cpu: '2' }, has({ cpu: '1' })));
  t.same(
    [going.allocated, going.resources],
    [{ requests: { cpu: '2' } }, { requests: { cpu: '1' } }],
    'it goes on',
  );
});

t.test('which change takes a restart', async (t) => {
  const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
  const container = { name: 'a', image: 'i', resizePolicy };
  t.equal(takesRestart(container, { limits: { cpu: '1' } }, { limits: { cpu: '2' } }), false);
  t.equal(takesRestart(container, { limits: { memory: '1' } }, { limits: { memory: '2' } }), true);
  t.equal(takesRestart({ name: 'a' }, {}, { limits: { memory: '2' } }), false);
});
