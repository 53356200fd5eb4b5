/**
 * The scheduling core alone: how long a decision takes over 1,000 and 5,000 nodes that fill up with pods.
 */
import type { Node, Pod, PodSpec } from '../kernel/contract/index.ts';
import { defaultPlugins } from '../plugins/scheduler/filters.ts';
import { Framework } from '../plugins/scheduler/framework.ts';
import { NodeTable } from '../plugins/scheduler/nodes.ts';
import { podInfo } from '../plugins/scheduler/pod.ts';
import { percentile, Report } from './report.ts';

const PODS = 5_000;
const ZONE = 'topology.kubernetes.io/zone';
const report = new Report('scheduler');

function node(index: number): Node {
  const name = `node-${index}`;
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, [ZONE]: `zone-${index % 3}` } },
    status: { allocatable: { cpu: '16', memory: '64Gi', pods: '110' } },
  };
}

function pod(index: number, spec: Partial<PodSpec>): Pod {
  const name = `pod-${index}`;
  const owner = `rs-${index % 50}`;
  const reference = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner, uid: owner, controller: true };
  const resources = { requests: { cpu: '250m', memory: '256Mi' } };
  return {
    metadata: { name, namespace: 'default', uid: name, labels: { app: owner }, ownerReferences: [reference] },
    spec: { containers: [{ name: 'c', image: 'i', resources }], ...spec },
  };
}

/** Returns decisions per second. */
function run(what: string, count: number, pods: number, spec: (index: number) => Partial<PodSpec>): number {
  const nodes = new NodeTable();
  for (let index = 0; index < count; index++) nodes.setNode(node(index));
  const framework = new Framework(defaultPlugins, nodes);
  const infos = Array.from({ length: pods }, (_, index) => podInfo(pod(index, spec(index))));
  const times: number[] = [];
  const started = performance.now();
  for (const info of infos) {
    const before = performance.now();
    const decision = framework.schedule(info);
    if ('unschedulable' in decision) throw new Error(decision.unschedulable);
    nodes.place(info, decision.node);
    times.push(performance.now() - before);
  }
  const rate = (pods * 1000) / (performance.now() - started);
  report.result(`${what}: p99`, percentile(times, 0.99), 'ms');
  return report.result(what, rate, 'pods/s');
}

const thousand = run('1,000 nodes', 1_000, PODS, () => ({}));
run('5,000 nodes', 5_000, PODS, () => ({}));
run('1,000 nodes, zone spread', 1_000, 1_000, (index) => ({
  topologySpreadConstraints: [
    {
      maxSkew: 1,
      topologyKey: ZONE,
      whenUnsatisfiable: 'DoNotSchedule',
      labelSelector: { matchLabels: { app: `rs-${index % 50}` } },
    },
  ],
}));

report.goal('decisions over 1,000 nodes', thousand, 'pods/s', '>=', 1_000);
report.end();
