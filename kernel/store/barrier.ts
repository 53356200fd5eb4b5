/**
 * Asks the stream's leader how far it is, once for all who ask at the same time. The answer was made after the question, so that a
 * read which waits for it sees every write acknowledged before.
 */
export class Barrier {
  readonly #probe: () => Promise<number>;
  #running: Promise<number> | undefined;
  #next: Promise<number> | undefined;

  constructor(probe: () => Promise<number>) {
    this.#probe = probe;
  }

  /** The revision to wait for. */
  pass(): Promise<number> {
    // The question under way may have been answered before this call: share the one after it.
    if (!this.#running) return this.#start();
    this.#next ??= this.#running.then(
      () => this.#start(),
      () => this.#start(),
    );
    return this.#next;
  }

  #start(): Promise<number> {
    this.#next = undefined;
    const probe = this.#probe().finally(() => {
      if (this.#running === probe) this.#running = undefined;
    });
    this.#running = probe;
    return probe;
  }
}
