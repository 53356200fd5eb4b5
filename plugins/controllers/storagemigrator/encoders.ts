import { isDeepStrictEqual } from 'node:util';
import {
  type Context,
  type Controller,
  controller,
  encodersOf,
  encodingOf,
  isStatus,
  type PluginMigration,
  type PluginObject,
  Plugins,
  SecretsEncoding,
  source,
} from 'orlop/plugin';

/** Keeps a `Plugin` object, and so what it says of how Secrets were encoded, until they are written anew. */
export const FINALIZER = 'orlop.dev/secrets-migration';

type Encoding = PluginMigration['encodings'][number];

/** The `Plugin` objects that say how Secrets are encoded: which encodings before may still be needed is written into them. */
export class Encoders {
  readonly #objects: Context['objects'];
  readonly #controller: Controller;
  /** By plugin, what has been asked for since it was written down last: a state may be over before it can be looked at. */
  readonly #seen = new Map<string, Encoding[]>();

  /** `changed` is called after each change of one. */
  constructor(ctx: Pick<Context, 'objects' | 'log' | 'signal'>, changed: () => void) {
    this.#objects = ctx.objects;
    const plugins = source(ctx, Plugins, (plugin) => {
      if (!isEncoder(plugin)) return [];
      const name = plugin.metadata!.name!;
      this.#seen.set(name, union(this.#seen.get(name) ?? [], [encodingOf(plugin.spec)]));
      changed();
      return [name];
    });
    this.#controller = controller(ctx, { sources: [plugins], reconcile: (name) => this.#note(name) });
  }

  async stop(): Promise<void> {
    await this.#controller.stop();
  }

  async list(): Promise<PluginObject[]> {
    const { items } = await this.#objects.list(Plugins, { revision: 0 });
    return items.map(({ value }) => value).filter(isEncoder);
  }

  /** How many Secrets are not stored as the plugin, as it was when they were counted, does; when none is, it needs no other any more. */
  async tell(plugin: PluginObject, left: number): Promise<void> {
    const counted = left === 0 && isFollowed(plugin) ? encodersOf(plugin) : undefined;
    await this.#modify(plugin.metadata!.name!, (draft) => {
      if (counted === encodersOf(draft) && isFollowed(draft)) finish(draft);
      else if (left > 0) draft.status!.migration = { encodings: migrationOf(draft).encodings, left };
      else draft.status!.migration = { ...migrationOf(draft), left };
    });
  }

  async #note(name: string): Promise<void> {
    const seen = this.#seen.get(name) ?? [];
    await this.#modify(name, (draft) => {
      const { finalizers = [], deletionTimestamp } = draft.metadata!;
      if (!finalizers.includes(FINALIZER) && deletionTimestamp === undefined)
        draft.metadata!.finalizers = [...finalizers, FINALIZER];
      const migration = migrationOf(draft);
      const encodings = union(migration.encodings, [...seen, encodingOf(draft.spec)]);
      draft.status!.migration = { ...migration, encodings };
    });
    const rest = (this.#seen.get(name) ?? []).filter((each) => !seen.includes(each));
    if (rest.length > 0) this.#seen.set(name, rest);
    else this.#seen.delete(name);
  }

  async #modify(name: string, change: (draft: PluginObject) => void): Promise<void> {
    try {
      await this.#objects.modify(Plugins, { name }, (draft) => {
        // One that no kernel has told of yet will come by again.
        return draft.status ? change(draft) : false;
      });
    } catch (error) {
      if (!isStatus(error, 'NotFound')) throw error;
    }
  }
}

function isEncoder({ status, metadata }: PluginObject): boolean {
  return status?.kind === SecretsEncoding.kind || (metadata?.finalizers?.includes(FINALIZER) ?? false);
}

/** Whether each kernel does what is asked for: what it writes is counted then. */
function isFollowed({ metadata, status }: PluginObject): boolean {
  const behind = (status?.instances ?? []).filter(
    ({ observedGeneration = 0, refused }) =>
      observedGeneration < (metadata?.generation ?? 0) || refused !== undefined,
  );
  return behind.length === 0;
}

function finish(draft: PluginObject): void {
  const { metadata, spec, status } = draft;
  if (metadata!.deletionTimestamp === undefined) {
    status!.migration = { encodings: union([encodingOf(spec)]), left: 0, done: encodersOf(draft) };
  } else metadata!.finalizers = metadata!.finalizers?.filter((each) => each !== FINALIZER) ?? [];
}

function migrationOf({ status }: PluginObject): PluginMigration {
  return status?.migration ?? { encodings: [], left: 0 };
}

/** Each once; what each kernel has of its own is left out. */
function union(...lists: readonly (readonly Encoding[])[]): Encoding[] {
  const all: Encoding[] = [];
  for (const each of lists.flat()) {
    if (Object.keys(each).length === 0 || all.some((other) => isDeepStrictEqual(other, each))) continue;
    all.push(each);
  }
  return all;
}
