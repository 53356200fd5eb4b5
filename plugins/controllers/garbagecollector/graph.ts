import { type KubeObject, type ObjectKey, type OwnerReference, objectKey, type Resource } from 'orlop/plugin';

export const FOREGROUND = 'foregroundDeletion';
export const ORPHAN = 'orphan';

/** What the collector knows of one object. */
export interface Entry {
  readonly uid: string;
  readonly resource: Resource<KubeObject>;
  readonly key: ObjectKey;
  readonly owners: readonly OwnerReference[];
  readonly deleting: boolean;
  /** Being deleted in the foreground: it waits for its dependents. */
  readonly foreground: boolean;
  /** Being deleted, and its dependents are to stay. */
  readonly orphaning: boolean;
}

export function entryOf(resource: Resource<KubeObject>, object: KubeObject): Entry {
  const { uid = '', ownerReferences = [], finalizers = [], deletionTimestamp } = object.metadata ?? {};
  const deleting = deletionTimestamp !== undefined;
  return {
    uid,
    resource,
    key: objectKey(object),
    owners: ownerReferences,
    deleting,
    foreground: deleting && finalizers.includes(FOREGROUND),
    orphaning: deleting && finalizers.includes(ORPHAN),
  };
}

/** Who owns whom, by uid, owners that were never seen included. Each change returns the uids that have to be looked at because of it. */
export class OwnerGraph {
  private readonly entries = new Map<string, Entry>();
  private readonly dependents = new Map<string, Set<string>>();

  get(uid: string): Entry | undefined {
    return this.entries.get(uid);
  }

  dependentsOf(uid: string): Entry[] {
    return [...(this.dependents.get(uid) ?? [])].map((each) => this.entries.get(each)!);
  }

  set(entry: Entry): string[] {
    const before = this.entries.get(entry.uid);
    this.unlink(before);
    this.entries.set(entry.uid, entry);
    for (const owner of entry.owners) {
      const dependents = this.dependents.get(owner.uid) ?? new Set();
      dependents.add(entry.uid);
      this.dependents.set(owner.uid, dependents);
    }
    const due = this.isDue(entry) ? [entry.uid] : [];
    // A dependent let go may be what a foreground deletion waits for.
    return before ? [...due, ...this.waitingOwners(before)] : due;
  }

  remove(uid: string): string[] {
    const entry = this.entries.get(uid);
    if (!entry) return [];
    this.entries.delete(uid);
    this.unlink(entry);
    return [...(this.dependents.get(uid) ?? []), ...this.waitingOwners(entry)];
  }

  /** All that is due, e.g. once everything has been seen. */
  due(): string[] {
    return [...this.entries.values()].filter((entry) => this.isDue(entry)).map((entry) => entry.uid);
  }

  private isDue(entry: Entry): boolean {
    if (entry.deleting) return entry.foreground || entry.orphaning;
    return entry.owners.some((owner) => {
      const known = this.entries.get(owner.uid);
      return !known || known.foreground;
    });
  }

  private waitingOwners(entry: Entry): string[] {
    return entry.owners.map((owner) => owner.uid).filter((uid) => this.entries.get(uid)?.foreground);
  }

  private unlink(entry: Entry | undefined): void {
    for (const owner of entry?.owners ?? []) {
      const dependents = this.dependents.get(owner.uid);
      dependents?.delete(entry!.uid);
      if (dependents?.size === 0) this.dependents.delete(owner.uid);
    }
  }
}

export type OwnerState = 'solid' | 'absent' | 'waiting';

export type Verdict =
  | { action: 'keep' }
  /** Drop the references to these uids: other owners hold the object. */
  | { action: 'unlink'; uids: string[] }
  | { action: 'delete'; propagationPolicy: 'Foreground' | 'Background' };

/** What becomes of an object, given what its owners are. Source: upstream's `attemptToDeleteItem`. */
export function judge(
  owners: readonly { uid: string; state: OwnerState }[],
  hasDependents: boolean,
): Verdict {
  const gone = owners.filter((owner) => owner.state !== 'solid').map((owner) => owner.uid);
  if (gone.length === 0) return { action: 'keep' };
  if (gone.length < owners.length) return { action: 'unlink', uids: gone };
  const waited = owners.some((owner) => owner.state === 'waiting');
  return { action: 'delete', propagationPolicy: waited && hasDependents ? 'Foreground' : 'Background' };
}
