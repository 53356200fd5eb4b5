import { isDeepStrictEqual } from 'node:util';
import {
  type Admission,
  type AdmissionRequest,
  apiVersionOf,
  ConfigMaps,
  Deployments,
  deepFreeze,
  isStatus,
  type KubeObject,
  Namespaces,
  Pods,
  type Resource,
  rulesConcern,
  rulesProblems,
  StatusError,
} from 'orlop/plugin';
import type { Checks } from './checks.ts';

export interface AdmissionSample {
  /** Default `CREATE`. */
  operation?: AdmissionRequest['operation'];
  resource: Resource;
  /** What is asked to be created, what is to be there after an update, or what is to be deleted. It has a name. */
  object: KubeObject;
  /** What an update is made of; default: the same. */
  oldObject?: KubeObject;
  /** Of what is admitted: what it is to look like then, in part. */
  as?: object;
  /** Of what is refused: the `StatusError`'s reason. */
  reason?: string;
}

export interface AdmissionFixture {
  admission: Admission;
  /** Of what it is known what becomes of it. */
  admitted?: readonly AdmissionSample[];
  refused?: readonly AdmissionSample[];
}

const NAMESPACE = 'conformance-admission';
const metadata = (name: string): object => ({ namespace: NAMESPACE, name });
const POD = { containers: [{ name: 'c', image: 'i' }] };

/** Whatever an admission makes of these, it must do so by the contract. */
const ANY: readonly AdmissionSample[] = [
  { resource: ConfigMaps, object: { metadata: metadata('plain') } },
  {
    resource: ConfigMaps,
    object: { metadata: { ...metadata('labelled'), labels: { app: 'a', team: 'b' } } },
  },
  { resource: Namespaces, object: { metadata: { name: NAMESPACE } } },
  { resource: Pods, object: { metadata: metadata('pod'), spec: POD } as KubeObject },
  {
    resource: Deployments,
    object: {
      metadata: metadata('deployment'),
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: POD },
      },
    } as KubeObject,
  },
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
const KEPT = ['name', 'namespace', 'generateName', 'uid', 'resourceVersion'] as const;
const USER = { username: 'conformance', groups: ['system:authenticated'] };

type Outcome = { object: KubeObject | undefined } | { refusal: StatusError };

/** The suite every plugin of kind `admission.v1` passes. It is asked as the API server does. */
export async function admissionConformance(
  t: Checks,
  name: string,
  make: (t: Checks) => Promise<AdmissionFixture>,
): Promise<void> {
  await t.test(`${name}: conformance to admission.v1`, async (t) => {
    const { admission, admitted = [], refused = [] } = await make(t);
    t.equal(rulesProblems(admission.rules).join('; '), '', 'its rules say what it is asked about');
    t.ok(admission.mutate ?? admission.validate, 'it has mutate, validate or both');
    const look = new Look(admission);
    for (const sample of ANY) {
      await t.test(titleOf(sample), async (t) => {
        await look.lifetime(t, sample);
      });
    }
    for (const sample of admitted) {
      await t.test(`${titleOf(sample)}, which it admits`, async (t) => {
        const outcome = await look.at(t, sample);
        if ('refusal' in outcome) t.fail(`it is admitted: ${outcome.refusal.message}`);
        else t.match(outcome.object ?? {}, sample.as ?? {}, 'it looks as it should');
      });
    }
    for (const sample of refused) {
      await t.test(`${titleOf(sample)}, which it refuses`, async (t) => {
        const outcome = await look.at(t, sample);
        if ('object' in outcome) t.fail('it is refused');
        else t.equal(outcome.refusal.reason, sample.reason ?? outcome.refusal.reason, 'for that reason');
      });
    }
    t.ok(look.taken > 0, 'something is admitted');
  });
}

function titleOf({ operation = 'CREATE', resource: { kind }, object }: AdmissionSample): string {
  return `${operation} of ${kind} ${object.metadata?.name}`;
}

/** Looks at what becomes of requests. */
class Look {
  taken = 0;
  readonly #admission: Admission;

  constructor(admission: Admission) {
    this.#admission = admission;
  }

  /** A creation; and of what was made, an update that changes nothing, and the deletion. */
  async lifetime(t: Checks, sample: AdmissionSample): Promise<void> {
    const outcome = await this.at(t, sample);
    const { resource } = sample;
    const object = 'object' in outcome ? outcome.object! : sample.object;
    const updated = await this.at(t, { operation: 'UPDATE', resource, object });
    if ('object' in updated && 'object' in outcome)
      t.same(updated.object, object, 'an update that changes nothing stays so');
    await this.at(t, { operation: 'DELETE', resource, object });
  }

  async at(t: Checks, sample: AdmissionSample): Promise<Outcome> {
    const request = requestOf(sample);
    const outcome = await this.#outcome(t, request);
    const others = await Promise.all(
      [false, false, false, true].map((dryRun) => this.#outcome(t, deepFreeze({ ...request, dryRun }))),
    );
    t.ok(
      others.every((other) => isDeepStrictEqual(gist(other), gist(outcome))),
      'the same is made of it each time, also at once, also by a dry run',
    );
    if ('refusal' in outcome) {
      const { message } = outcome.refusal;
      t.not(message, '', 'a refusal says why');
      const isFinal = !isStatus(outcome.refusal, 'Conflict', 'NotFound', 'AlreadyExists');
      t.ok(isFinal, 'a refusal is none that whoever writes would take for a lost race');
      return outcome;
    }
    this.taken += 1;
    if (!outcome.object) return outcome;
    const again = await this.#outcome(t, deepFreeze({ ...request, object: outcome.object }));
    t.same(gist(again), gist(outcome), 'what is admitted is admitted as it is');
    return outcome;
  }

  async #outcome(t: Checks, request: AdmissionRequest): Promise<Outcome> {
    const { object } = request;
    if (!rulesConcern(this.#admission.rules, request)) return { object };
    try {
      const given = object && ((await this.#admission.mutate?.(request)) ?? object);
      const made = given && (JSON.parse(JSON.stringify(given)) as KubeObject);
      if (made) checkIdentity(t, made, object!);
      const next = made ? { ...request, object: made } : request;
      await this.#admission.validate?.(deepFreeze(next));
      return { object: made };
    } catch (error) {
      if (error instanceof StatusError) return { refusal: error };
      throw new Error('a refusal is a StatusError, and what is given is frozen', { cause: error });
    }
  }
}

function checkIdentity(t: Checks, made: KubeObject, given: KubeObject): void {
  const { apiVersion, kind, metadata = {} } = made;
  if (apiVersion !== given.apiVersion || kind !== given.kind) t.fail('it keeps its apiVersion and kind');
  for (const key of KEPT) if (metadata[key] !== given.metadata?.[key]) t.fail(`it keeps its ${key}`);
}

function requestOf({ operation = 'CREATE', resource, ...sample }: AdmissionSample): AdmissionRequest {
  const typed = (object: KubeObject): KubeObject => ({
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    ...structuredClone(object),
  });
  const { namespace, name = '' } = sample.object.metadata ?? {};
  return deepFreeze({
    operation,
    resource: { ...resource },
    subResource: '',
    ...(namespace === undefined ? {} : { namespace }),
    name,
    ...(operation === 'DELETE' ? {} : { object: typed(sample.object) }),
    ...(operation === 'CREATE' ? {} : { oldObject: typed(sample.oldObject ?? sample.object) }),
    userInfo: structuredClone(USER),
    dryRun: false,
  });
}

/** What two outcomes have in common that are the same. */
function gist(outcome: Outcome): unknown {
  if ('object' in outcome) return outcome.object;
  const { reason, message } = outcome.refusal;
  return { reason, message };
}
