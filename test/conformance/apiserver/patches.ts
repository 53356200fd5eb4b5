import type { Checks } from '../checks.ts';
import type { Api } from './client.ts';
import { CONFIG_MAPS, configMap, DEPLOYMENTS, deployment, failure } from './manifests.ts';

/** The four types of patches. */
export async function patchesConformance(t: Checks, api: Api): Promise<void> {
  await t.test('JSON and merge', (t) => plain(t, api));
  await t.test('strategic merge', (t) => strategic(t, api));
  await t.test('server-side apply', (t) => applied(t, api));
}

async function plain(t: Checks, api: Api): Promise<void> {
  const at = `${CONFIG_MAPS}/patched`;
  const { body } = await api.post(CONFIG_MAPS, configMap('patched', { a: '1', b: '2', c: '3' }));
  const json = await api.patch(at, 'json', [
    { op: 'test', path: '/data/a', value: '1' },
    { op: 'replace', path: '/data/a', value: '10' },
    { op: 'remove', path: '/data/b' },
    { op: 'add', path: '/data/d', value: '4' },
  ]);
  t.same(json.body.data, { a: '10', c: '3', d: '4' }, 'JSON Patch');
  const untrue = [{ op: 'test', path: '/data/a', value: '1' }];
  t.match(await api.patch(at, 'json', untrue), failure(422, 'Invalid'), 'whose test must hold');
  const merged = await api.patch(at, 'merge', {
    data: { a: null, c: '30' },
    metadata: { labels: { l: 'm' } },
  });
  t.same(merged.body.data, { c: '30', d: '4' }, 'JSON Merge Patch');
  t.match(merged.body.metadata, { uid: body.metadata.uid, labels: { l: 'm' } }, 'of metadata, too');
  const nothing = await api.patch(at, 'merge', { data: { c: '30' } });
  const { resourceVersion } = merged.body.metadata;
  t.equal(nothing.body.metadata.resourceVersion, resourceVersion, 'one that changes nothing is no change');
  const stale = { metadata: { resourceVersion: body.metadata.resourceVersion }, data: { c: 'x' } };
  t.match(await api.patch(at, 'merge', stale), failure(409, 'Conflict'), 'one of a revision that is over');
  t.match(await api.patch(`${at}-not`, 'merge', {}), failure(404, 'NotFound'), 'of what there is not');
  const unread = await api.ask('PATCH', at, { body: {}, type: 'application/json' });
  t.match(unread, failure(415, 'UnsupportedMediaType'), 'of no type');
  const dry = await api.patch(`${at}?dryRun=All`, 'merge', { data: { c: 'dry' } });
  t.equal(dry.body.data.c, 'dry', 'a dry run says what would be');
  t.same((await api.get(at)).body.data, { c: '30', d: '4' }, 'and does nothing');
}

async function strategic(t: Checks, api: Api): Promise<void> {
  const at = `${DEPLOYMENTS}/strategic`;
  await api.post(DEPLOYMENTS, deployment('strategic'));
  const patch = (spec: object) => api.patch(at, 'strategic-merge', { spec: { template: { spec } } });
  const side = { name: 'side', image: 'side:1', env: [{ name: 'A', value: '1' }] };
  await patch({ containers: [side] });
  const { body } = await patch({ containers: [{ name: 'main', image: 'main:2' }] });
  const containers = body.spec.template.spec.containers as { name: string; image: string }[];
  t.same(
    new Map(containers.map(({ name, image }) => [name, image])),
    new Map([
      ['main', 'main:2'],
      ['side', 'side:1'],
    ]),
    'elements of a list are known by their key',
  );
  const removed = await patch({ containers: [{ $patch: 'delete', name: 'side' }] });
  t.equal(removed.body.spec.template.spec.containers.length, 1, 'and deleted by it');
  const recreate = { spec: { strategy: { $patch: 'replace', type: 'Recreate' } } };
  const replaced = await api.patch(at, 'strategic-merge', recreate);
  t.same(replaced.body.spec.strategy, { type: 'Recreate' }, 'an object can be replaced as a whole');
}

async function applied(t: Checks, api: Api): Promise<void> {
  const at = `${CONFIG_MAPS}/applied`;
  const apply = (manager: string, data: Record<string, string>, query = '') =>
    api.patch(`${at}?fieldManager=${manager}${query}`, 'apply', configMap('applied', data));
  const made = await apply('one', { a: '1', b: '1' });
  t.match(made, { code: 201, body: { data: { a: '1', b: '1' } } }, 'what there is not is created');
  t.match(
    made.body.metadata.managedFields,
    [{ manager: 'one', operation: 'Apply', apiVersion: 'v1', fieldsType: 'FieldsV1' }],
    'it is known whose it is',
  );
  const both = await apply('two', { c: '2' });
  t.match(both, { code: 200, body: { data: { a: '1', b: '1', c: '2' } } }, 'others have fields of their own');
  t.match(
    await apply('two', { a: '2', c: '2' }),
    failure(409, 'Conflict'),
    "and may not change somebody else's",
  );
  const forced = await apply('two', { a: '2', c: '2' }, '&force=true');
  t.same(forced.body.data, { a: '2', b: '1', c: '2' }, 'unless they force it');
  const less = await apply('one', {});
  t.same(less.body.data, { a: '2', c: '2' }, 'what one applies no more goes, if nobody else has it');
  t.match(
    await api.patch(at, 'apply', configMap('applied')),
    failure(422, 'Invalid'),
    'without a manager it is refused',
  );

  await api.post(DEPLOYMENTS, deployment('applied'));
  const image = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    spec: { template: { spec: { containers: [{ name: 'side', image: 'side:1' }] } } },
  };
  const { body } = await api.patch(`${DEPLOYMENTS}/applied?fieldManager=one`, 'apply', image);
  const names = (body.spec.template.spec.containers as { name: string }[]).map(({ name }) => name);
  t.same(names.sort(), ['main', 'side'], 'elements of a list are known by their key');
}
