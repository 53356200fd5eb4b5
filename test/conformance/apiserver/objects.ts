import { ConfigMaps } from 'orlop/plugin';
import type { Checks } from '../checks.ts';
import type { Api } from './client.ts';
import {
  CONFIG_MAPS,
  configMap,
  DEPLOYMENTS,
  deployment,
  failure,
  NAMESPACE,
  PRIORITY_CLASSES,
  type Served,
} from './manifests.ts';

/** Create, read and replace. */
export async function objectsConformance(t: Checks, served: Served): Promise<void> {
  const { api } = served;
  const priority = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass' };
  await t.test('of a namespace', (t) => lifecycle(t, api, CONFIG_MAPS, (name) => configMap(name), NAMESPACE));
  await t.test('of none', (t) =>
    lifecycle(t, api, PRIORITY_CLASSES, (name) => ({ ...priority, metadata: { name }, value: 1 })),
  );
  await t.test('what is made of them', (t) => made(t, api));
  await t.test('refusals', (t) => refusals(t, api));
  await t.test('the store behind', (t) => stored(t, served));
}

async function lifecycle(
  t: Checks,
  api: Api,
  path: string,
  object: (name: string) => object,
  namespace?: string,
): Promise<void> {
  const plural = path.slice(path.lastIndexOf('/') + 1);
  const { code, body } = await api.post(path, object('one'));
  t.equal(code, 201, 'it is created');
  t.match(body, object('one'), 'as it was given');
  const system = { uid: /^[\da-f-]{36}$/, resourceVersion: /^\d+$/, creationTimestamp: /^\d{4}-.*Z$/ };
  t.match(body.metadata, { ...system, namespace }, 'and with what the server says of it');
  const details = { name: 'one', kind: plural };
  t.match(await api.post(path, object('one')), failure(409, 'AlreadyExists', { details }), 'but once');
  t.same((await api.get(`${path}/one`)).body, body, 'it is there');
  const message = `${plural}`;
  const missing = await api.get(`${path}/other`);
  t.match(missing, failure(404, 'NotFound', { details: { name: 'other', kind: plural } }), 'another is not');
  t.match(missing.body.message, new RegExp(`^${message}.* "other" not found$`), 'and that is said');

  const labelled = { ...body, metadata: { ...body.metadata, labels: { a: 'b' } } };
  const next = await api.put(`${path}/one`, labelled);
  t.match(
    next,
    { code: 200, body: { metadata: { uid: body.metadata.uid, labels: { a: 'b' } } } },
    'it is replaced',
  );
  t.not(next.body.metadata.resourceVersion, body.metadata.resourceVersion, 'and has another revision');
  t.match(
    await api.put(`${path}/one`, labelled),
    failure(409, 'Conflict'),
    'not with a revision that is over',
  );
  const same = await api.put(`${path}/one`, next.body);
  t.equal(
    same.body.metadata.resourceVersion,
    next.body.metadata.resourceVersion,
    'what changes nothing is no change',
  );
  const another = {
    ...next.body,
    metadata: { ...next.body.metadata, uid: '0000', resourceVersion: undefined },
  };
  t.match(
    await api.put(`${path}/one`, another),
    failure(409, 'Conflict'),
    'nor can it become another object',
  );
  t.match(
    await api.put(`${path}/none`, object('none')),
    failure(404, 'NotFound'),
    'nor can one that is not there',
  );
  t.match(await api.put(`${path}/one`, object('two')), failure(400, 'BadRequest'), 'nor under another name');

  const dry = await api.post(`${path}?dryRun=All`, object('dry'));
  t.match(dry, { code: 201, body: { metadata: { name: 'dry' } } }, 'a dry run says what would be');
  t.equal((await api.get(`${path}/dry`)).code, 404, 'and does nothing');
  const dryUpdate = await api.put(`${path}/one?dryRun=All`, object('one'));
  t.match(dryUpdate, { code: 200, body: { metadata: { labels: undefined } } }, 'of an update, too');
  t.equal((await api.get(`${path}/one`)).body.metadata.labels.a, 'b', 'it stays as it was');

  const generated = { ...object(''), metadata: { generateName: 'some-' } };
  const both = await Promise.all([api.post(path, generated), api.post(path, generated)]);
  const names = both.map(({ body }) => body.metadata.name as string);
  t.ok(names.every((name) => /^some-[\da-z]{5}$/.test(name)) && names[0] !== names[1], 'names are made');
}

async function made(t: Checks, api: Api): Promise<void> {
  const one = await api.post(DEPLOYMENTS, deployment('made'));
  t.match(
    one.body,
    {
      metadata: { generation: 1 },
      spec: {
        replicas: 1,
        strategy: { type: 'RollingUpdate' },
        template: { spec: { restartPolicy: 'Always', containers: [{ imagePullPolicy: 'IfNotPresent' }] } },
      },
    },
    'what is left out has its default',
  );
  const at = `${DEPLOYMENTS}/made`;
  const scaled = await api.put(at, deployment('made', { replicas: 3 }));
  t.equal(scaled.body.metadata.generation, 2, 'a change of the spec is a new generation');
  const status = { ...scaled.body, spec: { replicas: 9 }, status: { replicas: 3, observedGeneration: 2 } };
  const observed = await api.put(`${at}/status`, status);
  t.match(
    observed.body,
    { metadata: { generation: 2 }, spec: { replicas: 3 }, status: { replicas: 3 } },
    'of its status one writes the status alone',
  );
  const ignoring = await api.put(at, { ...observed.body, status: { replicas: 7 } });
  t.equal(ignoring.body.status.replicas, 3, 'and of it all but the status');
  const scale = await api.get(`${at}/scale`);
  t.match(scale.body, { kind: 'Scale', spec: { replicas: 3 }, status: { replicas: 3 } }, 'it has a scale');
  await api.put(`${at}/scale`, { ...scale.body, spec: { replicas: 5 } });
  t.match(
    (await api.get(at)).body,
    { metadata: { generation: 3 }, spec: { replicas: 5 } },
    'that can be set',
  );

  const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  a: "1"\n';
  const asked = await api.ask('POST', CONFIG_MAPS, { body: yaml, type: 'application/yaml' });
  t.match(asked, { code: 201, body: { data: { a: '1' } } }, 'YAML is understood');

  await api.post(CONFIG_MAPS, configMap('counter', { count: '0' }));
  const increment = async (): Promise<void> => {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const { body } = await api.get(`${CONFIG_MAPS}/counter`);
      const data = { count: String(Number(body.data?.count) + 1) };
      if ((await api.put(`${CONFIG_MAPS}/counter`, { ...body, data })).code === 200) return;
    }
  };
  await Promise.all(Array.from({ length: 10 }, increment));
  t.equal(
    (await api.get(`${CONFIG_MAPS}/counter`)).body.data.count,
    '10',
    'of ten who count at once none is lost',
  );
}

async function refusals(t: Checks, api: Api): Promise<void> {
  const wrong = await api.post(DEPLOYMENTS, deployment('wrong', { replicas: -1 }));
  t.match(wrong, failure(422, 'Invalid', { details: { name: 'wrong', group: 'apps' } }), 'what is invalid');
  const fields = (wrong.body.details.causes as { field: string }[]).map(({ field }) => field);
  t.same(fields, ['spec.replicas'], 'which field it is, is said');
  t.match(
    await api.post(CONFIG_MAPS, configMap('Not A Name')),
    failure(422, 'Invalid'),
    'a name that is none',
  );
  t.match(await api.post(CONFIG_MAPS, '{"metadata":'), failure(400, 'BadRequest'), 'what is no JSON');
  const other = { ...configMap('x'), kind: 'Secret' };
  t.match(await api.post(CONFIG_MAPS, other), failure(400, 'BadRequest'), 'another kind');
  const elsewhere = configMap('x', {}, { namespace: 'elsewhere' });
  t.match(await api.post(CONFIG_MAPS, elsewhere), failure(400, 'BadRequest'), 'another namespace');
  const nowhere = CONFIG_MAPS.replace(NAMESPACE, 'no-namespace');
  t.match(await api.post(nowhere, configMap('x')), failure(404, 'NotFound'), 'a namespace that there is not');
  const unread = await api.ask('POST', CONFIG_MAPS, { body: 'x', type: 'text/csv' });
  t.match(unread, failure(415, 'UnsupportedMediaType'), 'what cannot be read');
  t.match(await api.get(CONFIG_MAPS, 'image/png'), failure(406, 'NotAcceptable'), 'what cannot be written');
  t.match(
    await api.ask('PUT', CONFIG_MAPS, { body: {} }),
    failure(405, 'MethodNotAllowed'),
    'what cannot be done',
  );
  const typo = { ...configMap('typo'), dota: {} };
  const strict = await api.post(`${CONFIG_MAPS}?fieldValidation=Strict`, typo);
  t.match(strict, failure(400, 'BadRequest'), 'an unknown field, by those who are strict');
  t.match(strict.body.message, /unknown field "dota"/, 'which one, is said');
  const warned = await api.post(`${CONFIG_MAPS}?fieldValidation=Warn`, typo);
  t.match(warned, { code: 201, headers: { warning: /^299 - "unknown field/ } }, 'others are warned');
  t.notOk('dota' in warned.body, 'and it is left out');
}

/** One store: what clients write plugins see, and the other way round. */
async function stored(t: Checks, { api, objects }: Served): Promise<void> {
  const { body } = await api.post(CONFIG_MAPS, configMap('stored', { a: '1' }));
  const key = { namespace: NAMESPACE, name: 'stored' };
  const found = await objects.get(ConfigMaps, key);
  t.match(
    found?.value,
    { data: { a: '1' }, metadata: { uid: body.metadata.uid } },
    'what is made is in the store',
  );
  t.equal(String(found?.revision), body.metadata.resourceVersion, 'at its revision');
  await objects.modify(ConfigMaps, key, (draft) => {
    draft.data = { a: '2' };
  });
  t.equal(
    (await api.get(`${CONFIG_MAPS}/stored`)).body.data.a,
    '2',
    'what a plugin writes is served at once',
  );
}
