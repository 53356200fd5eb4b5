import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type BusClient,
  type IssuedToken,
  type Json,
  type Logger,
  type Pod,
  TOKEN_SUBJECT,
} from 'orlop/plugin';
import type { TokenSource } from './files.ts';

/** A token is replaced when this share of its life is over, or it is a day old. Source: kubelet's token manager. */
const SHARE = 0.8;
const DAY_MS = 24 * 3_600_000;

interface Held {
  token: string;
  /** Milliseconds since the epoch. */
  renewAt: number;
}

/** The tokens of this node's pods, asked for on the bus, each until it is time for the next. */
export class PodTokens {
  readonly #bus: Pick<BusClient, 'request'>;
  readonly #log: Logger;
  readonly #now: () => number;
  /** By pod uid, then by what was asked for. */
  readonly #held = new Map<string, Map<string, Held>>();

  constructor(bus: Pick<BusClient, 'request'>, log: Logger, now: () => number = Date.now) {
    this.#bus = bus;
    this.#log = log;
    this.#now = now;
  }

  /** `dir`: of the volume; what is there already is better than nothing while no server answers. */
  async get(pod: Pod, source: TokenSource, dir: string): Promise<Buffer> {
    const { uid = '', namespace, name } = pod.metadata ?? {};
    const held = this.#held.get(uid) ?? new Map<string, Held>();
    const key = JSON.stringify([source.audience, source.expirationSeconds]);
    const known = held.get(key);
    if (known && this.#now() < known.renewAt) return Buffer.from(known.token);
    try {
      const { token, renewAt } = await this.#request(pod, source);
      this.#held.set(uid, held.set(key, { token, renewAt }));
      return Buffer.from(token);
    } catch (error) {
      const last = known?.token ?? (await readFile(join(dir, source.path), 'utf8').catch(() => undefined));
      if (last === undefined) throw error;
      this.#log.warn(`the token of pod ${namespace}/${name} could not be replaced: it keeps the one it has`, {
        error: String(error),
      });
      return Buffer.from(last);
    }
  }

  forget({ metadata }: Pod): void {
    this.#held.delete(metadata?.uid ?? '');
  }

  async #request({ metadata, spec }: Pod, { audience, expirationSeconds }: TokenSource): Promise<Held> {
    const asked = this.#now();
    const params = {
      namespace: metadata?.namespace ?? '',
      account: spec?.serviceAccountName ?? 'default',
      spec: {
        audiences: audience ? [audience] : [],
        expirationSeconds,
        boundObjectRef: {
          apiVersion: 'v1',
          kind: 'Pod',
          name: metadata?.name ?? '',
          uid: metadata?.uid ?? '',
        },
      },
    };
    const issued = (await this.#bus.request(TOKEN_SUBJECT, params)) as Json & IssuedToken;
    const life = Date.parse(issued.expirationTimestamp) - asked;
    return { token: issued.token, renewAt: asked + Math.min(life * SHARE, DAY_MS) };
  }
}
