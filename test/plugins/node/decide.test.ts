import type { ContainerState, Pod } from 'orlop/plugin';
import t from 'tap';
import { initialState } from '../../../plugins/node/adopt.ts';
import { backOffs } from '../../../plugins/node/back-offs.ts';
import { allowedAt, CRASH_LOOP, raise } from '../../../plugins/node/backoff.ts';
import { decide } from '../../../plugins/node/decide.ts';
import { exhausted, initialProbeState, probed } from '../../../plugins/node/probe-state.ts';
import { newPodState, type PodState } from '../../../plugins/node/state.ts';
import { podStatus } from '../../../plugins/node/status.ts';

const NOW = Date.parse('2026-01-01T00:10:00Z');
const START = '2026-01-01T00:00:00Z';
const LIMITS = CRASH_LOOP;
const NODE = { nodeIP: '10.0.0.1', handler: 'fake', limits: LIMITS };

function podOf(spec: object = {}, metadata: object = {}): Pod {
  return {
    metadata: { name: 'p', namespace: 'd', uid: 'u', ...metadata },
    spec: {
      containers: [
        { name: 'a', image: 'i' },
        { name: 'b', image: 'i' },
      ],
      ...spec,
    },
  } as Pod;
}

function prepared(pod: Pod): PodState {
  const state = newPodState(pod, START);
  state.sandbox = { id: 's', ip: '10.244.0.2', ready: true };
  for (const record of state.containers.values()) {
    Object.assign(record, { image: { phase: 'ready', id: 'i' }, sandbox: 's', started: true, ready: true });
  }
  return state;
}

function set(state: PodState, name: string, changes: Partial<ContainerState>): void {
  const record = state.containers.get(name)!;
  const base = { id: `${name}0`, name, attempt: 0, imageId: 'i', image: 'i', startedAt: START };
  record.current = { ...base, state: 'Running', ...changes };
}

const exited = (exitCode: number, finishedAt = '2026-01-01T00:09:55Z') =>
  ({ state: 'Exited', exitCode, finishedAt }) as const;

const what = (pod: Pod, state: PodState, now = NOW): string[] =>
  decide(pod, state, now, LIMITS).actions.map((action) =>
    'container' in action ? `${action.do} ${action.container.name}` : action.do,
  );

t.test('a pod comes up', async (t) => {
  const pod = podOf();
  const state = newPodState(pod, START);
  t.same(what(pod, state), ['prepare', 'pull a', 'pull b'], 'images are pulled while the sandbox is made');
  state.preparing = true;
  for (const record of state.containers.values()) record.image = { phase: 'pulling' };
  t.same(what(pod, state), [], 'what is under way is not begun again');
  t.same(what(pod, prepared(pod)), ['start a', 'start b']);
  const failing = newPodState(pod, START);
  failing.refused = { reason: 'x', message: 'y', at: NOW, retryAt: NOW + 1000 };
  t.equal(decide(pod, failing, NOW, LIMITS).wakeAt, NOW + 1000);
});

t.test('init containers run one after another, sidecars beside', async (t) => {
  const initContainers = [{ name: 'i1' }, { name: 'side', restartPolicy: 'Always' }, { name: 'i2' }];
  const pod = podOf({ initContainers });
  const state = prepared(pod);
  t.same(what(pod, state), ['start i1']);
  set(state, 'i1', {});
  t.same(what(pod, state), []);
  set(state, 'i1', exited(1));
  t.same(what(pod, state), ['start i1'], 'a failed one is tried again');
  set(state, 'i1', exited(0));
  t.same(what(pod, state), ['start side']);
  set(state, 'side', {});
  t.same(what(pod, state), ['start i2']);
  set(state, 'i2', exited(0));
  t.same(what(pod, state), ['start a', 'start b']);
  set(state, 'a', {});
  set(state, 'b', {});
  set(state, 'side', exited(0));
  t.same(what(pod, state), ['start side'], 'a sidecar is kept running');
  const never = podOf({ initContainers, restartPolicy: 'Never' });
  set(state, 'i1', exited(1));
  const failed = prepared(never);
  set(failed, 'i1', exited(1));
  t.same(what(never, failed), ['release'], 'one that fails for good ends the pod');
  t.equal(podStatus(never, { ...failed, released: true }, NODE, NOW).phase, 'Failed');
});

t.test('init containers run again in a new sandbox', async (t) => {
  const pod = podOf({ initContainers: [{ name: 'i1' }] });
  const state = prepared(pod);
  set(state, 'i1', exited(0));
  set(state, 'a', exited(137));
  set(state, 'b', exited(137));
  state.sandbox = { id: 'other', ip: '10.244.0.3', ready: true };
  t.same(what(pod, state), ['start i1']);
});

t.test('restart policies and back-off', async (t) => {
  for (const [restartPolicy, code, expected] of [
    ['Always', 0, ['start a']],
    ['Always', 1, ['start a']],
    ['OnFailure', 0, []],
    ['OnFailure', 1, ['start a']],
    ['Never', 1, []],
  ] as const) {
    const pod = podOf({ restartPolicy });
    const state = prepared(pod);
    set(state, 'a', exited(code));
    set(state, 'b', {});
    t.same(what(pod, state), expected, `${restartPolicy} ${code}`);
  }
  const pod = podOf();
  const state = prepared(pod);
  set(state, 'a', exited(1));
  set(state, 'b', {});
  state.containers.get('a')!.crashes = { delay: 10_000, raisedAt: NOW - 6_000 };
  const ended = Date.parse('2026-01-01T00:09:55Z');
  const decision = decide(pod, state, NOW, LIMITS);
  t.same(decision, { actions: [], wakeAt: ended + 10_000 });
  t.match(podStatus(pod, state, NODE, NOW).containerStatuses![0], {
    state: {
      waiting: {
        reason: 'CrashLoopBackOff',
        message: 'back-off 10s restarting failed container=a pod=p_d(u)',
      },
    },
    lastState: { terminated: { exitCode: 1 } },
  });
  t.same(what(pod, state, ended + 10_000), ['start a']);
  let backoff = raise(undefined, 0, LIMITS);
  t.equal(allowedAt(undefined, 5, LIMITS), 5, 'the first restart is immediate');
  for (let i = 0; i < 9; i += 1) backoff = raise(backoff, 1000, LIMITS);
  t.equal(allowedAt(backoff, 2000, LIMITS), 302_000, 'five minutes at most');
  t.equal(allowedAt(backoff, 700_000, LIMITS), 700_000, 'ten quiet minutes are forgiven');
});

t.test('a pod ends', async (t) => {
  const pod = podOf(
    { terminationGracePeriodSeconds: 7 },
    { deletionTimestamp: START, deletionGracePeriodSeconds: 5 },
  );
  const state = prepared(pod);
  set(state, 'a', {});
  set(state, 'b', {});
  const { actions } = decide(pod, state, NOW, LIMITS);
  t.match(actions, [
    { do: 'stop', grace: 5 },
    { do: 'stop', grace: 5 },
  ]);
  for (const record of state.containers.values()) record.stopping = NOW + 5000;
  t.same(what(pod, state), []);
  Object.assign(pod.metadata!, { deletionGracePeriodSeconds: 1 });
  t.same(what(pod, state), ['stop a', 'stop b'], 'a shorter period counts');
  for (const name of ['a', 'b']) {
    set(state, name, exited(0));
    state.containers.get(name)!.stopping = undefined;
  }
  t.same(what(pod, state), ['release']);
  state.released = true;
  t.same(what(pod, state), ['remove']);
  t.equal(podStatus(pod, state, NODE, NOW).phase, 'Succeeded');
  state.removed = true;
  t.same(what(pod, state), []);
});

t.test('a pod that has not begun is deleted at once', async (t) => {
  const pod = podOf({}, { deletionTimestamp: START });
  t.same(what(pod, newPodState(pod, START)), ['release']);
});

t.test('sidecars end after the containers they serve', async (t) => {
  const initContainers = [{ name: 'side', restartPolicy: 'Always' }];
  const pod = podOf({ initContainers, restartPolicy: 'Never' });
  const state = prepared(pod);
  set(state, 'side', {});
  set(state, 'a', exited(0));
  set(state, 'b', {});
  t.same(what(pod, state), []);
  set(state, 'b', exited(0));
  t.same(what(pod, state), ['stop side']);
  set(state, 'side', exited(143));
  t.same(what(pod, state), ['release']);
  state.released = true;
  t.same(what(pod, state), [], 'its logs stay until it is deleted');
  t.equal(podStatus(pod, state, NODE, NOW).phase, 'Succeeded');
});

t.test('activeDeadlineSeconds', async (t) => {
  const pod = podOf({ activeDeadlineSeconds: 600, containers: [{ name: 'a' }] });
  const state = prepared(pod);
  set(state, 'a', {});
  t.equal(decide(pod, state, NOW - 1, LIMITS).wakeAt, NOW);
  t.match(decide(pod, state, NOW, LIMITS).actions, [{ do: 'fail', reason: 'DeadlineExceeded' }]);
  state.failure = { reason: 'DeadlineExceeded', message: 'm' };
  t.same(what(pod, state), ['stop a']);
});

t.test('status', async (t) => {
  const pod = podOf({ initContainers: [{ name: 'i1' }] });
  const state = newPodState(pod, START);
  const pending = podStatus(pod, state, NODE, NOW);
  t.match(pending, {
    phase: 'Pending',
    startTime: START,
    hostIP: '10.0.0.1',
    qosClass: 'BestEffort',
    containerStatuses: [
      { state: { waiting: { reason: 'PodInitializing' } }, ready: false, started: false },
      {},
    ],
    initContainerStatuses: [{ name: 'i1' }],
  });
  const conditions = (status: typeof pending) =>
    Object.fromEntries(status.conditions!.map(({ type, status, message }) => [type, message ?? status]));
  t.same(conditions(pending), {
    PodReadyToStartContainers: 'False',
    Initialized: 'containers with incomplete status: [i1]',
    Ready: 'containers with unready status: [a b]',
    ContainersReady: 'containers with unready status: [a b]',
    PodScheduled: 'True',
  });
  const running = prepared(pod);
  set(running, 'i1', exited(0));
  set(running, 'a', { attempt: 2 });
  set(running, 'b', {});
  running.containers.get('b')!.ready = false;
  const status = podStatus(pod, running, NODE, NOW);
  t.match(status, {
    phase: 'Running',
    podIP: '10.244.0.2',
    podIPs: [{ ip: '10.244.0.2' }],
    containerStatuses: [
      {
        name: 'a',
        ready: true,
        started: true,
        restartCount: 2,
        containerID: 'fake://a0',
        state: { running: { startedAt: START } },
      },
      { name: 'b', ready: false },
    ],
  });
  t.equal(conditions(status)['Ready'], 'containers with unready status: [b]');
  running.containers.get('b')!.ready = true;
  const ready = podStatus({ ...pod, status }, running, NODE, NOW);
  t.equal(conditions(ready)['Ready'], 'True');
  t.same(podStatus({ ...pod, status: ready }, running, NODE, NOW), ready, 'a status settles');
});

t.test('image errors are told, then backed off from', async (t) => {
  const pod = podOf({ containers: [{ name: 'a', image: 'missing/app' }] });
  const state = newPodState(pod, START);
  const refused = { reason: 'ErrImagePull', message: 'not found', at: NOW, retryAt: NOW + 10_000 };
  state.containers.get('a')!.image = { phase: 'refused', ...refused };
  const reason = (now: number) =>
    podStatus(pod, state, NODE, now).containerStatuses![0]!.state!.waiting!.reason;
  t.equal(reason(NOW + 1), 'ErrImagePull');
  t.equal(reason(NOW + 5_000), 'ImagePullBackOff');
  const at = (now: number) => ({ ...pod, status: podStatus(pod, state, NODE, now) });
  t.same(
    backOffs(at(NOW + 1), at(NOW + 5_000)).map(({ type, reason, message }) => [type, reason, message]),
    [
      ['Normal', 'BackOff', 'Back-off pulling image "missing/app"'],
      ['Warning', 'Failed', 'Error: ImagePullBackOff'],
    ],
  );
  t.same(backOffs(at(NOW + 5_000), at(NOW + 6_000)), [], 'once each time');
  t.same(what(pod, state, NOW + 9_999), ['prepare']);
  t.same(what(pod, state, NOW + 10_000), ['prepare', 'pull a']);
});

t.test('what is found after a restart of the agent', async (t) => {
  const running = {
    name: 'a',
    image: 'i',
    imageID: 'i',
    restartCount: 3,
    ready: true,
    started: true,
    containerID: 'fake://a3',
    state: { running: { startedAt: START } },
  };
  const pod: Pod = {
    ...podOf({ containers: [{ name: 'a', readinessProbe: {} }] }),
    status: { containerStatuses: [running] },
  };
  const found = {
    id: 'a3',
    name: 'a',
    attempt: 3,
    state: 'Running' as const,
    imageId: 'i',
    image: 'i',
    startedAt: START,
  };
  const sandbox = {
    id: 's',
    podUid: 'u',
    namespace: 'd',
    name: 'p',
    ip: '10.244.0.2',
    ready: true,
    containers: [found],
  };
  const alive = initialState(pod, sandbox, START);
  t.same(what(pod, alive), [], 'a live pod is left alone');
  t.match(podStatus(pod, alive, NODE, NOW), {
    podIP: '10.244.0.2',
    containerStatuses: [{ ready: true, restartCount: 3 }],
  });
  const lost = initialState(pod, undefined, START);
  t.same(what(pod, lost), ['prepare', 'pull a'], 'a pod that went with its process comes back');
  lost.sandbox = { id: 'n', ip: '10.244.0.3', ready: true };
  lost.containers.get('a')!.image = { phase: 'ready', id: 'i' };
  t.match(decide(pod, lost, NOW, LIMITS).actions, [{ do: 'start', attempt: 4 }]);
  const never = { ...pod, spec: { ...pod.spec!, restartPolicy: 'Never' } };
  const ended = initialState(never, undefined, START);
  t.same(what(never, ended), ['release'], 'unless it may run only once');
  ended.released = true;
  t.match(podStatus(never, ended, NODE, NOW), {
    phase: 'Failed',
    containerStatuses: [{ state: { terminated: { reason: 'ContainerStatusUnknown', exitCode: 137 } } }],
  });
});

t.test('probe thresholds', async (t) => {
  const probe = { failureThreshold: 2, successThreshold: 2 };
  let state = initialProbeState('readiness');
  const results = [true, true, false, true, false, false].map((outcome) => {
    state = probed(state, outcome, probe);
    return state.passing;
  });
  t.same(results, [false, true, true, true, true, false]);
  t.ok(exhausted(state, probe));
  t.notOk(exhausted(probed(state, true, probe), probe));
  t.ok(initialProbeState('liveness').passing);
});
