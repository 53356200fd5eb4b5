import {
  type Context,
  type Controller,
  controller,
  isStatus,
  type KubeObject,
  keyOfObject,
  type Namespace,
  Namespaces,
  type Pod,
  Pods,
  podGracePeriodSeconds,
  type Requeue,
  type Resource,
  type StoredObject,
  source,
} from 'orlop/plugin';
import { deletionConditions, noteRemaining, RESOURCES, type Remaining } from './content.ts';

const FINALIZER = 'kubernetes';
/** How often a namespace that still has content is looked at, beside its pods' own events. */
const RETRY_MS = 500;

export function run(ctx: Context): Controller {
  const { objects } = ctx;
  const terminating = new Set<string>();

  function* ownKey(namespace: Namespace): Iterable<string> {
    if (namespace.metadata?.deletionTimestamp !== undefined) yield keyOfObject(namespace);
  }

  function* keyOfPod(pod: Pod): Iterable<string> {
    const namespace = pod.metadata?.namespace ?? '';
    if (terminating.has(namespace)) yield namespace;
  }

  async function reconcile(name: string): Promise<Requeue | void> {
    const namespace = (await objects.get(Namespaces, { name }))?.value;
    if (!namespace?.metadata?.deletionTimestamp || !namespace.spec?.finalizers?.includes(FINALIZER)) {
      terminating.delete(name);
      return;
    }
    terminating.add(name);
    const remaining = await empty(name);
    if (remaining.resources.size === 0) {
      await finalize(namespace);
      terminating.delete(name);
      return;
    }
    const before = namespace.status?.conditions ?? [];
    const conditions = deletionConditions(before, remaining);
    if (conditions !== before) {
      await objects.modify(Namespaces, { name }, (draft) => {
        draft.status = { ...draft.status, phase: 'Terminating', conditions };
      });
    }
    return { after: RETRY_MS };
  }

  /** Deletes what is not yet being deleted; returns what is left. */
  async function empty(namespace: string): Promise<Remaining> {
    const remaining: Remaining = { resources: new Map(), finalizers: new Map(), failures: [] };
    for (const resource of RESOURCES) {
      const list = await objects.list(resource, { namespace });
      await Promise.all(list.items.map((object) => remove(resource, object, remaining)));
    }
    return remaining;
  }

  async function remove(
    resource: Resource<KubeObject>,
    { key, value }: StoredObject,
    remaining: Remaining,
  ): Promise<void> {
    if (value.metadata?.deletionTimestamp !== undefined) {
      noteRemaining(remaining, resource, value);
      return;
    }
    try {
      const gracePeriodSeconds = resource === Pods ? podGracePeriodSeconds(value as Pod) : 0;
      const left = await objects.delete(resource, key, {
        uid: value.metadata?.uid,
        gracePeriodSeconds,
        propagationPolicy: 'Background',
      });
      const gone = gracePeriodSeconds === 0 && !left.value.metadata?.finalizers?.length;
      if (!gone) noteRemaining(remaining, resource, left.value);
    } catch (error) {
      if (isStatus(error, 'NotFound')) return;
      noteRemaining(remaining, resource, value);
      remaining.failures.push(`${resource.resource} "${key.name}": ${String(error)}`);
    }
  }

  /** Without its last finalizer the store removes it. */
  async function finalize(namespace: Namespace): Promise<void> {
    try {
      await objects.modify(Namespaces, { name: namespace.metadata!.name! }, (draft) => {
        if (draft.metadata?.uid !== namespace.metadata?.uid) return false;
        const finalizers = (draft.spec?.finalizers ?? []).filter((each) => each !== FINALIZER);
        draft.spec = { ...draft.spec, finalizers };
        return true;
      });
    } catch (error) {
      if (!isStatus(error, 'NotFound')) throw error;
    }
  }

  return controller(ctx, {
    sources: [source(ctx, Namespaces, ownKey), source(ctx, Pods, keyOfPod)],
    reconcile,
  });
}
