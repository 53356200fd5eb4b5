/** What the store makes of a write, as rules without I/O: for whoever must say what it would make of one. */
import { isDeepStrictEqual } from 'node:util';
import type { DeleteOptions } from '../objects.ts';
import type { ObjectMeta } from './kubernetes.ts';
import { type KubeObject, timestamp } from './object.ts';

/** What a request does to an object: it stays, as `object`, or goes, with `object` as its last state. */
export interface Decision<T extends KubeObject = KubeObject> {
  object: T;
  remove: boolean;
}

type Meta = { -readonly [K in keyof ObjectMeta]: ObjectMeta[K] };

/** The parts of an object these rules know. */
type Loose = KubeObject & { spec?: { finalizers?: string[] }; status?: object };

const FOREGROUND = 'foregroundDeletion';
const ORPHAN = 'orphan';

/** A new object: the system's fields are set, whatever the caller put there. */
export function createdObject<T extends KubeObject>(object: T, name: string, uid: string, now: Date): T {
  const {
    resourceVersion: _r,
    deletionTimestamp: _d,
    deletionGracePeriodSeconds: _g,
    ...given
  } = object.metadata ?? {};
  const metadata: Meta = { ...given, name, uid, creationTimestamp: timestamp(now) };
  delete metadata.generation;
  if ('spec' in object) metadata.generation = 1;
  return { ...object, metadata };
}

/** An update of `current` by `object`. */
export function updatedObject<T extends KubeObject>(current: T, object: T): Decision<T> {
  const was = current.metadata ?? {};
  const metadata: Meta = { ...object.metadata };
  for (const field of [
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'generation',
  ] as const) {
    delete metadata[field];
    if (was[field] !== undefined) Object.assign(metadata, { [field]: was[field] });
  }
  const generation = generationAfter(current, object);
  if (generation !== undefined) metadata.generation = generation;
  const next = { ...object, kind: current.kind, apiVersion: current.apiVersion, metadata };
  const marked = was.deletionTimestamp !== undefined;
  return { object: next, remove: marked && (was.deletionGracePeriodSeconds ?? 0) === 0 && !isHeld(next) };
}

/** Raised when anything but metadata and status changed; only objects with a spec have one. */
function generationAfter(current: KubeObject, object: KubeObject): number | undefined {
  const generation = current.metadata?.generation;
  if (generation === undefined) return 'spec' in object ? 1 : undefined;
  return isDeepStrictEqual(intent(current), intent(object)) ? generation : generation + 1;
}

/** A deletion of `current`. When nothing changes the object is `current` itself. */
export function deletedObject<T extends KubeObject>(
  current: T,
  options: DeleteOptions,
  now: Date,
): Decision<T> {
  const was = current.metadata ?? {};
  const finalizers = finalizersAfter(was.finalizers ?? [], options.propagationPolicy);
  const metadata: Meta = { ...was, finalizers };
  if (finalizers.length === 0) delete metadata.finalizers;
  const wanted = options.gracePeriodSeconds ?? 0;
  // A deletion that has begun can be shortened only.
  const grace = Math.max(
    0,
    Math.min(wanted, was.deletionTimestamp ? (was.deletionGracePeriodSeconds ?? 0) : wanted),
  );
  const next: T = { ...current, metadata };
  if (grace === 0 && !isHeld(next)) return { object: next, remove: true };
  if (was.deletionTimestamp === undefined || grace !== (was.deletionGracePeriodSeconds ?? 0)) {
    metadata.deletionTimestamp = timestamp(new Date(now.getTime() + grace * 1000));
    metadata.deletionGracePeriodSeconds = grace;
    if (was.generation !== undefined) metadata.generation = was.generation + 1;
  } else if (isDeepStrictEqual(was.finalizers ?? [], finalizers)) {
    return { object: current, remove: false };
  }
  if (isNamespace(next)) (next as Loose).status = { ...(next as Loose).status, phase: 'Terminating' };
  return { object: next, remove: false };
}

/** Whether finalizers still keep it. A Namespace has some in its spec too. */
function isHeld(object: Loose): boolean {
  if ((object.metadata?.finalizers ?? []).length > 0) return true;
  return isNamespace(object) && (object.spec?.finalizers ?? []).length > 0;
}

function isNamespace(object: KubeObject): boolean {
  return object.kind === 'Namespace' && object.apiVersion === 'v1';
}

function finalizersAfter(finalizers: string[], policy: DeleteOptions['propagationPolicy']): string[] {
  if (policy === undefined) return finalizers;
  const rest = finalizers.filter((finalizer) => finalizer !== FOREGROUND && finalizer !== ORPHAN);
  if (policy === 'Foreground') rest.push(FOREGROUND);
  if (policy === 'Orphan') rest.push(ORPHAN);
  return rest;
}

/** Everything that is not metadata or status, as JSON has it: without undefined members. */
function intent(object: Loose): unknown {
  const { metadata: _m, status: _s, kind: _k, apiVersion: _a, ...rest } = object;
  return JSON.parse(JSON.stringify(rest));
}
