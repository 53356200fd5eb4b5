import { isStatus } from './errors.ts';
import { type KubeObject, objectKey } from './model/object.ts';
import { controllerOf, controllerReference } from './model/owners.ts';
import type { LabelPredicate } from './model/selectors.ts';
import type { ObjectClient, Resource } from './objects.ts';

export interface Claim<O extends KubeObject, D extends KubeObject> {
  ownerResource: Resource<O>;
  owner: O;
  resource: Resource<D>;
  /** The owner's selector. */
  matches: LabelPredicate;
  /** In the owner's namespace: its dependents, and those that have no controller. Others are left out. */
  candidates: readonly D[];
}

/**
 * The candidates that `owner` controls: adopts those without controller that it selects, and releases its own that it no longer
 * selects. Source: kube-controller-manager's `ControllerRefManager`.
 */
export async function claim<O extends KubeObject, D extends KubeObject>(
  objects: ObjectClient,
  { ownerResource, owner, resource, matches, candidates }: Claim<O, D>,
): Promise<D[]> {
  const uid = owner.metadata?.uid;
  const deleting = owner.metadata?.deletionTimestamp !== undefined;
  let adoptable: Promise<boolean> | undefined;
  const claimed: D[] = [];
  for (const candidate of candidates) {
    const reference = controllerOf(candidate);
    const selected = matches(candidate.metadata?.labels);
    if (reference) {
      if (reference.uid !== uid) continue;
      if (selected || deleting) claimed.push(candidate);
      else await release(objects, resource, candidate, reference.uid);
      continue;
    }
    if (!selected || deleting || candidate.metadata?.deletionTimestamp !== undefined) continue;
    // One fresh look at the owner: adopting for one that is being deleted would resurrect nothing but garbage.
    adoptable ??= isLive(objects, ownerResource, owner);
    if (!(await adoptable)) continue;
    const adopted = await adopt(objects, resource, candidate, controllerReference(ownerResource, owner));
    if (adopted) claimed.push(adopted);
  }
  return claimed;
}

async function isLive<O extends KubeObject>(
  objects: ObjectClient,
  resource: Resource<O>,
  owner: O,
): Promise<boolean> {
  const metadata = (await objects.get(resource, objectKey(owner)))?.value.metadata;
  return metadata?.uid === owner.metadata?.uid && metadata?.deletionTimestamp === undefined;
}

async function adopt<D extends KubeObject>(
  objects: ObjectClient,
  resource: Resource<D>,
  orphan: D,
  reference: ReturnType<typeof controllerReference>,
): Promise<D | undefined> {
  let adopted = false;
  const stored = await ifFound(
    objects.modify(resource, objectKey(orphan), (draft) => {
      adopted = draft.metadata?.uid === orphan.metadata?.uid && controllerOf(draft) === undefined;
      if (!adopted) return false;
      draft.metadata!.ownerReferences = [...(draft.metadata!.ownerReferences ?? []), reference];
      return true;
    }),
  );
  return adopted ? stored?.value : undefined;
}

async function release<D extends KubeObject>(
  objects: ObjectClient,
  resource: Resource<D>,
  dependent: D,
  ownerUid: string,
): Promise<void> {
  await ifFound(
    objects.modify(resource, objectKey(dependent), (draft) => {
      if (draft.metadata?.uid !== dependent.metadata?.uid) return false;
      const others = (draft.metadata!.ownerReferences ?? []).filter((each) => each.uid !== ownerUid);
      if (others.length > 0) draft.metadata!.ownerReferences = others;
      else delete draft.metadata!.ownerReferences;
      return true;
    }),
  );
}

async function ifFound<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (isStatus(error, 'NotFound')) return undefined;
    throw error;
  }
}
