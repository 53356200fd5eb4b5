import type { PodInfo } from './pod.ts';

const INITIAL_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 10_000;
/** An unschedulable pod is tried again after this long even if nothing happened. Source: kube-scheduler. */
const FLUSH_MS = 300_000;

/** A pod on its way through the queue. */
export interface QueuedPod {
  info: PodInfo;
  /** When it was first queued. */
  since: number;
  attempts: number;
  /** When its back-off ends. */
  notBefore: number;
}

/**
 * Pods waiting for a node: ready ones by priority, then age (queueSort); those that failed wait, first for an event that may help them,
 * then for their back-off of 1 s doubling to 10 s. All times are milliseconds of one clock that the caller supplies.
 */
export class SchedulingQueue {
  private readonly ready = new Heap();
  private readonly backingOff = new Map<string, QueuedPod>();
  private readonly unschedulable = new Map<string, QueuedPod>();
  /** The entry of each pod in the queue; another one found in `ready` has been superseded. */
  private readonly entries = new Map<string, QueuedPod>();

  get length(): number {
    return this.entries.size;
  }

  /** A pod that is new or has changed is tried at once. */
  add(info: PodInfo, now: number): void {
    const old = this.entries.get(info.uid);
    this.drop(info.uid);
    this.enter({ info, since: old?.since ?? now, attempts: old?.attempts ?? 0, notBefore: now });
  }

  /** Its next attempt sees the pod as it now is, but comes no sooner. False when it is not queued. */
  refresh(info: PodInfo): boolean {
    const entry = this.entries.get(info.uid);
    if (entry) entry.info = info;
    return entry !== undefined;
  }

  drop(uid: string): void {
    this.entries.delete(uid);
    this.backingOff.delete(uid);
    this.unschedulable.delete(uid);
  }

  /** The next pod to try; whoever takes it puts it back if it fails. */
  pop(now: number): QueuedPod | undefined {
    const entry = this.take(now);
    if (entry) this.claim(entry);
    return entry;
  }

  /** The next pod to try, which may still be dropped or changed until it is claimed. */
  take(now: number): QueuedPod | undefined {
    for (const entry of this.backingOff.values()) if (entry.notBefore <= now) this.enter(entry);
    for (const entry of this.unschedulable.values()) if (entry.notBefore + FLUSH_MS <= now) this.enter(entry);
    for (let entry = this.ready.take(); entry; entry = this.ready.take()) {
      if (this.entries.get(entry.info.uid) === entry) return entry;
    }
    return undefined;
  }

  /** Ends the time in the queue of a pod that was taken. False: it is not to be tried any more, or is queued anew. */
  claim(entry: QueuedPod): boolean {
    if (this.entries.get(entry.info.uid) !== entry) return false;
    this.entries.delete(entry.info.uid);
    entry.attempts += 1;
    return true;
  }

  /** `missed`: something that may have helped happened during the attempt, or it was not for want of room; it only backs off. */
  putBack(entry: QueuedPod, now: number, missed: boolean): void {
    const { uid } = entry.info;
    this.drop(uid);
    entry.notBefore =
      now + Math.min(MAX_BACKOFF_MS, INITIAL_BACKOFF_MS * 2 ** Math.min(entry.attempts - 1, 10));
    this.entries.set(uid, entry);
    (missed ? this.backingOff : this.unschedulable).set(uid, entry);
  }

  /** A node came or changed, or a pod left: there may be room now. */
  wake(): void {
    for (const [uid, entry] of this.unschedulable) this.backingOff.set(uid, entry);
    this.unschedulable.clear();
  }

  /** When `pop` may return a pod that it does not return now. */
  nextAt(): number | undefined {
    let next = Number.POSITIVE_INFINITY;
    for (const entry of this.backingOff.values()) next = Math.min(next, entry.notBefore);
    for (const entry of this.unschedulable.values()) next = Math.min(next, entry.notBefore + FLUSH_MS);
    return Number.isFinite(next) ? next : undefined;
  }

  private enter(entry: QueuedPod): void {
    this.drop(entry.info.uid);
    this.entries.set(entry.info.uid, entry);
    this.ready.put(entry);
  }
}

/** A binary heap by priority, then age. */
class Heap {
  private readonly items: QueuedPod[] = [];

  put(entry: QueuedPod): void {
    const { items } = this;
    let index = items.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(entry, items[parent]!)) break;
      items[index] = items[parent]!;
      index = parent;
    }
    items[index] = entry;
  }

  take(): QueuedPod | undefined {
    const { items } = this;
    const first = items[0];
    const last = items.pop();
    if (!last || items.length === 0) return first;
    let index = 0;
    for (let child = 1; child < items.length; child = 2 * index + 1) {
      if (child + 1 < items.length && before(items[child + 1]!, items[child]!)) child += 1;
      if (!before(items[child]!, last)) break;
      items[index] = items[child]!;
      index = child;
    }
    items[index] = last;
    return first;
  }
}

function before(a: QueuedPod, b: QueuedPod): boolean {
  return a.info.priority !== b.info.priority ? a.info.priority > b.info.priority : a.since < b.since;
}
