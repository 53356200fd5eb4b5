/** Lines of its log a second that a program may write, and at once: whoever writes more is held up. */
export const LOG_RATE = 200;
export const LOG_BURST = 5_000;

/** Of a stream of lines: how fast they may come in the long run, after a burst. */
export class Pace {
  readonly #perSecond: number;
  readonly #burst: number;
  #level = 0;
  #at = 0;

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  /** After `count` lines more, the milliseconds until the next may come. `now`: milliseconds of a clock that only goes forward. */
  wait(count: number, now: number): number {
    const drained = ((now - this.#at) / 1_000) * this.#perSecond;
    this.#level = Math.max(0, this.#level - drained) + count;
    this.#at = now;
    return Math.max(0, ((this.#level - this.#burst) / this.#perSecond) * 1_000);
  }
}
