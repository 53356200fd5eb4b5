import {
  type Context,
  type Deployment,
  Deployments,
  informer,
  isPodActive,
  isPodReady,
  isPodTerminal,
  Leases,
  microTimestamp,
  Namespaces,
  type Node,
  Nodes,
  objectKey,
  type PluginDeclaration,
  type Pod,
  Pods,
  type ReplicaSet,
  ReplicaSets,
  timestamp,
} from 'orlop/plugin';
import type { Test } from 'tap';
import deployment from '../../../plugins/controllers/deployment/index.ts';
import endpointslice from '../../../plugins/controllers/endpointslice/index.ts';
import garbagecollector from '../../../plugins/controllers/garbagecollector/index.ts';
import namespace from '../../../plugins/controllers/namespace/index.ts';
import nodelifecycle from '../../../plugins/controllers/nodelifecycle/index.ts';
import replicaset from '../../../plugins/controllers/replicaset/index.ts';
import serviceaccount from '../../../plugins/controllers/serviceaccount/index.ts';
import scheduler from '../../../plugins/scheduler/index.ts';
import identity from '../../../plugins/secrets/identity/index.ts';
import { eventually, type TestKernel, testKernel } from '../../cluster.ts';

/** The declarations differ in their configuration and requirements, which only their own `start` looks at. */
export const CONTROLLERS = [
  deployment,
  endpointslice,
  garbagecollector,
  namespace,
  nodelifecycle,
  replicaset,
  serviceaccount,
  scheduler,
] as PluginDeclaration[];

/** A kernel with every controller and the scheduler. */
export async function controlPlane(t: Test, config: Record<string, object> = {}): Promise<TestKernel> {
  return await testKernel(t, { plugins: [identity, ...CONTROLLERS], config });
}

export async function createNamespace(kernel: TestKernel, name: string): Promise<string> {
  await kernel.objects.create(Namespaces, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  });
  return name;
}

/**
 * Stands in for a node and its agent: its pods run and are ready as soon as they are bound, and end as soon as they are asked to. It
 * renews its Lease until the returned function is called.
 */
export async function standInNode(
  t: Test,
  kernel: TestKernel,
  name: string,
  cpu = '64',
): Promise<() => void> {
  const { objects } = kernel;
  const node: Node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    status: {
      allocatable: { cpu, memory: '64Gi', pods: '1000' },
      conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: timestamp() }],
    },
  };
  await objects.create(Nodes, node);
  const lease = { namespace: 'kube-node-lease', name };
  await objects.create(Leases, {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: lease,
    spec: {},
  });
  const work = new Set<Promise<unknown>>();
  let addresses = 0;
  const act = (what: Promise<unknown>): void => {
    // A pod that was changed or removed meanwhile comes by again, or never.
    const done = what.catch(() => undefined).finally(() => work.delete(done));
    work.add(done);
  };
  const watch = informer(
    quiet(kernel),
    Pods,
    {},
    {
      changed(pod) {
        if (pod.spec?.nodeName !== name || isPodTerminal(pod)) return;
        const key = objectKey(pod);
        if (pod.metadata?.deletionTimestamp !== undefined) {
          act(objects.delete(Pods, key, { uid: pod.metadata.uid, gracePeriodSeconds: 0 }));
        } else if (pod.status?.phase === 'Pending') {
          const podIP = `10.1.${name.length}.${++addresses}`;
          act(
            objects.modify(Pods, key, (draft) => {
              draft.status!.phase = 'Running';
              draft.status!.podIP = podIP;
              draft.status!.podIPs = [{ ip: podIP }];
              draft.status!.conditions = [
                ...(draft.status!.conditions ?? []),
                { type: 'Ready', status: 'True', lastTransitionTime: timestamp() },
              ];
            }),
          );
        }
      },
      deleted() {},
    },
  );
  const heartbeat = setInterval(() => {
    act(
      objects.modify(Leases, lease, (draft) => {
        draft.spec = { ...draft.spec, renewTime: microTimestamp() };
      }),
    );
  }, 500);
  t.teardown(async () => {
    clearInterval(heartbeat);
    watch.close();
    await Promise.all(work);
  });
  return () => clearInterval(heartbeat);
}

/** What was seen of a namespace's pods, from the moment this resolves. */
export interface PodRecord {
  /** The fewest active pods that were ready at any time, and the most that were active. */
  fewestReady: number;
  mostActive: number;
  /** Images whose pods existed at the same time, ending ones included. */
  imagesTogether: number;
}

export async function recordPods(t: Test, kernel: TestKernel, namespace: string): Promise<PodRecord> {
  const record: PodRecord = { fewestReady: Number.POSITIVE_INFINITY, mostActive: 0, imagesTogether: 0 };
  const present = new Map<string, Pod>();
  let synced = false;
  const measure = (): void => {
    if (!synced) return;
    const active = [...present.values()].filter(isPodActive);
    const images = new Set([...present.values()].map((each) => each.spec?.containers[0]?.image));
    record.fewestReady = Math.min(record.fewestReady, active.filter(isPodReady).length);
    record.mostActive = Math.max(record.mostActive, active.length);
    record.imagesTogether = Math.max(record.imagesTogether, images.size);
  };
  await new Promise<void>((resolve) => {
    const watch = informer(
      quiet(kernel),
      Pods,
      { namespace },
      {
        changed(pod) {
          present.set(pod.metadata!.uid!, pod);
          measure();
        },
        deleted(pod) {
          present.delete(pod.metadata!.uid!);
          measure();
        },
        synced() {
          synced = true;
          measure();
          resolve();
        },
      },
    );
    t.teardown(() => watch.close());
  });
  return record;
}

/** What an informer needs; it is closed by its test. */
function quiet({ objects }: TestKernel): Pick<Context, 'objects' | 'log' | 'signal'> {
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  return { objects, log, signal: new AbortController().signal };
}

export function webDeployment(namespace: string, replicas: number, image = 'web:1'): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'web', image, ports: [{ name: 'http', containerPort: 8080 }] }] },
      },
    },
  };
}

export async function podsIn(kernel: TestKernel, namespace: string): Promise<Pod[]> {
  return (await kernel.objects.list(Pods, { namespace })).items.map((each) => each.value);
}

export async function replicaSetsIn(kernel: TestKernel, namespace: string): Promise<ReplicaSet[]> {
  return (await kernel.objects.list(ReplicaSets, { namespace })).items.map((each) => each.value);
}

/** Waits until the Deployment has exactly this many pods, all available and of its present template. */
export async function rolledOut(
  kernel: TestKernel,
  namespace: string,
  replicas: number,
): Promise<Deployment> {
  return await eventually(`the Deployment in ${namespace} has ${replicas} pods`, async () => {
    const found = await kernel.objects.get(Deployments, { namespace, name: 'web' });
    const { metadata, status } = found!.value;
    const counts = [status?.replicas, status?.updatedReplicas, status?.availableReplicas];
    const settled = counts.every((count) => (count ?? 0) === replicas);
    const observed = status?.observedGeneration === metadata?.generation;
    const pods = (await podsIn(kernel, namespace)).filter(isPodActive);
    const there = pods.length === replicas && pods.every(isPodReady);
    return settled && observed && there ? found!.value : undefined;
  });
}
