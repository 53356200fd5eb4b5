import type { Logger } from '../contract/index.ts';

/** What is still under way of plugins that have left this thread for another. */
export class Endings {
  readonly #log: Logger;
  /** Resolves when nothing is. */
  over: Promise<void> = Promise.resolve();

  constructor(log: Logger) {
    this.#log = log;
  }

  add(name: string, work: Promise<void> | undefined): void {
    const logged = Promise.resolve(work).catch((error: unknown) =>
      this.#log.warn(`plugin "${name}" did not end cleanly in the thread it left`, { error: String(error) }),
    );
    this.over = Promise.all([this.over, logged]).then(() => undefined);
  }
}
