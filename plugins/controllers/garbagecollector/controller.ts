import {
  type Context,
  type Controller,
  controller,
  informer,
  isStatus,
  type KubeObject,
  OBJECT_RESOURCES,
  type OwnerReference,
  type Pod,
  Pods,
  podGracePeriodSeconds,
  type Resource,
  type Source,
} from 'orlop/plugin';
import { type Entry, entryOf, FOREGROUND, judge, ORPHAN, OwnerGraph, type OwnerState } from './graph.ts';
import { resourceOf } from './resources.ts';

export function run(ctx: Context): Controller {
  const { objects } = ctx;
  const graph = new OwnerGraph();
  const unsynced = new Set(OBJECT_RESOURCES);

  function watched(resource: Resource<KubeObject>): Source {
    return {
      start(enqueue) {
        // Until everything has been seen an unknown owner means nothing.
        const consider = (uids: string[]): void => {
          if (unsynced.size === 0) for (const uid of uids) enqueue(uid);
        };
        return informer(
          ctx,
          resource,
          {},
          {
            changed: (object) => consider(graph.set(entryOf(resource, object))),
            deleted: (object) => consider(graph.remove(object.metadata?.uid ?? '')),
            synced() {
              if (unsynced.delete(resource)) consider(graph.due());
            },
          },
        );
      },
    };
  }

  async function reconcile(uid: string): Promise<void> {
    const entry = graph.get(uid);
    if (!entry) return;
    if (entry.orphaning) await orphanDependents(entry);
    else if (entry.foreground) await deleteInForeground(entry);
    else if (!entry.deleting && entry.owners.length > 0) await collect(entry);
  }

  /** Deletes the object unless one of its owners, as they are right now, still holds it. */
  async function collect(entry: Entry): Promise<void> {
    const live = await objects.get(entry.resource, entry.key);
    const references = live?.value.metadata?.ownerReferences ?? [];
    if (!live || live.value.metadata?.uid !== entry.uid || references.length === 0) return;
    const owners: { uid: string; state: OwnerState }[] = [];
    for (const reference of references) {
      owners.push({ uid: reference.uid, state: await stateOf(reference, entry) });
    }
    const verdict = judge(owners, graph.dependentsOf(entry.uid).length > 0);
    if (verdict.action === 'keep') return;
    if (verdict.action === 'unlink') {
      await unlink(entry, new Set(verdict.uids));
      return;
    }
    await ifFound(
      objects.delete(entry.resource, entry.key, {
        uid: entry.uid,
        revision: live.revision,
        propagationPolicy: policyOf(live.value) ?? verdict.propagationPolicy,
        gracePeriodSeconds: entry.resource === Pods ? podGracePeriodSeconds(live.value as Pod) : 0,
      }),
    );
  }

  /** Absent is decided on a linearizable read only: a stale cache must never delete anything. */
  async function stateOf(reference: OwnerReference, dependent: Entry): Promise<OwnerState> {
    const known = graph.get(reference.uid);
    if (known) return known.foreground ? 'waiting' : 'solid';
    const resource = resourceOf(reference);
    if (!resource) return 'solid'; // A kind nobody here can look up: never delete on a guess.
    const { namespace } = dependent.key;
    if (resource.namespaced && namespace === undefined) return 'solid'; // Invalid, and upstream leaves it too.
    const key = resource.namespaced ? { namespace, name: reference.name } : { name: reference.name };
    const owner = await objects.get(resource, key);
    if (owner?.value.metadata?.uid !== reference.uid) return 'absent';
    return entryOf(resource, owner.value).foreground ? 'waiting' : 'solid';
  }

  /** Dependents go first; the owner when none is left that blocks it. */
  async function deleteInForeground(entry: Entry): Promise<void> {
    const dependents = graph.dependentsOf(entry.uid);
    const blocking = dependents.filter((each) =>
      each.owners.some((owner) => owner.uid === entry.uid && owner.blockOwnerDeletion),
    );
    if (blocking.length === 0) await finish(entry, FOREGROUND);
    else for (const each of dependents) loop.enqueue(each.uid);
  }

  async function orphanDependents(entry: Entry): Promise<void> {
    const dependents = graph.dependentsOf(entry.uid);
    await Promise.all(dependents.map((each) => unlink(each, new Set([entry.uid]))));
    await finish(entry, ORPHAN);
  }

  async function unlink(entry: Entry, owners: ReadonlySet<string>): Promise<void> {
    await ifFound(
      objects.modify(entry.resource, entry.key, (draft) => {
        const references = draft.metadata?.ownerReferences ?? [];
        const left = references.filter((reference) => !owners.has(reference.uid));
        if (draft.metadata?.uid !== entry.uid || left.length === references.length) return false;
        if (left.length > 0) draft.metadata.ownerReferences = left;
        else delete draft.metadata.ownerReferences;
        return true;
      }),
    );
  }

  /** Takes the finalizer off; with the last one the object goes. */
  async function finish(entry: Entry, finalizer: string): Promise<void> {
    await ifFound(
      objects.modify(entry.resource, entry.key, (draft) => {
        const finalizers = draft.metadata?.finalizers ?? [];
        if (draft.metadata?.uid !== entry.uid || !finalizers.includes(finalizer)) return false;
        draft.metadata.finalizers = finalizers.filter((each) => each !== finalizer);
        return true;
      }),
    );
  }

  const loop = controller(ctx, { sources: OBJECT_RESOURCES.map(watched), reconcile, concurrency: 32 });
  return loop;
}

/** A finalizer set beforehand says how its deletion has to go. */
function policyOf(object: KubeObject): 'Orphan' | 'Foreground' | undefined {
  const finalizers = object.metadata?.finalizers ?? [];
  if (finalizers.includes(ORPHAN)) return 'Orphan';
  return finalizers.includes(FOREGROUND) ? 'Foreground' : undefined;
}

async function ifFound(result: Promise<unknown>): Promise<void> {
  try {
    await result;
  } catch (error) {
    if (!isStatus(error, 'NotFound')) throw error;
  }
}
