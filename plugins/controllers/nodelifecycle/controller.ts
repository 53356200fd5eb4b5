import { isDeepStrictEqual } from 'node:util';
import {
  type Context,
  type Controller,
  controller,
  eventRecorder,
  isStatus,
  type Lease,
  Leases,
  type Node,
  Nodes,
  type Pod,
  Pods,
  type Requeue,
  source,
} from 'orlop/plugin';
import type { Config } from './config.ts';
import { evictionTime } from './eviction.ts';
import { readiness, silentConditions, taintsFor } from './health.ts';
import { Heartbeats } from './heartbeats.ts';
import { NodePods } from './pods.ts';

const LEASES = 'kube-node-lease';

export function run(ctx: Context<Config>): Controller {
  const { objects } = ctx;
  const grace = ctx.config.nodeMonitorGracePeriodSeconds * 1000;
  const events = eventRecorder(ctx, 'node-controller');
  const pods = new NodePods(objects, events);
  const heartbeats = new Heartbeats();
  const started = Date.now();
  /** Nodes whose pods' changes matter: tainted with NoExecute, or missing. */
  const troubled = new Set<string>();
  /** Nodes whose pods have been marked not ready. */
  const marked = new Set<string>();
  /** Since when pods have been seen that name a node which does not exist, on the monotonic clock. */
  const missing = new Map<string, number>();
  const nodes = new Set<string>();

  function* keyOfNode(node: Node): Iterable<string> {
    nodes.add(node.metadata!.name!);
    heartbeats.status(node, performance.now());
    yield node.metadata!.name!;
  }

  function* keyOfLease(lease: Lease): Iterable<string> {
    heartbeats.lease(lease, performance.now());
    yield lease.metadata!.name!;
  }

  function* keyOfPod(pod: Pod): Iterable<string> {
    const node = pod.spec?.nodeName;
    if (node && (troubled.has(node) || !nodes.has(node))) yield node;
  }

  async function reconcile(name: string): Promise<Requeue | void> {
    const found = await objects.get(Nodes, { name }, { revision: 0 });
    if (!found) return collect(name);
    nodes.add(name);
    missing.delete(name);
    const silence = heartbeats.silence(name, performance.now());
    let node = found.value;
    if (silence >= grace && readiness(node) !== 'Unknown') node = await declareSilent(node);
    node = await taint(node);
    const waits = [await treatPods(node)];
    if (silence < grace) waits.push(grace - silence);
    const after = Math.min(...waits.filter((each) => each !== undefined));
    if (Number.isFinite(after)) return { after: Math.max(after, 10) };
  }

  async function declareSilent(node: Node): Promise<Node> {
    const next = structuredClone(node);
    const conditions = silentConditions(next.status?.conditions, new Date());
    Object.assign(next, { status: { ...next.status, conditions } });
    const { value } = await objects.update(Nodes, next);
    const message = `Node ${node.metadata!.name} status is now: NodeNotReady`;
    events.event(Nodes, value, { type: 'Normal', reason: 'NodeNotReady', message });
    return value;
  }

  async function taint(node: Node): Promise<Node> {
    const taints = taintsFor(node, new Date());
    if (isDeepStrictEqual(taints, node.spec?.taints ?? [])) return node;
    const next = structuredClone(node);
    next.spec = { ...next.spec, taints };
    return (await objects.update(Nodes, next)).value;
  }

  /** Milliseconds until the next pod has to leave, if any. */
  async function treatPods(node: Node): Promise<number | undefined> {
    const name = node.metadata!.name!;
    const ready = readiness(node);
    const unready = ready === 'False' || ready === 'Unknown';
    const taints = (node.spec?.taints ?? []).filter((each) => each.effect === 'NoExecute');
    if (!unready) marked.delete(name);
    if (taints.length === 0) troubled.delete(name);
    if (!unready && taints.length === 0) return undefined;
    if (taints.length > 0) troubled.add(name);
    const present = await pods.on(name);
    if (unready && !marked.has(name)) {
      await Promise.all(present.map((pod) => pods.markNotReady(pod)));
      marked.add(name);
    }
    const now = Date.now();
    let next: number | undefined;
    for (const pod of present) {
      const at = evictionTime(pod, taints, started + grace);
      if (at === undefined || pod.metadata?.deletionTimestamp !== undefined) continue;
      if (at <= now) await pods.evict(pod);
      else next = Math.min(next ?? at, at);
    }
    return next === undefined ? undefined : next - now;
  }

  /** Pods of a node that does not exist: gone, once it has been missing long enough that it is not merely late. */
  async function collect(name: string): Promise<Requeue | void> {
    nodes.delete(name);
    troubled.delete(name);
    marked.delete(name);
    heartbeats.forget(name);
    const orphans = await pods.on(name);
    if (orphans.length === 0) {
      missing.delete(name);
      return;
    }
    const since = missing.get(name) ?? performance.now();
    missing.set(name, since);
    const left = since + grace - performance.now();
    if (left > 0) return { after: left };
    if (await objects.get(Nodes, { name })) return { after: 10 };
    await Promise.all(orphans.map((pod) => pods.forceDelete(pod)));
    missing.delete(name);
  }

  return controller(ctx, {
    sources: [
      source(ctx, Nodes, keyOfNode),
      source(ctx, Leases, keyOfLease, { namespace: LEASES }),
      source(ctx, Pods, keyOfPod),
    ],
    reconcile: (name) => reconcile(name).catch(retryConflict),
  });
}

/** A node written by its agent meanwhile is simply looked at again. */
function retryConflict(error: unknown): Requeue {
  if (isStatus(error, 'Conflict')) return { after: 10 };
  throw error;
}
