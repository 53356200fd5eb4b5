import {
  type Context,
  type Controller,
  controller,
  type EventDetails,
  eventRecorder,
  type Handover,
  type Json,
  type PluginInstance,
  Plugins,
  source,
} from 'orlop/plugin';
import { SpamFilter } from './spamfilter.ts';
import { type Seen, transitions } from './transitions.ts';

/** Who reports, in an Event's `source`. */
const COMPONENT = 'plugin-host';
const SCHEMA = 1;

/** A plugin as it was when it was told of last. */
interface Known {
  uid: string;
  isOwn: boolean;
  /** By kernel. */
  instances: { [kernel: string]: Seen };
}

/** Compares each Plugin object with what it was, and records what became of its instances. */
export class Recorder {
  readonly #ctx: Context;
  readonly #known: Map<string, Known>;
  readonly #spam = new SpamFilter();
  readonly #loop: Controller;

  /** `inherited`: what another one has told of. */
  constructor(ctx: Context, inherited: Handover | undefined) {
    this.#ctx = ctx;
    const known = inherited?.schema === SCHEMA ? (inherited.state as unknown as [string, Known][]) : [];
    this.#known = new Map(known);
    this.#loop = controller(ctx, {
      sources: [source(ctx, Plugins)],
      reconcile: (name) => this.#reconcile(name),
    });
    for (const name of this.#known.keys()) this.#loop.enqueue(name);
  }

  /** Returns what has been told of. */
  async stop(): Promise<Handover> {
    await this.#loop.stop();
    return { schema: SCHEMA, state: [...this.#known] as unknown as Json };
  }

  async #reconcile(name: string): Promise<void> {
    // It is swapped while it looks, and is not there to see itself start and stop.
    if (name === this.#ctx.plugin.name) return;
    const found = (await this.#ctx.objects.get(Plugins, { name }, { revision: 0 }))?.value;
    const known = this.#known.get(name);
    const uid = found?.metadata?.uid ?? '';
    if (known && known.uid !== uid) this.#forget(name, known);
    if (!found) return;
    const before = known?.uid === uid ? known.instances : undefined;
    const isOwn = found.spec?.module === undefined;
    const instances = Object.fromEntries(
      (found.status?.instances ?? []).map((each) => [each.kernel, seen(each)]),
    );
    this.#known.set(name, { uid, isOwn, instances });
    this.#tell(name, { uid, isOwn, instances: before ?? {} }, instances, isOwn, before === undefined);
  }

  #forget(name: string, known: Known): void {
    this.#known.delete(name);
    this.#tell(name, known, {}, known.isOwn, false);
    this.#spam.forget(known.uid);
  }

  /** `once`: it may have been told by another one before. */
  #tell(
    name: string,
    { uid, instances }: Known,
    next: Known['instances'],
    isOwn: boolean,
    once: boolean,
  ): void {
    for (const kernel of new Set([...Object.keys(instances), ...Object.keys(next)])) {
      const [before, now] = [instances[kernel], next[kernel]];
      for (const details of transitions({ before, now, isOwn }))
        this.#record(name, uid, (now ?? before)?.node ?? kernel, { ...details, once });
    }
  }

  #record(name: string, uid: string, host: string, details: EventDetails): void {
    if (!this.#spam.allows(uid, performance.now())) return;
    const events = eventRecorder(this.#ctx, COMPONENT, host);
    events.event(Plugins, { metadata: { name, uid }, spec: {} }, details);
  }
}

function seen(instance: PluginInstance): Seen {
  const { node, phase, reason, revision, version, healthy, restarts, message, lastError, refused } = instance;
  // As JSON has it, which knows no undefined.
  return JSON.parse(
    JSON.stringify({
      node,
      phase,
      reason,
      revision,
      version,
      healthy,
      restarts,
      message,
      lastError,
      refused,
    }),
  ) as Seen;
}
