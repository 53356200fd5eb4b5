import { randomUUID } from 'node:crypto';

/** Of this thread, also for another copy of this module. */
const OFFERED = Symbol.for('orlop.dev/lasting/1');
const registry = globalThis as { [OFFERED]?: Map<unknown, Lasting<unknown>> };

/**
 * What outlives an instance of a plugin, such as live workloads. At a swap the successor holds it too before its predecessor lets go,
 * so that one which is unwound ends nothing: who lets go last ends it.
 */
export class Lasting<T> {
  readonly value: T;
  readonly #ticket = randomUUID();
  #holders = 1;

  /** Held by its maker. */
  constructor(value: T) {
    this.value = value;
  }

  /** Holds what a predecessor in this thread offered by this ticket, if it is still there. Of which type is for the handover's schema to say. */
  static take<T>(ticket: unknown): Lasting<T> | undefined {
    const found = registry[OFFERED]?.get(ticket);
    found?.hold();
    return found as Lasting<T> | undefined;
  }

  /** For `drain`: the ticket is JSON-safe, the value stays in this thread. */
  offer(): string {
    registry[OFFERED] ??= new Map();
    registry[OFFERED].set(this.#ticket, this);
    return this.#ticket;
  }

  /** For `resume`: no successor takes it. */
  withdraw(): void {
    registry[OFFERED]?.delete(this.#ticket);
  }

  hold(): void {
    this.#holders += 1;
  }

  /** Whether nobody holds it any more: the value is the caller's to end. Once for each holder. */
  release(): boolean {
    this.#holders -= 1;
    if (this.#holders === 0) this.withdraw();
    return this.#holders === 0;
  }
}
