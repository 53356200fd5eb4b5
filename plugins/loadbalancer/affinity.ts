import type { Endpoint } from 'orlop/plugin';

const SWEEP_AT = 10_000;

/** `sessionAffinity: ClientIP`: which endpoint a client's address went to last. */
export class Affinity {
  readonly #clients = new Map<string, { endpoint: Endpoint; until: number }>();

  get(client: string, now: number): Endpoint | undefined {
    const known = this.#clients.get(client);
    return known && known.until > now ? known.endpoint : undefined;
  }

  set(client: string, endpoint: Endpoint, until: number, now: number): void {
    if (this.#clients.size >= SWEEP_AT) {
      for (const [key, known] of this.#clients) if (known.until <= now) this.#clients.delete(key);
    }
    this.#clients.set(client, { endpoint, until });
  }
}
