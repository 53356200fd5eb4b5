import type { Member, Sign } from './member.ts';

export type Changed = (change: 'joined' | 'left', member: Member) => void;

/** Intervals of silence after which a member is gone. */
const SILENT = 3;

/** Those that gave a sign of life lately. Times are milliseconds of one clock that never goes back. */
export class Roll {
  readonly #changed: Changed;
  readonly #members = new Map<string, { member: Member; until: number }>();

  constructor(changed: Changed) {
    this.#changed = changed;
  }

  here({ member, interval }: Sign, now: number): void {
    const known = this.#members.get(member.id)?.member;
    this.#members.set(member.id, { member, until: now + SILENT * interval });
    if (known?.session === member.session) return;
    if (known) this.#changed('left', known);
    this.#changed('joined', member);
  }

  bye({ id, session }: Member): void {
    const known = this.#members.get(id)?.member;
    // The goodbye of a run before this one may come late.
    if (known?.session !== session) return;
    this.#members.delete(id);
    this.#changed('left', known);
  }

  /** Those that have been silent for too long leave. */
  expire(now: number): void {
    for (const { member, until } of [...this.#members.values()]) if (until <= now) this.bye(member);
  }

  members(): Member[] {
    return [...this.#members.values()]
      .map(({ member }) => member)
      .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  }
}
