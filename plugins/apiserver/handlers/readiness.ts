import type { Health, ObjectClient } from 'orlop/plugin';
import type { Exchange } from '../http/exchange.ts';

/** Who asks often gets the same answer: each costs a durable write, and anybody may ask. */
const FRESH_MS = 1_000;

/** `/readyz`: whether objects can be written. Upstream's form, which says why not to whoever is authenticated only. */
export function readiness(objects: ObjectClient): (exchange: Exchange) => Promise<void> {
  let asked = Number.NEGATIVE_INFINITY;
  let health: Promise<Health> = Promise.resolve({ healthy: true });
  return async (exchange) => {
    if (performance.now() - asked > FRESH_MS) {
      asked = performance.now();
      health = objects.health();
    }
    const { healthy, message = '' } = await health;
    const isKnown = exchange.user.groups.includes('system:authenticated');
    const reason = isKnown ? message : 'reason withheld';
    const text = healthy ? 'ok' : `[+]ping ok\n[-]store failed: ${reason}\nreadyz check failed\n`;
    await exchange.bytes(healthy ? 200 : 500, text, 'text/plain; charset=utf-8');
  };
}
