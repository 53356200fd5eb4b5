import { type Authorizer, asStatusError, Events, Namespaces, type ObjectClient } from 'orlop/plugin';
import type { Exchange } from '../http/exchange.ts';
import { unknownResource } from './documents.ts';

/** Something that must be well. */
export interface HealthCheck {
  readonly name: string;
  /** Resolves with why it is not, if it is not. */
  check(): Promise<string | undefined>;
}

export interface Checked {
  readonly objects: ObjectClient;
  /** Aborted when the server must stop. */
  readonly signal: AbortSignal;
  /** If there is one. */
  readonly authorizer: () => Authorizer | undefined;
}

/** Who asks often gets the same answer: a check may cost a durable write, and anybody may ask. */
const FRESH_MS = 1_000;
const PATIENCE_MS = 5_000;
/** May do nothing, and is asked about all the same. */
const NOBODY = { username: 'system:anonymous', groups: ['system:unauthenticated'] };

/** It lives as long as it answers, whatever becomes of what is below it: to start it again would help nobody. */
export const PING: HealthCheck = { name: 'ping', check: async () => undefined };

/** That requests can be served: objects written and read, access decided. Returns those there are now. */
export function readinessChecks({ objects, signal, authorizer }: Checked): () => HealthCheck[] {
  const nats = fresh('nats', async () => {
    const { healthy, message = 'objects cannot be written' } = await objects.health();
    return healthy ? undefined : message;
  });
  // Upstream's name for its caches; here a read that waits until the cache has all there is.
  const cache = fresh('informer-sync', async () => {
    const patience = AbortSignal.timeout(PATIENCE_MS);
    const read = { signal: patience };
    await Promise.all([
      objects.get(Namespaces, { name: 'default' }, read),
      objects.get(Events, { namespace: 'default', name: 'none' }, read),
    ]);
    return undefined;
  });
  const access = fresh('authorizer', async () => {
    await authorizer()?.authorize(NOBODY, { verb: 'get', path: '/readyz' });
    return undefined;
  });
  const shutdown: HealthCheck = {
    name: 'shutdown',
    check: async () => (signal.aborted ? 'the server is stopping' : undefined),
  };
  return () => [PING, nats, cache, ...(authorizer() ? [access] : []), shutdown];
}

function fresh(name: string, look: () => Promise<string | undefined>): HealthCheck {
  let asked = Number.NEGATIVE_INFINITY;
  let found: Promise<string | undefined> = Promise.resolve(undefined);
  return {
    name,
    check() {
      if (performance.now() - asked > FRESH_MS) {
        asked = performance.now();
        found = look().catch((error: unknown) => asStatusError(error).message);
      }
      return found;
    },
  };
}

/** GET of `/NAME` and of `/NAME/CHECK`. Source: apiserver `pkg/server/healthz`, which says to nobody why not; here whoever is authenticated is told. */
export function health(name: string, checks: () => HealthCheck[]): (exchange: Exchange) => Promise<void> {
  return async (exchange) => {
    const one = exchange.pathname.slice(name.length + 2);
    if (one !== '') return sendOne(exchange, checks(), one);
    const isKnown = exchange.user.groups.includes('system:authenticated');
    const excluded = new Set(exchange.query.getAll('exclude'));
    const lines = await Promise.all(
      checks().map(async (each) => {
        if (excluded.delete(each.name)) return `[+]${each.name} excluded: ok\n`;
        const why = await each.check();
        if (why === undefined) return `[+]${each.name} ok\n`;
        return `[-]${each.name} failed: ${isKnown ? why : 'reason withheld'}\n`;
      }),
    );
    const isWell = !lines.some((line) => line.startsWith('[-]'));
    const unknown = [...excluded].sort().map((each) => JSON.stringify(each));
    if (unknown.length > 0)
      lines.push(`warn: some health checks cannot be excluded: no matches for ${unknown.join(',')}\n`);
    const text = `${lines.join('')}${name} check ${isWell ? 'passed' : 'failed'}\n`;
    await send(exchange, isWell, isWell && !exchange.query.has('verbose') ? 'ok' : text);
  };
}

async function sendOne(exchange: Exchange, checks: readonly HealthCheck[], name: string): Promise<void> {
  const found = checks.find((each) => each.name === name);
  if (!found) throw unknownResource();
  const why = await found.check();
  await send(exchange, why === undefined, why === undefined ? 'ok' : `internal server error: ${why}\n`);
}

async function send(exchange: Exchange, isWell: boolean, text: string): Promise<void> {
  const headers = { 'X-Content-Type-Options': 'nosniff' };
  await exchange.bytes(isWell ? 200 : 500, text, 'text/plain; charset=utf-8', headers);
}
