import {
  type ContainerStatus,
  type KubeObject,
  type PluginInstance,
  type Pod,
  pluginStatus,
} from 'orlop/plugin';
import t from 'tap';
import { age, humanDuration } from '../../../plugins/apiserver/printing/duration.ts';
import { summarizePod } from '../../../plugins/apiserver/printing/pods.ts';
import { toTable } from '../../../plugins/apiserver/printing/table.ts';
import { standardRows } from '../../../plugins/apiserver/resources/standard.ts';
import { ResourceTable } from '../../../plugins/apiserver/resources/table.ts';

const table = new ResourceTable(standardRows({ serviceCIDR: '10.96.0.0/16', nodePorts: [30_000, 32_767] }));
const NOW = Date.parse('2026-01-02T00:00:00Z');

/** What `kubectl get` shows, with `wide` columns: header and one line. */
function printed(group: string, plural: string, object: unknown): Record<string, unknown> {
  const { columnDefinitions, rows } = toTable(table.find(group, 'v1', plural)!, [object as KubeObject], {
    now: NOW,
  });
  return Object.fromEntries(columnDefinitions.map(({ name }, i) => [name, rows[0]!.cells[i]]));
}

function status(state: ContainerStatus['state'], more: Partial<ContainerStatus> = {}): ContainerStatus {
  return {
    name: 'c',
    image: 'i',
    imageID: '',
    ready: false,
    restartCount: 0,
    ...(state ? { state } : {}),
    ...more,
  };
}

const running = { running: {} };
const ended = (exitCode: number, reason?: string) => ({
  terminated: { exitCode, ...(reason ? { reason } : {}) },
});

function pod(podStatus: object, spec: object = {}, metadata: object = {}): Pod {
  return {
    metadata: { name: 'p', ...metadata },
    spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
    status: podStatus,
  } as Pod;
}

t.test("a pod's STATUS, READY and RESTARTS", async (t) => {
  const init = [{ name: 'a' }, { name: 'b' }];
  const cases: [pod: Pod, ready: string, text: string, restarts: number][] = [
    [pod({ phase: 'Pending' }), '0/1', 'Pending', 0],
    [pod({ phase: 'Running', containerStatuses: [status(running, { ready: true })] }), '1/1', 'Running', 0],
    [
      pod({ phase: 'Pending', containerStatuses: [status({ waiting: { reason: 'ImagePullBackOff' } })] }),
      '0/1',
      'ImagePullBackOff',
      0,
    ],
    [
      pod({
        phase: 'Running',
        containerStatuses: [status({ waiting: { reason: 'CrashLoopBackOff' } }, { restartCount: 4 })],
      }),
      '0/1',
      'CrashLoopBackOff',
      4,
    ],
    [pod({ phase: 'Succeeded', containerStatuses: [status(ended(0, 'Completed'))] }), '0/1', 'Completed', 0],
    [pod({ phase: 'Failed', containerStatuses: [status(ended(3))] }), '0/1', 'ExitCode:3', 0],
    [pod({ phase: 'Failed', reason: 'Evicted' }), '0/1', 'Evicted', 0],
    [
      pod(
        {
          phase: 'Pending',
          initContainerStatuses: [status(ended(0), { name: 'a' }), status(running, { name: 'b' })],
        },
        { initContainers: init },
      ),
      '0/1',
      'Init:1/2',
      0,
    ],
    [
      pod(
        {
          phase: 'Pending',
          initContainerStatuses: [
            status({ waiting: { reason: 'CrashLoopBackOff' } }, { name: 'a', restartCount: 2 }),
          ],
        },
        { initContainers: init },
      ),
      '0/1',
      'Init:CrashLoopBackOff',
      2,
    ],
    [
      pod(
        { phase: 'Pending', initContainerStatuses: [status(ended(1, 'Error'), { name: 'a' })] },
        { initContainers: init },
      ),
      '0/1',
      'Init:Error',
      0,
    ],
    [
      pod(
        { phase: 'Running', containerStatuses: [status(running, { ready: true })] },
        {},
        { deletionTimestamp: 'x' },
      ),
      '1/1',
      'Terminating',
      0,
    ],
    [pod({ phase: 'Succeeded' }, {}, { deletionTimestamp: 'x' }), '0/1', 'Succeeded', 0],
    [
      pod(
        {
          phase: 'Running',
          conditions: [{ type: 'Initialized', status: 'True' }],
          initContainerStatuses: [
            status(running, { name: 's', started: true, ready: true, restartCount: 1 }),
          ],
          containerStatuses: [status(running, { ready: true })],
        },
        { initContainers: [{ name: 's', restartPolicy: 'Always' }] },
      ),
      '2/2',
      'Running',
      1,
    ],
  ];
  for (const [given, ready, text, restarts] of cases) {
    const summary = summarizePod(given);
    t.same(
      [`${summary.ready}/${summary.total}`, summary.status, summary.restarts],
      [ready, text, restarts],
      text,
    );
  }
});

t.test('tables', async (t) => {
  const metadata = { name: 'x', creationTimestamp: '2026-01-01T23:55:00Z' };
  t.same(
    printed('', 'pods', {
      metadata,
      spec: { containers: [{ name: 'c' }], nodeName: 'n' },
      status: {
        phase: 'Running',
        podIP: '10.0.0.1',
        containerStatuses: [
          status(running, {
            ready: true,
            restartCount: 2,
            lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-01T23:59:00Z' } },
          }),
        ],
      },
    }),
    {
      Name: 'x',
      Ready: '1/1',
      Status: 'Running',
      Restarts: '2 (60s ago)',
      Age: '5m',
      IP: '10.0.0.1',
      Node: 'n',
      'Nominated Node': '<none>',
      'Readiness Gates': '<none>',
    },
  );
  t.same(
    printed('', 'services', {
      metadata,
      spec: {
        type: 'LoadBalancer',
        clusterIP: '10.96.0.9',
        ports: [
          { port: 80, nodePort: 30_080, protocol: 'TCP' },
          { port: 53, protocol: 'UDP' },
        ],
        selector: { b: '2', a: '1' },
      },
    }),
    {
      Name: 'x',
      Type: 'LoadBalancer',
      'Cluster-IP': '10.96.0.9',
      'External-IP': '<pending>',
      'Port(s)': '80:30080/TCP,53/UDP',
      Age: '5m',
      Selector: 'a=1,b=2',
    },
  );
  t.match(
    printed('', 'nodes', {
      metadata: { ...metadata, labels: { 'node-role.kubernetes.io/control-plane': '' } },
      spec: { unschedulable: true },
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    }),
    {
      Status: 'Ready,SchedulingDisabled',
      Roles: 'control-plane',
      'Container-Runtime': '<unknown>',
    },
  );
  const columns = toTable(table.find('', 'v1', 'events')!, []).columnDefinitions;
  t.same(
    columns.filter(({ priority }) => priority === 0).map(({ name }) => name),
    ['Last Seen', 'Type', 'Reason', 'Object', 'Message'],
  );
});

t.test('ages', async (t) => {
  const second = 1000;
  const [minute, hour, day] = [60 * second, 3600 * second, 86_400 * second];
  const texts: [ms: number, text: string][] = [
    [0, '0s'],
    [119 * second, '119s'],
    [2 * minute, '2m'],
    [5 * minute + 12 * second, '5m12s'],
    [179 * minute, '179m'],
    [3 * hour + 5 * minute, '3h5m'],
    [47 * hour, '47h'],
    [2 * day + 3 * hour, '2d3h'],
    [100 * day, '100d'],
    [3 * 365 * day, '3y'],
    [-minute, '<invalid>'],
  ];
  for (const [ms, text] of texts) t.equal(humanDuration(ms), text);
  t.equal(age(undefined, NOW), '<unknown>');
});

t.test('events of both groups are the same objects', async (t) => {
  const newer = table.find('events.k8s.io', 'v1', 'events')!;
  const stored = {
    metadata: { name: 'e', namespace: 'default' },
    involvedObject: { kind: 'Pod', name: 'p' },
    reason: 'Started',
    message: 'it runs',
    type: 'Normal',
    lastTimestamp: '2026-01-01T23:55:00Z',
  };
  const event = structuredClone(stored) as KubeObject;
  newer.conversion!.fromStorage(event);
  t.match(event, { regarding: { name: 'p' }, note: 'it runs', deprecatedLastTimestamp: /55/ });
  t.equal(newer.fieldSelectors['regarding.name']!(event), 'p');
  t.match(printed('events.k8s.io', 'events', event), {
    'Last Seen': '5m',
    Object: 'pod/p',
    Message: 'it runs',
  });
  newer.conversion!.toStorage(event);
  t.same(event, stored);
});

t.test(
  'a plugin: that it is not as asked comes first, then how it is, then what was wrong with it',
  async (t) => {
    const instance = { kernel: 'k', node: 'n', phase: 'Running', healthy: true, version: '2', kind: 'x.v1' };
    const shown = (changes: Partial<PluginInstance>): Record<string, unknown> => {
      const one = { ...instance, revision: 3, isolation: 'inline', ...changes } as PluginInstance;
      return printed('orlop.dev', 'plugins', {
        metadata: { name: 'p' },
        spec: {},
        status: pluginStatus([one]),
      });
    };
    t.match(shown({}), { Kind: 'x.v1', Version: '2', Ready: '1/1', Revision: 3, Where: 'n', Message: '' });
    t.match(shown({ restarts: 1, lastError: 'it broke' }), {
      Restarts: 1,
      Message: 'failed before: it broke',
    });
    t.match(shown({ message: 'busy', lastError: 'it broke' }), { Message: 'busy' });
    t.match(shown({ refused: 'no such module' }), { Phase: 'Running', Message: 'refused: no such module' });
    const failed = { phase: 'Failed', healthy: false, message: 'bad', refused: 'bad' } as const;
    t.match(shown(failed), { Ready: '0/1', Phase: 'Failed', Message: 'bad' });
    const two = [instance, { ...instance, kernel: 'l', node: 'm', restarts: 1, lastError: 'it broke' }];
    t.match(pluginStatus(two as PluginInstance[]), { phase: 'Running', lastError: 'node m: it broke' });
  },
);
