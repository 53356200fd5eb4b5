import type { KubeObject, WatchOptions, WatchSink } from '../contract/index.ts';
import { Entry } from './entry.ts';

/** One watch: turns the events of a table into those its predicate lets it see. */
export class Watcher<T extends KubeObject = KubeObject> {
  readonly #options: WatchOptions<T>;
  readonly #sink: WatchSink<T>;
  readonly #onClose: (watcher: Watcher) => void;
  /** The last event considered. */
  #revision = 0;
  #closed = false;

  constructor(options: WatchOptions<T>, sink: WatchSink<T>, onClose: (watcher: Watcher) => void) {
    this.#options = options;
    this.#sink = sink;
    this.#onClose = onClose;
  }

  get bookmarks(): boolean {
    return this.#options.bookmarks === true;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The present state, then the mark that ends it. */
  initial(entries: Iterable<Entry>, revision: number): void {
    this.#revision = revision;
    for (const entry of entries) {
      if (this.#closed) return;
      this.#send(() => {
        if (this.#sees(entry) && this.#matches(entry))
          this.#sink.event({ type: 'ADDED', object: entry as Entry<T>, revision: entry.revision });
      });
    }
    if (!this.#closed)
      this.#send(() => this.#sink.event({ type: 'BOOKMARK', revision, initialEventsEnd: true }));
  }

  /** From this revision on. */
  from(revision: number): void {
    this.#revision = revision;
  }

  event(entry: Entry): void {
    if (this.#closed || entry.revision <= this.#revision) return;
    this.#revision = entry.revision;
    if (this.#sees(entry)) this.#send(() => this.#consider(entry));
  }

  #consider(entry: Entry): void {
    const { revision } = entry;
    const previous = Entry.previous(entry);
    const before = previous !== undefined && !previous.deleted && this.#matches(previous);
    const after = !entry.deleted && this.#matches(entry);
    if (!before && !after) return;
    const type = after ? (before ? 'MODIFIED' : 'ADDED') : 'DELETED';
    // A deletion shows the state that was deleted; an object that stops matching the state that matched.
    const object = after || entry.deleted ? entry : previous!.at(revision);
    this.#sink.event({ type, object: object as Entry<T>, revision });
  }

  bookmark(revision: number): void {
    if (!this.#closed) this.#send(() => this.#sink.event({ type: 'BOOKMARK', revision }));
  }

  close(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose(this as unknown as Watcher);
    this.#sink.closed(error);
  }

  #sees(entry: Entry): boolean {
    const { namespace, name } = this.#options;
    return (
      (namespace === undefined || entry.key.namespace === namespace) &&
      (name === undefined || entry.key.name === name)
    );
  }

  #matches(entry: Entry): boolean {
    return this.#options.where === undefined || this.#options.where(entry.value as T);
  }

  /** A sink or a predicate that throws, against its contract, ends its own watch and nobody else's. */
  #send(deliver: () => void): void {
    try {
      deliver();
    } catch (error) {
      this.close(error as Error);
    }
  }
}
