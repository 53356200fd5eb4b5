import {
  type Context,
  type Controller,
  claim,
  controller,
  controllerOf,
  Deployments,
  eventRecorder,
  isPodTerminal,
  keyOf,
  keyOfObject,
  type LabelPredicate,
  matchLabelSelector,
  type Pod,
  Pods,
  parseKey,
  ReplicaSets,
  type Requeue,
  source,
} from 'orlop/plugin';
import { type Outcome, Rollout } from './rollout.ts';
import type { Deployment, ReplicaSet } from './types.ts';

export function run(ctx: Context): Controller {
  const { objects } = ctx;
  const events = eventRecorder(ctx, 'deployment-controller');
  /** By the key of each Deployment: finds who may adopt a ReplicaSet without controller. */
  const selectors = new Map<string, { namespace: string; matches: LabelPredicate }>();
  /** By the uid of a ReplicaSet: the Deployment (Recreate) that waits for the end of its pods. */
  const awaited = new Map<string, string>();

  function* ownKey(deployment: Deployment): Iterable<string> {
    const key = keyOfObject(deployment);
    const namespace = deployment.metadata?.namespace ?? '';
    selectors.set(key, { namespace, matches: matchLabelSelector(deployment.spec?.selector) });
    yield key;
  }

  function* keysOfReplicaSet(replicaSet: ReplicaSet, previous: ReplicaSet | undefined): Iterable<string> {
    const namespace = replicaSet.metadata?.namespace ?? '';
    for (const each of previous ? [previous, replicaSet] : [replicaSet]) {
      const owner = controllerOf(each);
      if (owner?.kind === 'Deployment') yield keyOf({ namespace, name: owner.name });
    }
    if (controllerOf(replicaSet)) return;
    for (const [key, selector] of selectors) {
      if (selector.namespace === namespace && selector.matches(replicaSet.metadata?.labels)) yield key;
    }
  }

  function* keysOfPod(pod: Pod): Iterable<string> {
    const key = awaited.get(controllerOf(pod)?.uid ?? '');
    if (key !== undefined) yield key;
  }

  async function replicaSetsOf(deployment: Deployment): Promise<ReplicaSet[]> {
    const matches = matchLabelSelector(deployment.spec?.selector);
    const list = await objects.list(ReplicaSets, {
      namespace: deployment.metadata!.namespace,
      where: (each) => {
        const owner = controllerOf(each);
        return owner ? owner.uid === deployment.metadata!.uid : matches(each.metadata?.labels);
      },
    });
    return claim(objects, {
      ownerResource: Deployments,
      owner: deployment,
      resource: ReplicaSets,
      matches,
      candidates: list.items.map((each) => each.value),
    });
  }

  /** Whether pods of these ReplicaSets still run, ending ones included; if so the Deployment is reconciled as they change. */
  async function stillRunning(key: string, replicaSets: readonly ReplicaSet[]): Promise<boolean> {
    for (const each of replicaSets) awaited.set(each.metadata!.uid!, key);
    for (const each of replicaSets) {
      const pods = await objects.list(Pods, {
        namespace: each.metadata!.namespace,
        owner: each.metadata!.uid,
      });
      if (pods.items.some((pod) => !isPodTerminal(pod.value))) return true;
    }
    for (const each of replicaSets) awaited.delete(each.metadata!.uid!);
    return false;
  }

  async function reconcile(key: string): Promise<Requeue | void> {
    const found = await objects.get(Deployments, parseKey(key));
    if (!found) {
      selectors.delete(key);
      for (const [uid, waiting] of awaited) if (waiting === key) awaited.delete(uid);
      return;
    }
    const deployment = found.value;
    const selector = deployment.spec?.selector;
    if (!selector?.matchLabels && !selector?.matchExpressions?.length) {
      const message = 'This deployment is selecting all pods. A non-empty selector is required.';
      events.event(Deployments, deployment, { type: 'Warning', reason: 'SelectingAll', message });
      return;
    }
    const replicaSets = await replicaSetsOf(deployment);
    const rollout = new Rollout(objects, events, deployment, replicaSets);
    const outcome: Outcome = await rollout.sync((old) => stillRunning(key, old));
    if (outcome.after !== undefined) return { after: outcome.after };
  }

  return controller(ctx, {
    sources: [
      source(ctx, Deployments, ownKey),
      source(ctx, ReplicaSets, keysOfReplicaSet),
      source(ctx, Pods, keysOfPod),
    ],
    reconcile,
  });
}
