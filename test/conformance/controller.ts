import { isDeepStrictEqual } from 'node:util';
import {
  type BlobClient,
  ConfigMaps,
  isStatus,
  type KubeObject,
  keyOf,
  Namespaces,
  type ObjectClient,
  type PluginDeclaration,
  Pods,
  type Resource,
  Services,
  type WatchEvent,
} from 'orlop/plugin';
import { type Checks, eventually } from './checks.ts';
import { type Touched, Writes } from './writes.ts';

export interface ControllerFixture {
  /** The store of the cluster it acts on, empty when it was started; nothing else of what runs acts on what it acts on. */
  objects: ObjectClient;
  blobs: BlobClient;
  /** Swaps it for itself. */
  swap(): Promise<void>;
  /** Swaps it for what `idle` makes of it. What is returned brings it back. */
  away(): Promise<() => Promise<void>>;
  /** What it is for. Without one, only what holds for every controller is looked at. */
  tasks?: readonly ControllerTask[];
  /** Returns when it has done what its own cluster asks of it, where that is not nothing. */
  begun?(): Promise<unknown>;
  /** Resources it may write beyond Kubernetes' and Orlop's own. */
  resources?: readonly Resource[];
}

/** One that may take its place, and does nothing. */
export function idle({ name, kind, version, singleton = false }: PluginDeclaration): PluginDeclaration {
  const description = 'Does nothing.';
  return { name, kind, version, singleton, description, start: () => ({}) };
}

/** One thing a controller does. Each function is called with several worlds, and must get by with what it finds there. */
export interface ControllerTask {
  /** Creates what asks for it to be done. */
  ask(world: ControllerWorld): Promise<unknown>;
  /** Whether all of it is done. */
  done(world: ControllerWorld): Promise<unknown>;
  /** Undoes it as somebody else might, so that it is to be done again. Absent: what is done cannot be undone. */
  undo?(world: ControllerWorld): Promise<unknown>;
  /** Creates what looks alike and is no concern of this controller: it is to leave all of it alone. */
  others?(world: ControllerWorld): Promise<unknown>;
  /** Resources of what `ask` creates of which it writes more than `status` and `metadata`. Default none. */
  sets?: readonly Resource[];
  /** Milliseconds in which it is done. Default 30,000. */
  within?: number;
}

/** Where a task takes place: nothing in it has this name yet, neither a namespace nor what has none. */
export interface ControllerWorld {
  objects: ObjectClient;
  blobs: BlobClient;
  name: string;
}

/** Milliseconds without a write of its own after which it is at rest, and how soon it must be; then how long it must stay so. */
const REST = { quiet: 300, within: 10_000, stays: 700 };
/** Writes in that time that are no work any more but a loop. */
const LOOP = 100;
/** How often what it did is undone while somebody else writes the same objects. */
const ROUNDS = 5;
/** Resources that belong to who writes them. */
const UNRIVALLED: ReadonlySet<string> = new Set(['events', 'leases']);

/** The suite every plugin of kind `controller.v1` passes: it provides no service, so its deeds are looked at. `name`: the plugin's. */
export async function controllerConformance(
  t: Checks,
  name: string,
  make: (t: Checks) => Promise<ControllerFixture>,
): Promise<void> {
  await t.test(`${name}: conformance to controller.v1`, async (t) => {
    const fixture = await make(t);
    const { objects, blobs, tasks = [] } = fixture;
    const writes = await Writes.of(t, objects, name, fixture.resources);
    await fixture.begun?.();
    await writes.caughtUp();
    if (fixture.begun) writes.mark();
    await pause(REST.quiet);
    t.same(await writes.own(), [], 'where nothing asks it to, it writes nothing');
    await strangers(objects);
    const what = 'whatever it makes of objects that come and go, it comes to rest';
    if (!t.same(await restless(writes), [], what)) return;
    await swapsQuietly(t, fixture, writes);
    for (const [index, task] of tasks.entries()) {
      const label = tasks.length > 1 ? ` (task ${index + 1})` : '';
      let worlds = 0;
      const world = (): ControllerWorld => ({ objects, blobs, name: `conformance-${index}-${worlds++}` });
      await t.test(`its work${label}`, (t) => work(t, fixture, writes, task, world));
    }
  });
}

async function work(
  t: Checks,
  fixture: ControllerFixture,
  writes: Writes,
  task: ControllerTask,
  world: () => ControllerWorld,
): Promise<void> {
  const isDone = async (what: string, ...where: ControllerWorld[]): Promise<void> => {
    for (const each of where) await eventually(what, () => task.done(each), task.within);
    t.pass(what);
  };
  writes.mark();
  const first = world();
  await task.others?.(first);
  await writes.caughtUp();
  const others = writes.touched;
  writes.mark();
  await task.ask(first);
  await isDone('what it is asked for it does', first);
  t.same(await unasked(writes, task.sets ?? []), [], 'of what asked for it, it writes only the status');
  if (!t.same(await restless(writes), [], 'once it is done nothing more is written')) return;
  await swapsQuietly(t, fixture, writes);
  if (task.undo) {
    await task.undo(first);
    await isDone('what somebody else undoes it does again', first);
  }

  const second = world();
  await settled(writes);
  const back = await fixture.away();
  await writes.caughtUp();
  writes.mark();
  await task.ask(second);
  await task.undo?.(first);
  await pause(REST.quiet);
  t.same(await writes.own(), [], 'while it is away it does nothing');
  await back();
  await isDone('what came meanwhile it does when it is back', second, first);

  await settled(writes);
  t.same(
    await contended(writes, task, world()),
    [],
    'it overwrites nothing that others write at the same time',
  );
  t.same(await restless(writes), [], 'and comes to rest again');
  const changed = await Promise.all(others.map((each) => isChanged(writes, each)));
  t.same(
    others.filter((_, at) => changed[at]).map(({ resource, key }) => `${resource.resource} ${keyOf(key)}`),
    [],
    'what is none of its concern it leaves alone',
  );
}

/** It is at rest. */
async function swapsQuietly(t: Checks, { swap }: ControllerFixture, writes: Writes): Promise<void> {
  writes.mark();
  await swap();
  await pause(REST.quiet);
  t.same(await writes.own(), [], 'swapped for itself with nothing to do it writes nothing');
}

/** Waits for it to come to rest, and marks that. Returns what it still wrote when it should have been at rest. */
async function settled(writes: Writes): Promise<string[]> {
  const deadline = performance.now() + REST.within;
  for (;;) {
    writes.mark();
    await pause(REST.quiet);
    const own = await writes.own();
    if (own.length === 0 || own.length > LOOP || performance.now() > deadline) return own;
  }
}

/** What it writes when it should be at rest. */
async function restless(writes: Writes): Promise<string[]> {
  const own = await settled(writes);
  if (own.length > 0) return own;
  await pause(REST.stays);
  return writes.own();
}

/** Some of what every cluster has, none of which asks for anything. */
async function strangers(objects: ObjectClient): Promise<void> {
  const metadata = { namespace: 'conformance-strangers', name: 'stranger' };
  await objects.create(Namespaces, { metadata: { name: metadata.namespace } });
  await objects.create(ConfigMaps, { metadata, data: { a: '1' } });
  await objects.create(Pods, { metadata, spec: { containers: [{ name: 'main', image: 'i' }] } });
  await objects.create(Services, { metadata, spec: { clusterIP: 'None', ports: [{ port: 80 }] } });
  await objects.modify(ConfigMaps, metadata, (draft) => void Object.assign(draft, { data: { a: '2' } }));
  await objects.delete(Pods, metadata);
  await objects.delete(Services, metadata);
}

/** Objects that asked for something of which it changed more than was its to change. */
async function unasked(writes: Writes, sets: readonly Resource[]): Promise<string[]> {
  const changed: string[] = [];
  await writes.caughtUp();
  for (const touched of writes.touched) {
    const history = await writes.history(touched);
    if (sets.includes(touched.resource) || !history[0] || writes.isOwn(history[0].writer)) continue;
    for (const [at, { object, deleted, writer }] of history.entries()) {
      const before = history[at - 1]?.object.value;
      if (!before || deleted || !writes.isOwn(writer)) continue;
      if (!isDeepStrictEqual(substance(before), substance(object.value)))
        changed.push(`${touched.resource.resource} ${keyOf(touched.key)} at ${object.revision}`);
    }
  }
  return changed;
}

function substance(object: KubeObject): object {
  const { metadata: _, status: __, ...rest } = object as KubeObject & { status?: unknown };
  return rest;
}

/** Has it done while somebody else writes all there is of it, and returns what was lost of that. */
async function contended(writes: Writes, task: ControllerTask, world: ControllerWorld): Promise<string[]> {
  const rival = new Rival(writes, world.objects);
  const isDone = (): Promise<void> =>
    eventually('it does it while others write as well', () => task.done(world), task.within);
  try {
    await task.ask(world);
    await isDone();
    for (let round = 0; task.undo && round < ROUNDS; round++) {
      await task.undo(world);
      await isDone();
    }
  } finally {
    await rival.stop();
  }
  return rival.lost;
}

/** Whenever anybody writes an object it writes it as well, at once: counts in an annotation, and notices when that goes back. */
class Rival {
  readonly lost: string[] = [];
  readonly #writes: Writes;
  readonly #objects: ObjectClient;
  /** By uid: the count that was seen last. */
  readonly #counts = new Map<string, number>();
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(writes: Writes, objects: ObjectClient) {
    this.#writes = writes;
    this.#objects = objects;
    writes.heard = (resource, event) => this.#heard(resource, event);
  }

  async stop(): Promise<void> {
    this.#writes.heard = () => undefined;
    await Promise.all(this.#underWay);
  }

  #heard(resource: Resource, { type, object }: WatchEvent): void {
    if (!object || type === 'DELETED' || UNRIVALLED.has(resource.resource)) return;
    const { metadata } = object.value;
    // What a controller copies from one object to another is not taken for its own.
    const annotation = `conformance.orlop.dev/rival-${resource.resource}`;
    const uid = metadata?.uid ?? '';
    const last = this.#counts.get(uid) ?? 0;
    const found = Number(metadata?.annotations?.[annotation] ?? 0);
    if (found < last) this.lost.push(`${resource.resource} ${keyOf(object.key)} at ${object.revision}`);
    this.#counts.set(uid, found);
    if (found > last) return;
    const annotations = { ...metadata?.annotations, [annotation]: String(found + 1) };
    const written = this.#objects
      .update(resource, { ...object.value, metadata: { ...metadata, annotations } })
      .catch((error: unknown) => {
        // Somebody was faster; that is heard of as well.
        if (!isStatus(error, 'NotFound') && !isStatus(error, 'Conflict')) throw error;
      })
      .finally(() => this.#underWay.delete(written));
    this.#underWay.add(written);
  }
}

async function isChanged(writes: Writes, touched: Touched): Promise<boolean> {
  const history = await writes.history(touched);
  return history.length === 0 || history.some(({ writer }) => writes.isOwn(writer));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
