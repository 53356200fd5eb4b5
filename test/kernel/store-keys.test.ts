import t from 'tap';
import { SortedKeys } from '../../kernel/store/keys.ts';

/** A small generator of its own, so that a failure can be seen again. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state % below;
  };
}

t.test('agrees with a sorted array', async (t) => {
  const next = random(7);
  const key = (): string => `k${next(6_000)}`;
  const model = new Set(Array.from({ length: 2_000 }, key));
  const keys = new SortedKeys(model);
  const sorted = (): string[] => [...model].sort();
  for (let round = 0; round < 12; round++) {
    for (let i = 0; i < 1_000; i++) {
      const each = key();
      // Rounds of growth and of shrinking, down to nothing.
      if (round % 4 > 1 && model.delete(each)) keys.delete(each);
      else if (round % 4 <= 1 && !model.has(each)) {
        model.add(each);
        keys.add(each);
      }
    }
    if (round === 7) {
      for (const each of model) if (model.delete(each)) keys.delete(each);
    }
    const all = sorted();
    t.equal(keys.size, all.length);
    t.same([...keys.from('')], all);
    for (let i = 0; i < 20; i++) {
      const from = key();
      const before = all.filter((each) => each < from).length;
      t.equal(keys.before(from), before);
      t.equal([...keys.from(from)][0], all[before]);
    }
  }
  keys.delete('absent');
  t.equal(keys.size, model.size);
});
