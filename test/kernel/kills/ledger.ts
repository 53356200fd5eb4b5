/** What writers of their own processes tried and were promised, line by line, and whether the store has it. */
import { ConfigMaps } from '../../../kernel/contract/index.ts';
import type { ObjectStore } from '../../../kernel/store/index.ts';

export const NAMESPACE = 'kills';

/** The nth operation on a name is a deletion, or a write of `data.n`. */
export function isDeletion(n: number): boolean {
  return n % 5 === 0;
}

interface Known {
  /** The last operation begun, and the last one acknowledged. */
  tried: number;
  acknowledged: number;
}

export class Ledger {
  acknowledged = 0;
  unknown = 0;
  readonly #names = new Map<string, Known>();

  /** `T name n`: tried; `A name n`: acknowledged; `U name n`: the outcome could not be told. */
  line(text: string): void {
    const [what, name = '', digits] = text.split(' ');
    const n = Number(digits);
    const known = this.#names.get(name) ?? { tried: 0, acknowledged: 0 };
    this.#names.set(name, known);
    if (what === 'T') known.tried = n;
    else if (what === 'U') this.unknown += 1;
    else {
      known.acknowledged = n;
      this.acknowledged += 1;
    }
  }

  /** What the store has lost, or has that nobody wrote: nothing, while writers go on. */
  async check(store: ObjectStore): Promise<string[]> {
    const before = new Map([...this.#names].map(([name, { acknowledged }]) => [name, acknowledged]));
    const { items } = await store.list(ConfigMaps, { namespace: NAMESPACE });
    // Writers are other processes: what one tried before it was seen may still be under way to here, though it has been sent.
    await new Promise((resolve) => setTimeout(resolve, 100));
    const found = new Map(items.map(({ key, value }) => [key.name, Number(value.data?.['n'])]));
    const wrong: string[] = [];
    for (const [name, least] of before) {
      const { tried } = this.#names.get(name)!;
      const n = found.get(name);
      const isRight = n === undefined ? mayBeAbsent(least, tried) : n >= least && n <= tried;
      if (!isRight) wrong.push(`${name}: acknowledged ${least}, tried ${tried}, found ${n ?? 'nothing'}`);
    }
    return wrong;
  }
}

function mayBeAbsent(acknowledged: number, tried: number): boolean {
  if (acknowledged === 0) return true;
  for (let n = acknowledged; n <= tried; n++) if (isDeletion(n)) return true;
  return false;
}
