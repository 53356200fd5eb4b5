import type { KubeObject } from 'orlop/plugin';
import t from 'tap';
import { applyConfiguration, trackUpdate } from '../../../plugins/apiserver/apply/apply.ts';
import type { Schema } from '../../../plugins/apiserver/schemas/types.ts';

const text: Schema = { type: 'string' };
const struct = (properties: Record<string, Schema>): Schema => ({ type: 'object', properties });
const container = struct({
  name: text,
  image: text,
  ports: {
    type: 'array',
    listType: 'map',
    listMapKeys: ['containerPort', 'protocol'],
    items: struct({ containerPort: { type: 'integer' }, protocol: text, name: text }),
  },
  args: { type: 'array', items: text },
});
const schema = struct({
  apiVersion: text,
  kind: text,
  metadata: struct({
    name: text,
    labels: { type: 'object', additionalProperties: text },
    annotations: { type: 'object', additionalProperties: text },
    finalizers: { type: 'array', listType: 'set', items: text },
  }),
  spec: struct({
    replicas: { type: 'integer' },
    paused: { type: 'boolean' },
    selector: { type: 'object', mapType: 'atomic', additionalProperties: text },
    containers: { type: 'array', listType: 'map', listMapKeys: ['name'], items: container },
  }),
  status: struct({ ready: { type: 'integer' } }),
});

type Thing = KubeObject & { spec?: Record<string, unknown>; status?: unknown };

function apply(live: Thing, name: string, config: Thing, force = false): Thing {
  const manager = { name, operation: 'Apply', apiVersion: 'v1', subresource: '' } as const;
  const given = { apiVersion: 'v1', kind: 'Thing', ...config, metadata: { name: 'x', ...config.metadata } };
  return applyConfiguration(live, given, { manager, schema, hasStatus: true, force });
}

function update(live: Thing, name: string, next: Thing, subresource = ''): Thing {
  const copy = structuredClone(next);
  const manager = { name, operation: 'Update', apiVersion: 'v1', subresource } as const;
  trackUpdate(live, copy, { manager, schema, hasStatus: true });
  return copy;
}

const owner = (object: Thing, name: string): unknown =>
  object.metadata?.managedFields?.find(({ manager }) => manager === name)?.fieldsV1;

t.test('a first apply owns what it sets', async (t) => {
  const made = apply({}, 'a', { spec: { replicas: 3, containers: [{ name: 'web', image: 'i' }] } });
  t.match(made, { metadata: { name: 'x' }, spec: { replicas: 3 } });
  t.strictSame(owner(made, 'a'), {
    'f:spec': {
      'f:containers': { 'k:{"name":"web"}': { '.': {}, 'f:image': {}, 'f:name': {} } },
      'f:replicas': {},
    },
  });
  const [entry] = made.metadata!.managedFields!;
  t.match(entry, { operation: 'Apply', apiVersion: 'v1', fieldsType: 'FieldsV1', time: /Z$/ });
});

t.test('applying the same again changes nothing', async (t) => {
  const config = { spec: { replicas: 3, selector: { a: 'b' } } };
  const made = apply({}, 'a', config);
  t.equal(apply(made, 'a', config), made);
});

t.test('what is no longer applied goes', async (t) => {
  const first = apply({}, 'a', {
    metadata: { labels: { one: '1', two: '2' } },
    spec: {
      replicas: 3,
      containers: [
        { name: 'web', image: 'i' },
        { name: 'side', image: 's' },
      ],
    },
  });
  // A default that nobody owns goes with the item it is in.
  (first.spec!['containers'] as Record<string, unknown>[])[1]!['args'] = ['default'];
  const next = apply(first, 'a', {
    metadata: { labels: { two: '2' } },
    spec: { containers: [{ name: 'web' }] },
  });
  t.strictSame(next.metadata?.labels, { two: '2' });
  t.strictSame(next.spec, { containers: [{ name: 'web' }] });
});

t.test('another manager in the way is a conflict, with a cause per field', async (t) => {
  const live = apply({}, 'a', { spec: { replicas: 3, paused: true } });
  t.throws(() => apply(live, 'b', { spec: { replicas: 4 } }), {
    reason: 'Conflict',
    message: 'Apply failed with 1 conflict: conflict with "a" using v1: .spec.replicas',
    details: {
      causes: [
        { reason: 'FieldManagerConflict', message: 'conflict with "a" using v1', field: '.spec.replicas' },
      ],
    },
  });
  t.throws(() => apply(live, 'b', { spec: { replicas: 4, paused: false } }), {
    message: 'Apply failed with 2 conflicts: conflicts with "a" using v1:\n- .spec.paused\n- .spec.replicas',
  });
  const forced = apply(live, 'b', { spec: { replicas: 4 } }, true);
  t.equal(forced.spec!['replicas'], 4);
  t.strictSame(owner(forced, 'a'), { 'f:spec': { 'f:paused': {} } });
  t.strictSame(owner(forced, 'b'), { 'f:spec': { 'f:replicas': {} } });
});

t.test('the same value is owned together, and stays until the last owner drops it', async (t) => {
  const both = apply(apply({}, 'a', { spec: { replicas: 3 } }), 'b', { spec: { replicas: 3 } });
  const one = apply(both, 'a', { spec: { paused: true } });
  t.strictSame(one.spec, { replicas: 3, paused: true });
  t.strictSame(apply(one, 'b', { metadata: { labels: {} } }).spec, { paused: true });
});

t.test('an update takes fields over, and an apply then conflicts with it', async (t) => {
  const live = apply({}, 'a', { spec: { replicas: 3, paused: true } });
  const scaled = update(live, 'scaler', { ...live, spec: { replicas: 5, paused: true } });
  t.strictSame(owner(scaled, 'a'), { 'f:spec': { 'f:paused': {} } });
  t.strictSame(owner(scaled, 'scaler'), { 'f:spec': { 'f:replicas': {} } });
  t.throws(() => apply(scaled, 'a', { spec: { replicas: 3, paused: true } }), {
    message: /^Apply failed with 1 conflict: conflict with "scaler" using v1 at .*Z: \.spec\.replicas$/,
  });
  const dropped = apply(scaled, 'a', { spec: { paused: true } });
  t.strictSame(
    dropped.spec,
    { replicas: 5, paused: true },
    'it gives up what is no longer its own without taking it away',
  );
});

t.test('what an update removes nobody owns', async (t) => {
  const live = apply({}, 'a', { spec: { replicas: 3, paused: true } });
  const next = update(live, 'b', { ...live, spec: { paused: true } });
  t.strictSame(owner(next, 'a'), { 'f:spec': { 'f:paused': {} } });
  t.equal(owner(next, 'b'), undefined);
});

t.test('an item keeps its key when other fields of it go', async (t) => {
  const a = apply({}, 'a', { spec: { containers: [{ name: 'web', image: 'i' }] } });
  const both = apply(a, 'b', { spec: { containers: [{ name: 'web', args: ['x'] }] } });
  const left = apply(both, 'a', { spec: { paused: true } });
  t.strictSame(left.spec, { paused: true, containers: [{ name: 'web', args: ['x'] }] });
});

t.test('keys have defaults, sets and atomics their own rules', async (t) => {
  const a = apply({}, 'a', {
    metadata: { finalizers: ['x/a'] },
    spec: { selector: { k: 'v' }, containers: [{ name: 'web', ports: [{ containerPort: 80 }] }] },
  });
  t.match(owner(a, 'a'), {
    'f:metadata': { 'f:finalizers': { 'v:"x/a"': {} } },
    'f:spec': {
      'f:selector': {},
      'f:containers': {
        'k:{"name":"web"}': { 'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': {} } },
      },
    },
  });
  const b = apply(a, 'b', { metadata: { finalizers: ['x/b'] } });
  t.strictSame(b.metadata?.finalizers, ['x/a', 'x/b']);
  t.throws(() => apply(a, 'b', { spec: { selector: { other: 'v' } } }), {
    name: 'StatusError',
    reason: 'Conflict',
  });
  t.throws(() => apply(a, 'b', { spec: { containers: [{ image: 'nameless' }] } }), {
    name: 'StatusError',
    reason: 'BadRequest',
  });
});

t.test('items that only others have keep their place', async (t) => {
  const names = (object: Thing): string[] =>
    (object.spec!['containers'] as { name: string }[]).map(({ name }) => name);
  const list = (...all: string[]): Thing => ({ spec: { containers: all.map((name) => ({ name })) } });
  const live = apply({}, 'a', list('one', 'two', 'three'));
  t.strictSame(names(apply(live, 'b', list('zero', 'three', 'one'))), ['two', 'zero', 'three', 'one']);
  t.strictSame(names(apply(live, 'b', list('two'))), ['one', 'two', 'three']);
});

t.test('status and system fields belong to nobody who writes the object', async (t) => {
  const made = apply({}, 'a', { spec: { replicas: 1 }, status: { ready: 1 } } as Thing);
  t.strictSame(owner(made, 'a'), { 'f:spec': { 'f:replicas': {} } });
  const status = update(made, 'controller', { ...made, status: { ready: 2 } }, 'status');
  t.strictSame(owner(status, 'controller'), { 'f:status': { 'f:ready': {} } });
  const entry = status.metadata!.managedFields!.find(({ manager }) => manager === 'controller');
  t.equal(entry?.subresource, 'status');
});

t.test('managedFields may be reset, and nonsense in them is ignored', async (t) => {
  const live = apply({}, 'a', { spec: { replicas: 3 } });
  const reset = update(live, 'b', { ...live, metadata: { name: 'x', managedFields: [{}] } });
  t.equal(owner(reset, 'a'), undefined);
  const nonsense = { manager: 'z', operation: 'Apply', apiVersion: 'v1', fieldsV1: { bad: 1 } };
  const kept = update(live, 'b', { ...live, metadata: { name: 'x', managedFields: [nonsense] } } as Thing);
  t.strictSame(owner(kept, 'a'), { 'f:spec': { 'f:replicas': {} } });
});

t.test('what was applied on the client is taken over', async (t) => {
  const last = 'kubectl.kubernetes.io/last-applied-configuration';
  const spec = { replicas: 3, paused: true };
  const applied = { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'x' }, spec };
  const annotations = { [last]: JSON.stringify(applied) };
  const client = update({}, 'kubectl-client-side-apply', {
    ...applied,
    metadata: { name: 'x', annotations },
  });
  const taken = apply(client, 'kubectl', { spec: { replicas: 4, paused: true } });
  t.equal(taken.spec!['replicas'], 4);
  t.match(taken.metadata?.annotations?.[last], /"replicas":4/, 'the annotation follows');
  t.throws(
    () => apply(client, 'other', { spec: { replicas: 4 } }),
    { reason: 'Conflict', message: /conflict with "kubectl-client-side-apply"/ },
    'but only by kubectl itself',
  );
  const scaled = update(client, 'scaler', { ...client, spec: { ...spec, replicas: 7 } });
  t.throws(() => apply(scaled, 'kubectl', { spec: { replicas: 4 } }), {
    name: 'StatusError',
    reason: 'Conflict',
  });
});
