import type { Endpoint } from 'orlop/plugin';
import { Upstream } from './upstream.ts';

/** Idle connections kept per endpoint. */
const MAX_IDLE = 64;
const IDLE_MS = 30_000;
/** A request that cannot be repeated takes only a connection that idled less: an older one may be closing at the other end. */
const FRESH_MS = 1_000;

/** The connections to endpoints that wait for their next request. */
export class Pool {
  readonly #idle = new Map<string, Upstream[]>();
  readonly #now: () => number;

  /** `now`: milliseconds, of any origin; coarse is fine. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The one used last, or `undefined`. */
  take(endpoint: Endpoint, repeatable: boolean): Upstream | undefined {
    const idle = this.#idle.get(keyOf(endpoint));
    if (!idle) return undefined;
    for (let last = idle.pop(); last; last = idle.pop()) {
      if (!repeatable && this.#now() - last.idleSince > FRESH_MS) {
        idle.push(last);
        return undefined;
      }
      // One that the endpoint has just ended is still here until it has closed.
      if (last.socket.writable && !last.socket.readableEnded) return last;
    }
    return undefined;
  }

  open(endpoint: Endpoint): Upstream {
    return new Upstream(
      endpoint,
      (upstream) => this.#keep(upstream),
      (upstream) => this.#forget(upstream),
    );
  }

  #keep(upstream: Upstream): void {
    const key = keyOf(upstream.endpoint);
    let idle = this.#idle.get(key);
    if (!idle) {
      idle = [];
      this.#idle.set(key, idle);
    }
    if (idle.length >= MAX_IDLE) {
      upstream.socket.destroy();
      return;
    }
    upstream.idleSince = this.#now();
    idle.push(upstream);
  }

  #forget(upstream: Upstream): void {
    const idle = this.#idle.get(keyOf(upstream.endpoint));
    const index = idle?.indexOf(upstream) ?? -1;
    if (index >= 0) idle!.splice(index, 1);
  }

  /** Closes what idled too long. */
  sweep(): void {
    const now = this.#now();
    for (const [key, idle] of this.#idle) {
      for (const upstream of [...idle]) if (now - upstream.idleSince > IDLE_MS) upstream.socket.destroy();
      if (idle.length === 0) this.#idle.delete(key);
    }
  }

  close(): void {
    for (const idle of this.#idle.values()) for (const upstream of [...idle]) upstream.socket.destroy();
    this.#idle.clear();
  }
}

function keyOf({ host, port }: Endpoint): string {
  return `${host} ${port}`;
}
