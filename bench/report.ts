/** What a benchmark says: its results as they come; with `--json` one last line `{ bench, results, goals }` instead. */
import { parseArgs } from 'node:util';

/** `target` is a comparison and a bound with its unit, e.g. `>= 1000 pods/s`. */
export interface Goal {
  name: string;
  value: number;
  target: string;
  met: boolean;
}

const { values } = parseArgs({ options: { json: { type: 'boolean' } }, strict: false });
const isJson = values.json === true;

export class Report {
  readonly #bench: string;
  readonly #results: Record<string, number> = {};
  readonly #goals: Goal[] = [];

  constructor(bench: string) {
    this.#bench = bench;
  }

  /** Returns what is reported: four significant digits of `value`. */
  result(name: string, value: number, unit: string): number {
    const rounded = round(value);
    this.#results[`${name} (${unit})`] = rounded;
    if (!isJson) console.log(`${name.padEnd(60)} ${rounded} ${unit}`);
    return rounded;
  }

  goal(name: string, value: number, unit: string, comparison: '>=' | '<=', bound: number): void {
    const met = comparison === '>=' ? value >= bound : value <= bound;
    this.#goals.push({ name, value: round(value), target: `${comparison} ${bound} ${unit}`, met });
  }

  /** A result that has a goal. */
  measure(name: string, value: number, unit: string, comparison: '>=' | '<=', bound: number): void {
    this.goal(name, this.result(name, value, unit), unit, comparison, bound);
  }

  end(): void {
    if (isJson)
      console.log(JSON.stringify({ bench: this.#bench, results: this.#results, goals: this.#goals }));
    else
      for (const { name, value, target, met } of this.#goals)
        console.log(`${met ? 'met   ' : 'MISSED'} ${name}: ${value} (${target})`);
  }
}

/** `part` of 1 of the values are at most this; the values are in any order. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!;
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
