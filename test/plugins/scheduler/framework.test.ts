import type { Node, Pod, PodSpec, Taint } from 'orlop/plugin';
import t from 'tap';
import { defaultPlugins } from '../../../plugins/scheduler/filters.ts';
import { Framework } from '../../../plugins/scheduler/framework.ts';
import { NodeTable } from '../../../plugins/scheduler/nodes.ts';
import { podInfo } from '../../../plugins/scheduler/pod.ts';

interface NodeWish {
  cpu?: string;
  memory?: string;
  pods?: string;
  labels?: Record<string, string>;
  taints?: Taint[];
  unschedulable?: boolean;
}

function node(name: string, wish: NodeWish = {}): Node {
  const { cpu = '4', memory = '8Gi', pods = '110', labels = {}, taints, unschedulable } = wish;
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
    spec: { ...(taints ? { taints } : {}), ...(unschedulable ? { unschedulable } : {}) },
    status: { allocatable: { cpu, memory, pods } },
  };
}

let serial = 0;

function pod(spec: Partial<PodSpec> = {}, requests: Record<string, string> = {}, owner?: string): Pod {
  const name = `pod-${++serial}`;
  return {
    metadata: {
      name,
      namespace: 'default',
      uid: name,
      ...(owner
        ? {
            ownerReferences: [
              { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner, uid: owner, controller: true },
            ],
          }
        : {}),
    },
    spec: { containers: [{ name: 'c', image: 'i', resources: { requests } }], ...spec },
  };
}

function cluster(...nodes: Node[]) {
  const table = new NodeTable();
  for (const each of nodes) table.setNode(each);
  const framework = new Framework(defaultPlugins, table);
  return {
    table,
    decide: (each: Pod) => framework.schedule(podInfo(each)),
    /** Schedules and counts; the node's name, or the message. */
    place: (each: Pod): string => {
      const info = podInfo(each);
      const decision = framework.schedule(info);
      if ('unschedulable' in decision) return decision.unschedulable;
      table.place(info, decision.node);
      return decision.node;
    },
  };
}

t.test('resources: what fits is exact, and the message counts what is missing', async (t) => {
  const { place } = cluster(node('a', { cpu: '1' }));
  for (let n = 0; n < 10; n++) t.equal(place(pod({}, { cpu: '100m' })), 'a', 'ten tenths of a core fill it');
  t.equal(place(pod({}, { cpu: '1m' })), '0/1 nodes are available: 1 Insufficient cpu.');
  t.equal(
    place(pod({}, { cpu: '2', memory: '1Ti', 'example.com/gpu': '1' })),
    '0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient example.com/gpu, 1 Insufficient memory.',
  );
  t.equal(place(pod()), 'a', 'no requests, no limit but the number of pods');
});

t.test('the number of pods, and room given back', async (t) => {
  const { place, table } = cluster(node('a', { pods: '1' }));
  const first = pod();
  t.equal(place(first), 'a');
  t.equal(place(pod()), '0/1 nodes are available: 1 Too many pods.');
  table.remove(first.metadata!.uid!);
  t.equal(place(pod()), 'a');
});

t.test('taints, cordons, selectors and affinity keep pods away, each with its reason', async (t) => {
  const taint: Taint = { key: 'dedicated', value: 'db', effect: 'NoSchedule' };
  const { decide } = cluster(
    node('tainted', { taints: [taint] }),
    node('cordoned', { unschedulable: true }),
    node('plain', { cpu: '1', labels: { disk: 'ssd' } }),
  );
  t.strictSame(decide(pod()), { node: 'plain' });
  t.strictSame(decide(pod({}, { cpu: '2' })), {
    unschedulable:
      '0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable.',
  });
  const tolerations = [{ key: 'dedicated', operator: 'Equal', value: 'db' }];
  t.strictSame(decide(pod({ tolerations }, { cpu: '2' })), { node: 'tainted' });
  t.strictSame(decide(pod({ tolerations: [{ operator: 'Exists' }], nodeSelector: { disk: 'hdd' } })), {
    unschedulable: "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
  });
  const byField = { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['cordoned'] }] };
  const affinity = {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [byField] } },
  };
  t.strictSame(decide(pod({ affinity, tolerations: [{ operator: 'Exists' }] })), { node: 'cordoned' });
});

t.test('preferences decide between nodes that fit', async (t) => {
  const preference = { matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }] };
  const affinity = {
    nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference }] },
  };
  const { decide } = cluster(node('a'), node('b', { labels: { disk: 'ssd' } }), node('c'));
  for (let n = 0; n < 4; n++) t.strictSame(decide(pod({ affinity })), { node: 'b' });
  const avoided = cluster(
    node('a', { taints: [{ key: 'x', effect: 'PreferNoSchedule' }] }),
    node('b', { cpu: '2' }),
  );
  t.strictSame(avoided.decide(pod()), { node: 'b' });
});

t.test('the emptier node wins, and a controller’s pods spread', async (t) => {
  const uneven = cluster(node('a'), node('b'));
  uneven.table.place(podInfo(pod({}, { cpu: '3', memory: '6Gi' })), 'a');
  t.equal(uneven.place(pod({}, { cpu: '100m', memory: '64Mi' })), 'b');
  const { place } = cluster(node('a'), node('b'), node('c'));
  const chosen = [0, 1, 2].map(() => place(pod({}, {}, 'rs')));
  t.strictSame(chosen.sort(), ['a', 'b', 'c']);
});

t.test('host ports collide per protocol and address', async (t) => {
  const withPort = (hostPort: number, hostIP?: string): Pod => {
    const port = { containerPort: 80, hostPort, ...(hostIP ? { hostIP } : {}) };
    return pod({ containers: [{ name: 'c', image: 'i', ports: [port] }] });
  };
  const { place } = cluster(node('a'));
  t.equal(place(withPort(80, '10.0.0.1')), 'a');
  t.equal(place(withPort(80, '10.0.0.2')), 'a');
  t.match(place(withPort(80)), /didn't have free ports/);
  t.equal(place(withPort(81)), 'a');
});

const ZONE = 'topology.kubernetes.io/zone';

/** A pod of the app, in the spec's words. */
function member(app: string, spec: Partial<PodSpec> = {}): Pod {
  const each = pod(spec);
  each.metadata!.labels = { app };
  return each;
}

function zones() {
  return cluster(
    node('a1', { labels: { [ZONE]: 'a' } }),
    node('a2', { labels: { [ZONE]: 'a' } }),
    node('b1', { labels: { [ZONE]: 'b' } }),
  );
}

t.test('pod affinity keeps together, anti-affinity apart, both ways', async (t) => {
  const term = (app: string) => ({ topologyKey: ZONE, labelSelector: { matchLabels: { app } } });
  const near = (app: string) => ({
    affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(app)] } },
  });
  const far = (app: string) => ({
    affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(app)] } },
  });
  const { place, table } = zones();
  t.match(place(member('web', near('db'))), /3 node\(s\) didn't match pod affinity rules/);
  table.place(podInfo(member('db')), 'b1');
  t.equal(place(member('web', near('db'))), 'b1');
  t.match(place(member('x', far('db'))), /^a/);
  t.equal(place(member('y', far('x'))), 'b1');
  t.match(place(member('z', far('x'))), 'b1');
  t.match(place(member('x')), /^a/, 'y does not want x in its zone');
  t.match(place(member('x', near('db'))), /existing pods anti-affinity rules/);
  const first = zones();
  t.match(first.place(member('group', near('group'))), /^[ab]/, 'the first of a group has nobody to join');
  t.match(zones().place(member('lonely', near('group'))), /didn't match pod affinity rules/);
});

t.test('preferred pod affinity and anti-affinity decide between nodes that fit', async (t) => {
  const { place, table } = zones();
  table.place(podInfo(member('db')), 'b1');
  const podAffinityTerm = { topologyKey: ZONE, labelSelector: { matchLabels: { app: 'db' } } };
  const preferred = {
    preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm }],
  };
  t.equal(place(pod({ affinity: { podAffinity: preferred } })), 'b1');
  for (let n = 0; n < 3; n++) t.match(place(pod({ affinity: { podAntiAffinity: preferred } })), /^a/);
});

t.test('topology spread constraints bound the skew', async (t) => {
  const spread = (whenUnsatisfiable: string): Partial<PodSpec> => ({
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: ZONE, whenUnsatisfiable, labelSelector: { matchLabels: { app: 'web' } } },
    ],
  });
  const { place, table } = zones();
  const placed = [0, 1, 2, 3].map(() => place(member('web', spread('DoNotSchedule')))[0]);
  t.strictSame(placed.sort(), ['a', 'a', 'b', 'b']);
  table.setNode(node('b1', { labels: { [ZONE]: 'b' }, unschedulable: true }));
  t.match(place(member('web', spread('DoNotSchedule'))), /^a/, 'one more is within the skew');
  t.equal(
    place(member('web', spread('DoNotSchedule'))),
    "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match pod topology spread constraints.",
  );
  t.match(place(member('web', spread('ScheduleAnyway'))), /^a/);
  table.setNode(node('unlabelled'));
  t.match(place(member('web', spread('DoNotSchedule'))), /1 node\(s\) .* \(missing required label\)/);
});

t.test('a RuntimeClass brings its node selector and tolerations', async (t) => {
  const runtimeClass = {
    handler: 'wasm',
    scheduling: { nodeSelector: { wasm: 'yes' }, tolerations: [{ key: 'wasm', operator: 'Exists' }] },
  };
  const classes = new Map([['wasm', runtimeClass]]);
  const table = new NodeTable();
  table.setNode(node('plain'));
  table.setNode(node('wasm', { labels: { wasm: 'yes' }, taints: [{ key: 'wasm', effect: 'NoSchedule' }] }));
  const framework = new Framework(defaultPlugins, table);
  const wish = pod({ runtimeClassName: 'wasm' });
  t.strictSame(framework.schedule(podInfo(wish, classes)), { node: 'wasm' });
  t.match(framework.schedule(podInfo(wish)), { unschedulable: /RuntimeClass "wasm"/ });
});

t.test('nodes come, change, go and come back with the pods they had', async (t) => {
  const { table, place, decide } = cluster();
  t.strictSame(decide(pod()), { unschedulable: 'no nodes available to schedule pods' });
  table.place(podInfo(pod({}, { cpu: '4' })), 'late');
  table.setNode(node('late'));
  t.match(place(pod({}, { cpu: '1' })), /Insufficient cpu/, 'a pod seen before its node counts');
  t.equal(table.setNode(node('late', { cpu: '8' })), true);
  t.equal(table.setNode(node('late', { cpu: '8' })), false, 'nothing new');
  t.equal(place(pod({}, { cpu: '1' })), 'late');
  table.removeNode('late');
  t.match(decide(pod()), { unschedulable: 'no nodes available to schedule pods' });
  table.setNode(node('other'));
  t.equal(place(pod({}, { cpu: '4' })), 'other', 'a reused row starts empty');
  table.setNode(node('late', { cpu: '6' }));
  t.match(place(pod({}, { cpu: '2' })), /2 Insufficient cpu/);
  for (let n = 0; n < 40; n++) table.setNode(node(`more-${n}`));
  t.match(place(pod({}, { cpu: '2' })), /^more-/, 'the table grows');
});
