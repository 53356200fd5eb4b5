/**
 * Asks the stream's leader how far it is, once for all who ask at the same time. The question is put after theirs, so that a read
 * which waits for the answer sees every write acknowledged before.
 */
export class Barrier {
  readonly #probe: () => Promise<number>;
  #last: Promise<number> = Promise.resolve(0);
  #next: Promise<number> | undefined;

  constructor(probe: () => Promise<number>) {
    this.#probe = probe;
  }

  /** The revision to wait for. */
  pass(): Promise<number> {
    // A question under way may have been answered before this call: share the one after it.
    this.#next ??= this.#last
      .catch(() => 0)
      .then(() => {
        this.#next = undefined;
        this.#last = this.#probe();
        return this.#last;
      });
    return this.#next;
  }
}
