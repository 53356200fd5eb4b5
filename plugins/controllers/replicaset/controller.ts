import { isDeepStrictEqual } from 'node:util';
import {
  type Context,
  type Controller,
  claim,
  controller,
  controllerOf,
  eventRecorder,
  isPodActive,
  isStatus,
  keyOf,
  keyOfObject,
  type LabelPredicate,
  matchLabelSelector,
  Namespaces,
  objectKey,
  type Pod,
  Pods,
  parseKey,
  podGracePeriodSeconds,
  type ReplicaSet,
  ReplicaSets,
  type Requeue,
  source,
} from 'orlop/plugin';
import { podFromTemplate, slowStart } from './pods.ts';
import { nextAvailability, type ReplicaFailure, replicaSetStatus } from './status.ts';
import { podsToDelete } from './victims.ts';

const BURST = 500;

export function run(ctx: Context): Controller {
  const { objects } = ctx;
  const events = eventRecorder(ctx, 'replicaset-controller');
  /** By the key of each ReplicaSet: finds who may adopt a pod without controller. */
  const selectors = new Map<string, { namespace: string; matches: LabelPredicate }>();

  function* ownKey(replicaSet: ReplicaSet): Iterable<string> {
    const key = keyOfObject(replicaSet);
    const namespace = replicaSet.metadata?.namespace ?? '';
    selectors.set(key, { namespace, matches: matchLabelSelector(replicaSet.spec?.selector) });
    yield key;
  }

  function* keysOfPod(pod: Pod, previous: Pod | undefined): Iterable<string> {
    const namespace = pod.metadata?.namespace ?? '';
    for (const each of previous ? [previous, pod] : [pod]) {
      const owner = controllerOf(each);
      if (owner?.kind === 'ReplicaSet') yield keyOf({ namespace, name: owner.name });
    }
    if (controllerOf(pod)) return;
    for (const [key, selector] of selectors) {
      if (selector.namespace === namespace && selector.matches(pod.metadata?.labels)) yield key;
    }
  }

  /** `fresh`: linearizable, for decisions; otherwise as the cache has it. */
  async function podsOf(replicaSet: ReplicaSet, fresh: boolean): Promise<Pod[]> {
    const matches = matchLabelSelector(replicaSet.spec?.selector);
    const list = await objects.list(Pods, {
      namespace: replicaSet.metadata!.namespace,
      revision: fresh ? undefined : 0,
      where: (pod) => {
        const owner = controllerOf(pod);
        return owner ? owner.uid === replicaSet.metadata!.uid : matches(pod.metadata?.labels);
      },
    });
    const candidates = list.items.map((each) => each.value);
    const claimed = await claim(objects, {
      ownerResource: ReplicaSets,
      owner: replicaSet,
      resource: Pods,
      matches,
      candidates,
    });
    return claimed.filter(isPodActive);
  }

  async function reconcile(key: string): Promise<Requeue | void> {
    const found = await objects.get(ReplicaSets, parseKey(key), { revision: 0 });
    if (!found) {
      selectors.delete(key);
      return;
    }
    const replicaSet = found.value;
    const wanted = replicaSet.spec?.replicas ?? 1;
    let pods = await podsOf(replicaSet, false);
    let failure: ReplicaFailure | undefined;
    if (pods.length !== wanted && replicaSet.metadata?.deletionTimestamp === undefined) {
      pods = await podsOf(replicaSet, true);
      failure = await scale(replicaSet, pods, wanted);
      pods = await podsOf(replicaSet, false);
    }
    const now = Date.now();
    await writeStatus(replicaSet, replicaSetStatus(replicaSet, pods, failure, now));
    if (failure) throw new Error(failure.message);
    const wait = nextAvailability(replicaSet, pods, now);
    if (wait !== undefined) return { after: wait };
  }

  async function scale(
    replicaSet: ReplicaSet,
    pods: Pod[],
    wanted: number,
  ): Promise<ReplicaFailure | undefined> {
    if (pods.length < wanted) return create(replicaSet, Math.min(wanted - pods.length, BURST));
    const victims = podsToDelete(pods, pods.length - wanted).slice(0, BURST);
    const results = await Promise.allSettled(victims.map((pod) => remove(replicaSet, pod)));
    const failed = results.find((each) => each.status === 'rejected');
    if (failed) return { reason: 'FailedDelete', message: messageOf(failed.reason) };
  }

  async function create(replicaSet: ReplicaSet, count: number): Promise<ReplicaFailure | undefined> {
    // The store takes any object: what the API server's admission refuses to others is this controller's to check.
    const namespace = await objects.get(Namespaces, { name: replicaSet.metadata!.namespace! });
    if (namespace?.value.metadata?.deletionTimestamp !== undefined) return;
    const { error } = await slowStart(count, async () => {
      const pod = await objects.create(Pods, podFromTemplate(replicaSet));
      events.event(ReplicaSets, replicaSet, {
        type: 'Normal',
        reason: 'SuccessfulCreate',
        message: `Created pod: ${pod.key.name}`,
      });
    });
    if (error === undefined) return;
    const message = messageOf(error);
    events.event(ReplicaSets, replicaSet, {
      type: 'Warning',
      reason: 'FailedCreate',
      message: `Error creating: ${message}`,
    });
    return { reason: 'FailedCreate', message };
  }

  async function remove(replicaSet: ReplicaSet, pod: Pod): Promise<void> {
    try {
      const gracePeriodSeconds = podGracePeriodSeconds(pod);
      await objects.delete(Pods, objectKey(pod), { uid: pod.metadata!.uid, gracePeriodSeconds });
    } catch (error) {
      if (isStatus(error, 'NotFound')) return;
      events.event(ReplicaSets, replicaSet, {
        type: 'Warning',
        reason: 'FailedDelete',
        message: `Error deleting: ${messageOf(error)}`,
      });
      throw error;
    }
    events.event(ReplicaSets, replicaSet, {
      type: 'Normal',
      reason: 'SuccessfulDelete',
      message: `Deleted pod: ${pod.metadata!.name}`,
    });
  }

  async function writeStatus(
    replicaSet: ReplicaSet,
    status: NonNullable<ReplicaSet['status']>,
  ): Promise<void> {
    if (isDeepStrictEqual(replicaSet.status, status)) return;
    try {
      await objects.modify(ReplicaSets, objectKey(replicaSet), (draft) => {
        if (draft.metadata?.uid !== replicaSet.metadata?.uid) return false;
        Object.assign(draft, { status });
        return true;
      });
    } catch (error) {
      if (!isStatus(error, 'NotFound')) throw error;
    }
  }

  return controller(ctx, {
    sources: [source(ctx, ReplicaSets, ownKey), source(ctx, Pods, keysOfPod)],
    reconcile,
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
