/** Delays between restarts of one container. Source: client-go `flowcontrol.Backoff`, as kubelet uses it. */
export interface Backoff {
  /** Milliseconds to wait after the last end. */
  readonly delay: number;
  /** When the delay was last raised, milliseconds since the epoch. */
  readonly raisedAt: number;
}

export interface BackoffLimits {
  /** First delay, milliseconds. */
  readonly base: number;
  readonly max: number;
}

/** CrashLoopBackOff: 10 s doubling to 5 min, forgotten after 10 min without a crash. */
export const CRASH_LOOP: BackoffLimits = { base: 10_000, max: 300_000 };

/** When a container that ended at `endedAt` may start again. A first restart is immediate. */
export function allowedAt(backoff: Backoff | undefined, endedAt: number, limits: BackoffLimits): number {
  if (!backoff || expired(backoff, endedAt, limits)) return endedAt;
  return endedAt + backoff.delay;
}

/** The back-off after a restart (or a failed attempt) at `now`. */
export function raise(backoff: Backoff | undefined, now: number, limits: BackoffLimits): Backoff {
  const fresh = !backoff || expired(backoff, now, limits);
  return { delay: fresh ? limits.base : Math.min(backoff.delay * 2, limits.max), raisedAt: now };
}

function expired(backoff: Backoff, at: number, limits: BackoffLimits): boolean {
  return at - backoff.raisedAt > 2 * limits.max;
}
