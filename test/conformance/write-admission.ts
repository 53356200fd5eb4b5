import { isDeepStrictEqual } from 'node:util';
import {
  ConfigMaps,
  type KubeObject,
  Namespaces,
  type ObjectClient,
  Pods,
  type Resource,
  StatusError,
  type Write,
  type WriteAdmission,
} from 'orlop/plugin';
import type { Checks } from './checks.ts';

export interface WriteSample {
  resource: Resource;
  /** What is asked to be created. It has a name. */
  object: KubeObject;
  /** Of what is admitted: what it is to look like then, in part. */
  as?: object;
  /** Of what is refused: the `StatusError`'s reason. */
  reason?: string;
}

export interface WriteAdmissionFixture {
  admission: WriteAdmission;
  /** The store as another plugin of the same thread has it: what that creates is admitted on its way. */
  objects: ObjectClient;
  /** Of what it is known what becomes of it. */
  admitted?: readonly WriteSample[];
  refused?: readonly WriteSample[];
}

const WRITER = 'conformance';
const NAMESPACE = 'conformance-admission';
const metadata = (name: string): object => ({ namespace: NAMESPACE, name });

/** Whatever an admission makes of these, it must do so by the contract. */
const ANY: readonly WriteSample[] = [
  { resource: ConfigMaps, object: { metadata: metadata('plain') } },
  {
    resource: ConfigMaps,
    object: { metadata: { ...metadata('labelled'), labels: { app: 'a', team: 'b' } } },
  },
  { resource: ConfigMaps, object: { metadata: metadata('Not A Name') } },
  {
    resource: Pods,
    object: {
      metadata: metadata('pod'),
      spec: { automountServiceAccountToken: false, containers: [{ name: 'c', image: 'i' }] },
    } as KubeObject,
  },
  { resource: Pods, object: { metadata: metadata('no-pod'), spec: {} } as KubeObject },
  {
    resource: {
      group: 'conformance.test',
      version: 'v1',
      resource: 'widgets',
      kind: 'Widget',
      namespaced: true,
    },
    object: { metadata: metadata('widget') },
  },
];

type Outcome = { write: Write } | { refusal: StatusError };

/** The suite every plugin of kind `write-admission.v1` passes. */
export async function writeAdmissionConformance(
  t: Checks,
  name: string,
  make: (t: Checks) => Promise<WriteAdmissionFixture>,
): Promise<void> {
  await t.test(`${name}: conformance to write-admission.v1`, async (t) => {
    const { admission, objects, admitted = [], refused = [] } = await make(t);
    const look = new Look(admission, objects);
    await namespace(objects);
    for (const sample of ANY) {
      await t.test(titleOf(sample), async (t) => {
        await look.creation(t, sample);
      });
    }
    for (const sample of admitted) {
      await t.test(`${titleOf(sample)}, which it admits`, async (t) => {
        const outcome = await look.creation(t, sample);
        if ('refusal' in outcome) t.fail(`it is admitted: ${outcome.refusal.message}`);
        else t.match(objectOf(outcome), sample.as ?? {}, 'it looks as it should');
      });
    }
    for (const sample of refused) {
      await t.test(`${titleOf(sample)}, which it refuses`, async (t) => {
        const outcome = await look.creation(t, sample);
        if ('write' in outcome) t.fail('it is refused');
        else t.equal(outcome.refusal.reason, sample.reason ?? outcome.refusal.reason, 'for that reason');
      });
    }
    const good = look.taken[0];
    t.ok(good, 'something is admitted');
    const bad = look.refused[0];
    if (!good || !bad) return;
    const both = [good, bad].map(({ resource, object }) => ({ verb: 'create', resource, object }) as const);
    await t.rejects(
      objects.transact(both),
      { name: 'StatusError' },
      'one that is refused is the end of a transaction',
    );
    t.equal(await look.stored(good), undefined, 'of which nothing is stored');
  });
}

/** Where the samples are, unless it is refused. */
async function namespace(objects: ObjectClient): Promise<void> {
  try {
    await objects.create(Namespaces, { metadata: { name: NAMESPACE } });
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
  }
}

function titleOf({ resource: { kind }, object }: WriteSample): string {
  return `${kind} ${object.metadata?.name}`;
}

/** Looks at what becomes of writes. */
class Look {
  readonly taken: WriteSample[] = [];
  readonly refused: WriteSample[] = [];
  readonly #admission: WriteAdmission;
  readonly #objects: ObjectClient;

  constructor(admission: WriteAdmission, objects: ObjectClient) {
    this.#admission = admission;
    this.#objects = objects;
  }

  async stored({ resource, object }: WriteSample): Promise<KubeObject | undefined> {
    const { namespace, name = '' } = object.metadata ?? {};
    return (await this.#objects.get(resource, { namespace, name }))?.value;
  }

  /** Admitted or not, a creation is treated by the contract; and then its object's update and deletion. */
  async creation(t: Checks, sample: WriteSample): Promise<Outcome> {
    const { resource, object } = sample;
    const write: Write = { verb: 'create', resource, object };
    const outcome = await this.#outcome(t, write);
    const others = await Promise.all(
      Array.from({ length: 5 }, () => this.#outcome(t, structuredClone(write))),
    );
    t.ok(
      others.every((other) => isDeepStrictEqual(gist(other), gist(outcome))),
      'the same is made of it each time, also at once',
    );
    if ('refusal' in outcome) await this.#refusal(t, sample, outcome.refusal);
    else {
      const { namespace, name } = object.metadata ?? {};
      t.match(objectOf(outcome).metadata, { namespace, name }, 'it keeps its name');
      t.same(
        gist(await this.#outcome(t, outcome.write)),
        gist(outcome),
        'what is admitted is admitted as it is',
      );
      await this.#lifetime(t, sample, objectOf(outcome));
    }
    return outcome;
  }

  /** As the host does: a write that does not concern it passes. */
  async #outcome(t: Checks, write: Write): Promise<Outcome> {
    const concerns: unknown = this.#admission.concerns(write.verb, write.resource);
    if (typeof concerns !== 'boolean') t.fail('whether it is concerned it says at once');
    if (concerns !== true) return { write };
    const before = structuredClone(write);
    const outcome = await this.#admit(write);
    if (!isDeepStrictEqual(write, before)) t.fail('the write that was given stays as it is');
    return outcome;
  }

  async #admit(write: Write): Promise<Outcome> {
    try {
      return { write: await this.#admission.admit(write, WRITER) };
    } catch (error) {
      if (error instanceof StatusError) return { refusal: error };
      throw new Error('a refusal is a StatusError', { cause: error });
    }
  }

  async #refusal(t: Checks, sample: WriteSample, { reason, message }: StatusError): Promise<void> {
    this.refused.push(sample);
    t.not(message, '', 'a refusal says why');
    const { resource, object } = sample;
    const creating = this.#objects.create(resource, object);
    await t.rejects(creating, { name: 'StatusError', reason }, 'it cannot be created');
    t.equal(await this.stored(sample), undefined, 'and is not stored');
  }

  async #lifetime(t: Checks, sample: WriteSample, made: KubeObject): Promise<void> {
    const { resource, object } = sample;
    const given = structuredClone(object);
    await this.#objects.create(resource, object);
    this.taken.push(sample);
    t.same(object, given, "the writer's own object stays as it is");
    const stored = (await this.stored(sample))!;
    t.match(stored, made, 'what is stored is what was admitted');
    const update: Write = { verb: 'update', resource, object: structuredClone(stored) };
    const updated = await this.#outcome(t, update);
    t.same(gist(updated), { ...update, object: stored }, 'an update that changes nothing stays so');

    const { namespace, name = '' } = object.metadata ?? {};
    const deletion = {
      verb: 'delete' as const,
      resource,
      key: { namespace, name },
      uid: stored.metadata?.uid,
    };
    const ended = await this.#outcome(t, deletion);
    if ('write' in ended) t.same(ended.write, deletion, 'a deletion is admitted as it is');
    try {
      await this.#objects.delete(resource, { namespace, name });
    } catch (error) {
      t.ok('refusal' in ended, `it can be deleted: ${String(error)}`);
    }
  }
}

function objectOf({ write }: { write: Write }): KubeObject {
  return (write as { object: KubeObject }).object;
}

/** What two outcomes have in common that are the same. */
function gist(outcome: Outcome): unknown {
  if ('write' in outcome) return outcome.write;
  const { reason, message } = outcome.refusal;
  return { reason, message };
}
