import {
  Events,
  type KubeObject,
  keyOf,
  Leases,
  Namespaces,
  OBJECT_RESOURCES,
  type ObjectClient,
  type ObjectKey,
  type PastRevision,
  qualifiedResource,
  type Resource,
  type WatchEvent,
} from 'orlop/plugin';
import type { Checks } from './checks.ts';

/** An object that was written since `mark`. */
export interface Touched {
  resource: Resource;
  key: ObjectKey;
  revisions: Set<number>;
}

/** Sees every write to the store, and tells whose it was. */
export class Writes {
  readonly #objects: ObjectClient;
  readonly #writer: string;
  readonly #touched = new Map<string, Touched>();
  /** Told of each write, at once. */
  heard: (resource: Resource, event: WatchEvent) => void = () => undefined;

  private constructor(objects: ObjectClient, writer: string) {
    this.#objects = objects;
    this.#writer = writer;
  }

  /** Counts what is there already as written since. `more`: resources beyond Kubernetes' and Orlop's own. */
  static async of(t: Checks, objects: ObjectClient, writer: string, more: readonly Resource[] = []) {
    const writes = new Writes(objects, writer);
    const all = [...OBJECT_RESOURCES, Events, ...more];
    const resources = new Map(all.map((each) => [qualifiedResource(each), each]));
    await Promise.all(Array.from(resources.values(), (resource) => writes.#watch(t, resource)));
    return writes;
  }

  #watch(t: Checks, resource: Resource): Promise<void> {
    return new Promise((resolve, reject) => {
      const watch = this.#objects.watch(
        resource,
        { initial: true },
        {
          event: (event) => {
            if (event.initialEventsEnd) resolve();
            if (event.object) this.#note(resource, event.object.key, event.object.revision);
            this.heard(resource, event);
          },
          closed: (error) => error && reject(error),
        },
      );
      t.teardown(() => watch.close());
    });
  }

  #note(resource: Resource, key: ObjectKey, revision: number): void {
    const id = `${qualifiedResource(resource)} ${keyOf(key)}`;
    const touched = this.#touched.get(id) ?? { resource, key, revisions: new Set() };
    this.#touched.set(id, touched);
    touched.revisions.add(revision);
  }

  /** Forgets all that has been written so far. */
  mark(): void {
    this.#touched.clear();
  }

  /** As far as has been heard. */
  get touched(): Touched[] {
    return [...this.#touched.values()];
  }

  /** Waits until all is heard that was written before. */
  async caughtUp(): Promise<void> {
    await Promise.all(
      [Namespaces, Leases, Events].map((each) => this.#objects.list<KubeObject>(each, { limit: 1 })),
    );
  }

  history({ resource, key }: Touched): Promise<PastRevision<KubeObject>[]> {
    return this.#objects.history(resource, key);
  }

  /** What the writer wrote since the mark, e.g. `pods default/a at 12`. */
  async own(): Promise<string[]> {
    await this.caughtUp();
    const own: string[] = [];
    for (const [id, touched] of [...this.#touched]) {
      for (const { object, deleted, writer } of await this.history(touched)) {
        if (writer !== this.#writer || !touched.revisions.has(object.revision)) continue;
        own.push(`${deleted ? 'deletion of ' : ''}${id} at ${object.revision}`);
      }
    }
    return own;
  }

  isOwn(writer: string): boolean {
    return writer === this.#writer;
  }
}
