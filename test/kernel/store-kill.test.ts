/** kill -9 under load; `kills/soak.ts` does the same for as long as one likes, and of a cluster too. */
import t from 'tap';
import { kill, type Victim } from './kills/kills.ts';

const KILLS: readonly (readonly [Victim, number])[] = [
  ['server', 7],
  ['restart', 2],
  ['kernel', 3],
  ['both', 4],
];

for (const [victim, times] of KILLS)
  t.test(`${times} kills (${victim}) lose nothing`, async (t) => {
    const { wrong, acknowledged, unknown } = await kill(victim, times, (text) => t.comment(text));
    t.strictSame(wrong, [], `${acknowledged} acknowledged, ${unknown} of unknown outcome`);
    t.ok(acknowledged > times * 200);
  });
