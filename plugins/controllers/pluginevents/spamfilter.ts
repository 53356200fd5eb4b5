/** Events of one object at once, and seconds until one more. Source: client-go's `EventSourceObjectSpamFilter`. */
const BURST = 25;
const SECONDS_PER_EVENT = 300;

/** Keeps an object that changes without end from filling the cluster with Events. */
export class SpamFilter {
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  /** Whether one more Event about `uid` may be written. `now`: milliseconds of a monotonic clock. */
  allows(uid: string, now: number): boolean {
    const { tokens, at } = this.#buckets.get(uid) ?? { tokens: BURST, at: now };
    const left = Math.min(BURST, tokens + (now - at) / (SECONDS_PER_EVENT * 1_000));
    this.#buckets.set(uid, { tokens: left < 1 ? left : left - 1, at: now });
    return left >= 1;
  }

  forget(uid: string): void {
    this.#buckets.delete(uid);
  }
}
