import {
  type Context,
  eventRecorder,
  informer,
  isPodTerminal,
  isStatus,
  Nodes,
  objectKey,
  type Pod,
  Pods,
  podRequests,
  type RuntimeClass,
  RuntimeClasses,
} from 'orlop/plugin';
import { binding, unschedulable } from './conditions.ts';
import { defaultPlugins } from './filters.ts';
import { Framework, type Score } from './framework.ts';
import { NodeTable } from './nodes.ts';
import { podInfo } from './pod.ts';
import { type QueuedPod, SchedulingQueue } from './queue.ts';
import type { Scorers } from './scorers.ts';

const SCHEDULER_NAME = 'default-scheduler';
/** Concurrent binds let the store gather them into few durable writes. */
const MAX_BINDING = 256;
/** Milliseconds of scheduling before other work of the process gets its turn. */
const SLICE_MS = 8;

/** Schedules until it is stopped. */
export function run(ctx: Context, scorers: Scorers): { stop(): Promise<void> } {
  const events = eventRecorder(ctx, SCHEDULER_NAME);
  const nodes = new NodeTable();
  const framework = new Framework(defaultPlugins, nodes);
  const queue = new SchedulingQueue();
  const runtimeClasses = new Map<string, RuntimeClass>();
  /** Chosen a node but not yet seen with it in the watch, or being told that there is none. */
  const inFlight = new Map<string, Promise<void>>();
  /** Taken from the queue, with the scores of score plugins, in order. */
  const scored: { queued: QueuedPod; scores: readonly Score[] }[] = [];
  let scoring: Promise<void> | undefined;
  const synced = new Set<string>();
  /** Counts events that may make room, to tell whether one came during an attempt. */
  let wakes = 0;
  let timer: NodeJS.Timeout | undefined;
  let turn: NodeJS.Immediate | undefined;
  let stopped = false;

  function kick(): void {
    if (stopped || turn || synced.size < 3) return;
    turn = setImmediate(cycle);
  }

  function wake(): void {
    wakes += 1;
    queue.wake();
    kick();
  }

  function cycle(): void {
    turn = undefined;
    clearTimeout(timer);
    const until = performance.now() + SLICE_MS;
    while (!stopped && inFlight.size < MAX_BINDING) {
      const now = performance.now();
      if (now > until) {
        kick();
        return;
      }
      const next = scored.shift();
      if (next) {
        if (queue.claim(next.queued)) attempt(next.queued, next.scores);
        continue;
      }
      // Goes on when they have been scored.
      if (scoring || (scorers.wanted(now) && score(now))) return;
      const queued = queue.pop(now);
      if (!queued) break;
      attempt(queued);
    }
    const next = queue.nextAt();
    if (next !== undefined && !stopped) timer = setTimeout(kick, Math.max(1, next - performance.now()));
  }

  /** Has score plugins look at the next pods. False: there are none. */
  function score(now: number): boolean {
    const batch: QueuedPod[] = [];
    const most = scorers.batchSize(nodes);
    for (let queued = queue.take(now); queued; queued = queue.take(now)) {
      if (batch.push(queued) === most) break;
    }
    if (batch.length === 0) return false;
    const infos = batch.map(({ info }) => info);
    scoring = scorers.score(nodes, infos).then((scores) => {
      scoring = undefined;
      for (const [index, queued] of batch.entries()) scored.push({ queued, scores: scores[index]! });
      kick();
    });
    return true;
  }

  function attempt(queued: QueuedPod, scores?: readonly Score[]): void {
    const { info } = queued;
    const before = wakes;
    const decision = framework.schedule(info, scores);
    if ('node' in decision) nodes.place(info, decision.node);
    const work =
      'node' in decision ? bind(queued, decision.node) : refuse(queued, decision.unschedulable, before);
    inFlight.set(
      info.uid,
      work
        .catch((error: unknown) => {
          ctx.log.warn(`${info.key} could not be scheduled; trying again`, { error: String(error) });
          giveBack(queued);
        })
        .finally(() => {
          inFlight.delete(info.uid);
          kick();
        }),
    );
  }

  /** Binds at the revision the decision was made on: a pod that changed or went meanwhile is never bound by mistake, nor twice. */
  async function bind(queued: QueuedPod, node: string): Promise<void> {
    const { info } = queued;
    try {
      await ctx.objects.update(Pods, binding(info.pod, node));
    } catch (error) {
      if (isStatus(error, 'NotFound')) {
        nodes.remove(info.uid);
        return;
      }
      if (!isStatus(error, 'Conflict')) throw error;
      await reconsider(queued);
      return;
    }
    const message = `Successfully assigned ${info.key} to ${node}`;
    events.event(Pods, info.pod, { type: 'Normal', reason: 'Scheduled', message });
  }

  /** The pod changed under the attempt: start over from what it is now. */
  async function reconsider(queued: QueuedPod): Promise<void> {
    const { info } = queued;
    const fresh = await ctx.objects.get(Pods, objectKey(info.pod));
    nodes.remove(info.uid);
    if (fresh?.value.metadata?.uid !== info.uid) return;
    if (isMine(fresh.value)) queue.add(podInfo(fresh.value, runtimeClasses), performance.now());
    else podChanged(fresh.value);
  }

  async function refuse(queued: QueuedPod, message: string, before: number): Promise<void> {
    const { info } = queued;
    queue.putBack(queued, performance.now(), wakes !== before);
    events.event(Pods, info.pod, { type: 'Warning', reason: 'FailedScheduling', message });
    const next = unschedulable(info.pod, message);
    if (!next) return;
    try {
      await ctx.objects.update(Pods, next);
    } catch (error) {
      // Changed or gone: the watch brings it back, or takes it out of the queue.
      if (!isStatus(error, 'Conflict', 'NotFound')) throw error;
    }
  }

  function giveBack(queued: QueuedPod): void {
    nodes.remove(queued.info.uid);
    queue.putBack(queued, performance.now(), true);
  }

  function podChanged(pod: Pod, previous?: Pod): void {
    const uid = pod.metadata!.uid!;
    if (isPodTerminal(pod)) {
      podGone(pod);
      return;
    }
    if (pod.spec?.nodeName) {
      queue.drop(uid);
      if (previous?.spec?.nodeName && !asksDifferently(pod, previous) && !takesDifferently(pod, previous))
        return;
      nodes.place(podInfo(pod), pod.spec.nodeName);
      // It may take less than before.
      if (previous?.spec?.nodeName) wake();
      return;
    }
    if (!isMine(pod)) {
      queue.drop(uid);
      return;
    }
    // An echo of the pod's state before our own bind.
    if (nodes.isPlaced(uid)) return;
    const info = podInfo(pod, runtimeClasses);
    if (previous && !asksDifferently(pod, previous)) {
      if (queue.refresh(info) || inFlight.has(uid)) return;
    }
    queue.add(info, performance.now());
    kick();
  }

  function podGone(pod: Pod): void {
    const uid = pod.metadata!.uid!;
    queue.drop(uid);
    if (nodes.remove(uid)) wake();
  }

  const known = new Map<string, Pod>();
  const watches = [
    informer(
      ctx,
      Nodes,
      {},
      {
        changed: (node) => {
          if (nodes.setNode(node)) wake();
        },
        deleted: (node) => nodes.removeNode(node.metadata!.name!),
        synced: () => ready('nodes'),
      },
    ),
    informer(
      ctx,
      RuntimeClasses,
      {},
      {
        changed: (runtimeClass) => {
          runtimeClasses.set(runtimeClass.metadata!.name!, runtimeClass);
          recompile();
        },
        deleted: (runtimeClass) => {
          runtimeClasses.delete(runtimeClass.metadata!.name!);
          recompile();
        },
        synced: () => ready('runtimeclasses'),
      },
    ),
    informer(
      ctx,
      Pods,
      {},
      {
        changed: (pod) => {
          const uid = pod.metadata!.uid!;
          podChanged(pod, known.get(uid));
          known.set(uid, pod);
        },
        deleted: (pod) => {
          known.delete(pod.metadata!.uid!);
          podGone(pod);
        },
        synced: () => ready('pods'),
      },
    ),
  ];

  /** Nothing is decided on half a picture. */
  function ready(what: string): void {
    synced.add(what);
    kick();
  }

  /** What waiting pods ask for depends on the RuntimeClasses. */
  function recompile(): void {
    for (const pod of known.values()) {
      if (pod.spec?.runtimeClassName && isMine(pod)) queue.refresh(podInfo(pod, runtimeClasses));
    }
    wake();
  }

  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      clearImmediate(turn);
      for (const watch of watches) watch.close();
      await Promise.all([scoring, ...inFlight.values()]);
    },
  };
}

/** Waits for this scheduler: unbound, not held back by gates, not ending. */
function isMine(pod: Pod): boolean {
  const { nodeName, schedulerName = SCHEDULER_NAME, schedulingGates = [] } = pod.spec ?? {};
  if (nodeName || schedulerName !== SCHEDULER_NAME || schedulingGates.length > 0) return false;
  return pod.metadata?.deletionTimestamp === undefined && !isPodTerminal(pod);
}

/** What it takes of its node has changed: a resize was carried out, or refused. */
function takesDifferently(pod: Pod, previous: Pod): boolean {
  return JSON.stringify(podRequests(pod)) !== JSON.stringify(podRequests(previous));
}

/** What the choice of a node depends on, for this pod or for those after it. */
function asksDifferently(pod: Pod, previous: Pod): boolean {
  const asked = ({ spec, metadata }: Pod): string =>
    JSON.stringify([spec, metadata?.labels, metadata?.deletionTimestamp]);
  return asked(pod) !== asked(previous);
}
