/** `node .build/test/kernel/kills/soak.js [--kills 200]`: ends with exit code 1 when an acknowledged write was lost. */
import { parseArgs } from 'node:util';
import { kill, type Victim } from './kills.ts';

const SHARES: readonly (readonly [Victim, number])[] = [
  ['server', 0.35],
  ['restart', 0.15],
  ['kernel', 0.2],
  ['both', 0.15],
  ['leader', 0.15],
];

const { values } = parseArgs({ options: { kills: { type: 'string', default: '200' } } });
const total = { kills: 0, acknowledged: 0, unknown: 0, wrong: 0 };
const began = performance.now();
for (const [victim, share] of SHARES) {
  const { kills, acknowledged, unknown, wrong } = await kill(
    victim,
    Math.ceil(Number(values.kills) * share),
    (text) => console.log(text),
  );
  total.kills += victim === 'restart' ? 2 * kills : kills;
  total.acknowledged += acknowledged;
  total.unknown += unknown;
  total.wrong += wrong.length;
  for (const each of wrong) console.log(`WRONG ${each}`);
}
const seconds = ((performance.now() - began) / 1000).toFixed(0);
console.log(
  `${total.kills} kills in ${seconds} s: ${total.acknowledged} writes acknowledged, ${total.unknown} of unknown outcome, ${total.wrong} wrong`,
);
process.exit(total.wrong === 0 ? 0 : 1);
