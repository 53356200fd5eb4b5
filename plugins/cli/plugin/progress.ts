/** How much of a check's name is told, in characters. */
const SHOWN = 200;

/** How far a suite has come, by the lines that `runChecks` tells. */
export class Progress {
  failed = 0;
  readonly #groups: string[] = [];
  #last: string | undefined;

  heard(line: string): void {
    const [, indent = '', outcome, text = ''] = /^( *)(?:(ok {4}|FAILED) )?(.*)$/s.exec(line) ?? [];
    const depth = indent.length / 2;
    this.#groups.length = depth;
    if (outcome === undefined) this.#groups[depth] = text.trim();
    if (outcome === 'FAILED') this.failed += 1;
    this.#last = outcome === undefined ? undefined : text.slice(0, SHOWN);
  }

  /** What is under way: a check has a name only when it is over. */
  place(): string {
    const group = this.#groups.at(-1);
    if (group === undefined) return 'while its module was loaded';
    return this.#last === undefined
      ? `at the beginning of "${group}"`
      : `in "${group}", after "${this.#last}"`;
  }
}
