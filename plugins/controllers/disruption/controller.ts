import { isDeepStrictEqual } from 'node:util';
import {
  type Context,
  type Controller,
  controller,
  controllerOf,
  Deployments,
  eventRecorder,
  isPodTerminal,
  isStatus,
  type KubeObject,
  keyOfObject,
  type LabelPredicate,
  matchLabelSelector,
  type Pod,
  type PodDisruptionBudget,
  PodDisruptionBudgets,
  Pods,
  parseKey,
  ReplicaSets,
  ReplicationControllers,
  type Requeue,
  type Resource,
  StatefulSets,
  source,
} from 'orlop/plugin';
import { budgetStatus, needsScale, nextExpiry, type Scale } from './budget.ts';

type Scaled = KubeObject & { spec?: { replicas?: number } };

/** What may keep pods, or keep what keeps them. */
const SCALED: Readonly<Record<string, Resource<Scaled>>> = {
  'apps/Deployment': Deployments as Resource<Scaled>,
  'apps/ReplicaSet': ReplicaSets as Resource<Scaled>,
  'apps/StatefulSet': StatefulSets as Resource<Scaled>,
  '/ReplicationController': ReplicationControllers as Resource<Scaled>,
};

export function run(ctx: Context): Controller {
  const { objects } = ctx;
  const events = eventRecorder(ctx, 'controllermanager');
  /** By the key of each budget: which pods it counts. */
  const selectors = new Map<string, { namespace: string; matches: LabelPredicate; needsScale: boolean }>();

  function* ownKey(budget: PodDisruptionBudget): Iterable<string> {
    const key = keyOfObject(budget);
    const namespace = budget.metadata?.namespace ?? '';
    const matches = matchLabelSelector(budget.spec?.selector);
    selectors.set(key, { namespace, matches, needsScale: needsScale(budget) });
    yield key;
  }

  function* keysOfPod(pod: Pod, previous: Pod | undefined): Iterable<string> {
    for (const [key, { namespace, matches }] of selectors) {
      if (namespace !== pod.metadata?.namespace) continue;
      if (matches(pod.metadata?.labels) || (previous && matches(previous.metadata?.labels))) yield key;
    }
  }

  /** How many pods it wants may be what a budget is a share of. */
  function* keysOfScaled(scaled: Scaled, previous: Scaled | undefined): Iterable<string> {
    if (previous && previous.spec?.replicas === scaled.spec?.replicas) return;
    for (const [key, selector] of selectors) {
      if (selector.needsScale && selector.namespace === scaled.metadata?.namespace) yield key;
    }
  }

  async function reconcile(key: string): Promise<Requeue | void> {
    const found = await objects.get(PodDisruptionBudgets, parseKey(key), { revision: 0 });
    if (!found) {
      selectors.delete(key);
      return;
    }
    const budget = found.value;
    if (budget.metadata?.deletionTimestamp !== undefined) return;
    const { namespace = '' } = budget.metadata ?? {};
    const matches = matchLabelSelector(budget.spec?.selector);
    const list = await objects.list(Pods, {
      namespace,
      revision: 0,
      where: (pod) => matches(pod.metadata?.labels) && !isPodTerminal(pod),
    });
    const pods = list.items.map(({ value }) => value);
    const scale: Scale = needsScale(budget) ? await scaleOf(namespace, pods) : { expected: 0, unmanaged: [] };
    if (scale.unmanaged.length > 0) {
      events.event(PodDisruptionBudgets, budget, {
        type: 'Warning',
        reason: 'UnmanagedPods',
        message: `Pods selected by this PodDisruptionBudget were found to be unmanaged: ${scale.unmanaged.join(', ')}. As a result, the status of the PDB cannot be calculated correctly: set its .spec.minAvailable to an integer value.`,
      });
    }
    const now = Date.now();
    const status = budgetStatus(budget, pods, scale, now);
    if (!isDeepStrictEqual(budget.status, status)) await write(budget, status);
    const after = nextExpiry(status, now);
    if (after !== undefined) return { after };
  }

  /** Writes what was worked out from this revision; a Conflict, e.g. with an eviction, works it out again. */
  async function write(budget: PodDisruptionBudget, status: PodDisruptionBudget['status']): Promise<void> {
    try {
      await objects.update(PodDisruptionBudgets, { ...budget, status } as PodDisruptionBudget);
    } catch (error) {
      if (!isStatus(error, 'NotFound')) throw error;
    }
  }

  async function scaleOf(namespace: string, pods: readonly Pod[]): Promise<Scale> {
    const wanted = new Map<string, number>();
    const unmanaged: string[] = [];
    for (const pod of pods) {
      const keeper = await keeperOf(namespace, pod);
      if (keeper) wanted.set(keeper.metadata!.uid!, keeper.spec?.replicas ?? 1);
      else unmanaged.push(pod.metadata!.name!);
    }
    return { expected: [...wanted.values()].reduce((sum, each) => sum + each, 0), unmanaged };
  }

  /** The topmost controller that says how many pods it wants: of a Deployment's pod, the Deployment. */
  async function keeperOf(namespace: string, pod: Pod): Promise<Scaled | undefined> {
    let keeper: Scaled | undefined;
    for (let at: KubeObject = pod; ; at = keeper) {
      const owner = controllerOf(at);
      const group = owner?.apiVersion.includes('/') ? owner.apiVersion.split('/')[0] : '';
      const resource = owner && SCALED[`${group}/${owner.kind}`];
      if (!resource) return keeper;
      const found = await objects.get(resource, { namespace, name: owner.name }, { revision: 0 });
      if (found?.value.metadata?.uid !== owner.uid) return keeper;
      keeper = found.value;
    }
  }

  return controller(ctx, {
    sources: [
      source(ctx, PodDisruptionBudgets, ownKey),
      source(ctx, Pods, keysOfPod),
      ...Object.values(SCALED).map((resource) => source(ctx, resource, keysOfScaled)),
    ],
    reconcile,
  });
}
