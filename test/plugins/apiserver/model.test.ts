/**
 * Random sequences of requests about ConfigMaps, each answer compared to what a model of the API says, and in the end the events of a watch
 * to all that was written. Set ORLOP_SEED to make the same requests again.
 */
import { Agent } from 'node:https';
import t from 'tap';
import { eventually } from '../../cluster.ts';
import { type Answer, testApi } from './cluster.ts';
import { Random, SEED } from './random.ts';

const STEPS = 400;
const PATH = '/api/v1/namespaces/default/configmaps';
const JSON_PATCH = { 'content-type': 'application/json-patch+json' };
const MERGE_PATCH = { 'content-type': 'application/merge-patch+json' };

type Data = Record<string, string>;

interface State {
  uid: string;
  resourceVersion: string;
  data: Data;
}

/** What the API must do: the objects there are, and every change of one in order. */
class Model {
  readonly objects = new Map<string, State>();
  readonly events: string[] = [];

  /** What a write of `data` must be answered: `from` is the resourceVersion it names. */
  update(name: string, data: Data | undefined, from?: string): { code: number; changed: boolean } {
    const old = this.objects.get(name);
    if (!old) return { code: from === undefined ? 404 : 409, changed: false };
    if (from !== undefined && from !== old.resourceVersion) return { code: 409, changed: false };
    return { code: 200, changed: JSON.stringify(sorted(data)) !== JSON.stringify(sorted(old.data)) };
  }

  /** Takes over what the answer says of a change that was to happen. */
  set(type: 'ADDED' | 'MODIFIED', name: string, { body }: Answer): void {
    const { uid, resourceVersion } = body.metadata;
    this.objects.set(name, { uid, resourceVersion, data: body.data ?? {} });
    this.events.push(`${type} ${name} ${resourceVersion}`);
  }

  remove(name: string): void {
    this.objects.delete(name);
    this.events.push(`DELETED ${name}`);
  }
}

function sorted(data: Data | undefined): [string, string][] {
  return Object.entries(data ?? {}).sort();
}

t.test(`${STEPS} requests agree with a model (ORLOP_SEED=${SEED})`, async (t) => {
  const cluster = await testApi(t);
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const request = (method: string, path: string, body?: object, headers?: Record<string, string>) =>
    cluster.request(method, path, body, headers, agent);
  const random = new Random();
  const model = new Model();
  const { metadata } = (await request('GET', PATH)).body;
  const watch = await cluster.stream(`${PATH}?watch=1&resourceVersion=${metadata.resourceVersion}`);

  /** Checks the answer to an update, and that the revision is a new one exactly when something changed. */
  const updated = (what: string, name: string, data: Data, answer: Answer, from?: string): void => {
    const { code, changed } = model.update(name, data, from);
    t.equal(answer.code, code, what);
    if (code !== 200) return;
    const old = model.objects.get(name)!;
    t.strictSame(sorted(answer.body.data), sorted(data), what);
    t.equal(answer.body.metadata.uid, old.uid, what);
    t.equal(answer.body.metadata.resourceVersion !== old.resourceVersion, changed, what);
    if (changed) model.set('MODIFIED', name, answer);
  };

  for (let step = 0; step < STEPS; step += 1) {
    const name = `m${random.below(5)}`;
    const one = `${PATH}/${name}`;
    const old = model.objects.get(name);
    const key = random.pick(['a', 'b']);
    const value = String(random.below(3));
    const body = { metadata: { name }, data: { [key]: value } };
    const what = `${step}: ${name} ${key}=${value}`;
    switch (
      random.pick(['create', 'create', 'replace', 'replace if', 'merge', 'json', 'delete', 'get', 'list'])
    ) {
      case 'create': {
        const answer = await request('POST', PATH, body);
        t.equal(answer.code, old ? 409 : 201, what);
        if (!old) model.set('ADDED', name, answer);
        break;
      }
      case 'replace':
        updated(what, name, body.data, await request('PUT', one, body));
        break;
      case 'replace if': {
        const from = random.chance(0.5) && old ? old.resourceVersion : '1';
        const conditional = { ...body, metadata: { name, resourceVersion: from } };
        const answer = await request('PUT', one, conditional);
        if (old) updated(what, name, body.data, answer, from);
        else t.ok(answer.code === 404 || answer.code === 409, what);
        break;
      }
      case 'merge': {
        const isRemoval = random.chance(0.3);
        const { [key]: _, ...rest } = old?.data ?? {};
        const patch = { data: { [key]: isRemoval ? null : value } };
        const data = isRemoval ? rest : { ...old?.data, [key]: value };
        updated(what, name, data, await request('PATCH', one, patch, MERGE_PATCH));
        break;
      }
      case 'json': {
        const patch = [
          { op: 'test', path: `/data/${key}`, value },
          { op: 'replace', path: `/data/${key}`, value: `${value}!` },
        ];
        const answer = await request('PATCH', one, patch, JSON_PATCH);
        if (old && old.data[key] !== value) t.equal(answer.code, 422, what);
        else updated(what, name, { ...old?.data, [key]: `${value}!` }, answer);
        break;
      }
      case 'delete': {
        const uid = random.chance(0.3) ? 'another' : old?.uid;
        const answer = await request('DELETE', one, { preconditions: { uid } });
        t.equal(answer.code, old ? (uid === old.uid ? 200 : 409) : 404, what);
        if (answer.code === 200) model.remove(name);
        break;
      }
      case 'get': {
        const answer = await request('GET', one);
        t.equal(answer.code, old ? 200 : 404, what);
        if (old)
          t.match(answer.body, { metadata: { resourceVersion: old.resourceVersion }, data: old.data }, what);
        break;
      }
      default: {
        const { items } = (await request('GET', `${PATH}?fieldSelector=metadata.name!=kube-root-ca.crt`))
          .body;
        const listed = items.map((item: { metadata: { name: string } }) => item.metadata.name);
        t.strictSame(listed, [...model.objects.keys()].sort(), what);
      }
    }
  }

  await eventually('all events', () => watch.lines.length >= model.events.length);
  const seen = watch.lines.map((line) => {
    const { type, object } = JSON.parse(line);
    const { name, resourceVersion } = object.metadata;
    return type === 'DELETED' ? `${type} ${name}` : `${type} ${name} ${resourceVersion}`;
  });
  t.strictSame(seen, model.events);
});
