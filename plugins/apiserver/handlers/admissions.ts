import { readFileSync } from 'node:fs';
import {
  Admission,
  type AdmissionRule,
  type Context,
  informer,
  isPluginRunning,
  type PluginObject,
  Plugins,
  rulesConcern,
  rulesProblems,
  writePrivate,
} from 'orlop/plugin';
import type { AdmissionAttributes } from './admission.ts';

/** One that is to be asked. */
export interface Asked {
  readonly name: string;
  /** The name of its Plugin object. */
  readonly plugin: string;
  /** Its service, or why it cannot be asked at present. */
  readonly admission: Admission | string;
  /** Whether it still is to be asked. */
  isDue(): boolean;
}

export type Concern = Pick<AdmissionAttributes, 'operation' | 'row' | 'subresource' | 'writer'>;

export interface AdmissionsOptions extends Pick<Context, 'objects' | 'log' | 'signal' | 'kernel'> {
  /** Those that are there, by the names of their plugins; live. */
  present: ReadonlyMap<string, Admission>;
  /** Where it is kept between starts which there are. */
  file: string;
}

/** What the cluster needs to be mended, and to live: of these no admission is asked. */
const EXEMPT = new Set([
  'orlop.dev/plugins',
  'coordination.k8s.io/leases',
  '/events',
  'events.k8s.io/events',
]);

/** Milliseconds after the start until a plugin that is to run here says so in its object. */
const ARRIVAL_MS = 60_000;

const NOBODY: readonly Asked[] = [];
/** Of one whose rules are none. */
const EVERYTHING: readonly AdmissionRule[] = [{ operations: ['*'], apiGroups: ['*'], resources: ['*/*'] }];

/** An admission that there is, or was and will be again. */
interface Known {
  rules: readonly AdmissionRule[];
  /** The name of its Plugin object: that of the place it has taken. */
  plugin: string;
}

/**
 * The admissions of this kernel. One that is not there is still to be asked, by the rules it had, until its Plugin object is gone or
 * says that it is not to run here: while it is being started again, and after a start of the kernel until it is up.
 */
export class Admissions {
  readonly #o: AdmissionsOptions;
  readonly #known: Map<string, Known>;
  /** The rules that were looked at last, by name. */
  readonly #given = new Map<string, unknown>();
  readonly #plugins = new Map<string, PluginObject>();
  readonly #started = performance.now();
  #isSynced = false;

  /** Until the context's signal aborts. */
  constructor(o: AdmissionsOptions) {
    this.#o = o;
    this.#known = new Map(this.#read());
    const watch = informer<PluginObject>(
      o,
      Plugins,
      {},
      {
        changed: (plugin) => this.#changed(plugin),
        deleted: ({ metadata }) => void this.#plugins.delete(metadata!.name!),
        synced: () => {
          this.#isSynced = true;
        },
      },
    );
    o.signal.addEventListener('abort', () => watch.close(), { once: true });
  }

  /** Those that such a request concerns, in the order of their names. */
  of({ operation, row, subresource, writer }: Concern): readonly Asked[] {
    const { present } = this.#o;
    if (present.size === 0 && this.#known.size === 0) return NOBODY;
    const { storage: resource } = row;
    if (EXEMPT.has(`${resource.group}/${resource.resource}`)) return NOBODY;
    this.#learn();
    const asked: Asked[] = [];
    for (const [name, known] of this.#known) {
      // What it writes itself would wait for itself.
      if (name === writer || !rulesConcern(known.rules, { operation, resource, subResource: subresource }))
        continue;
      const find = (): Admission | string | undefined => present.get(name) ?? this.#absent(name, known);
      const admission = find();
      if (admission === undefined) continue;
      asked.push({ name, plugin: known.plugin, admission, isDue: () => find() !== undefined });
    }
    return asked.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Why it is not there; `undefined` when it is not to be, and then it is forgotten. */
  #absent(name: string, { plugin }: Known): string | undefined {
    const object = this.#plugins.get(plugin);
    const own = object?.status?.instances?.find(({ kernel }) => kernel === this.#o.kernel.id);
    const isEarly = !this.#isSynced || (object && performance.now() - this.#started < ARRIVAL_MS);
    if (!own && isEarly) return 'it is not up yet';
    const isWanted =
      own &&
      object?.metadata?.deletionTimestamp === undefined &&
      own.phase !== 'Skipped' &&
      // Of one that fails the object may not tell yet.
      (!isPluginRunning(own) || own.provides?.includes(provided(name)));
    if (isWanted) {
      // As its last run has left it.
      if (own.phase === 'Stopped') return 'it is not up yet';
      const phase = isPluginRunning(own) ? 'it does not run at present' : `it is ${own.phase}`;
      const why = own.message ?? own.lastError;
      return why === undefined ? phase : `${phase}: ${why}`;
    }
    this.#known.delete(name);
    this.#save();
    return undefined;
  }

  #changed(plugin: PluginObject): void {
    const { name = '' } = plugin.metadata ?? {};
    this.#plugins.set(name, plugin);
    this.#learn();
    const own = plugin.status?.instances?.find(({ kernel }) => kernel === this.#o.kernel.id);
    for (const [each, known] of this.#known) {
      if (known.plugin === name || !own?.provides?.includes(provided(each))) continue;
      known.plugin = name;
      this.#save();
    }
  }

  /** Takes note of who is there. */
  #learn(): void {
    let isNew = false;
    for (const [name, { rules: given }] of this.#o.present) {
      const known = this.#known.get(name);
      if (known && this.#given.get(name) === given) continue;
      this.#given.set(name, given);
      const problems = rulesProblems(given);
      if (problems.length > 0)
        this.#o.log.warn(`plugin "${name}" is asked about everything`, { error: problems.join('; ') });
      const rules = problems.length > 0 ? EVERYTHING : given;
      isNew ||= JSON.stringify(known?.rules) !== JSON.stringify(rules);
      this.#known.set(name, { rules, plugin: known?.plugin ?? name });
    }
    if (isNew) this.#save();
  }

  #read(): [string, Known][] {
    try {
      return JSON.parse(readFileSync(this.#o.file, 'utf8')) as [string, Known][];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#o.log.warn('which admissions there were is not known', { error: String(error) });
      return [];
    }
  }

  #save(): void {
    try {
      writePrivate(this.#o.file, JSON.stringify([...this.#known]));
    } catch (error) {
      this.#o.log.warn('which admissions there are cannot be kept', { error: String(error) });
    }
  }
}

function provided(name: string): string {
  return `${Admission.kind}/${name}`;
}
