import type { Checks } from '../checks.ts';
import type { Answer, Api } from './client.ts';
import { CONFIG_MAPS, configMap, failure } from './manifests.ts';

const AS = (form: string): string => `application/json;as=${form};v=v1;g=meta.k8s.io`;

const namesOf = ({ body }: Answer): string[] =>
  (body.items as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);

/** Lists: pages of one snapshot, selectors, and forms. */
export async function listsConformance(t: Checks, api: Api): Promise<void> {
  for (const index of [1, 2, 3, 4, 5]) {
    const labels = {
      set: 'lists',
      parity: index % 2 === 0 ? 'even' : 'odd',
      ...(index === 5 ? { last: '' } : {}),
    };
    await api.post(CONFIG_MAPS, configMap(`list-${index}`, {}, { labels }));
  }
  const all = `${CONFIG_MAPS}?labelSelector=set%3Dlists`;
  await t.test('selectors', (t) => selectors(t, api, all));
  await t.test('pages', (t) => pages(t, api, all));
  await t.test('forms', (t) => forms(t, api, all));
}

async function selectors(t: Checks, api: Api, all: string): Promise<void> {
  const list = await api.get(all);
  t.match(list, { code: 200, body: { kind: 'ConfigMapList', apiVersion: 'v1' } }, 'a list has its kind');
  t.same(
    namesOf(list),
    [1, 2, 3, 4, 5].map((index) => `list-${index}`),
    'and is sorted by name',
  );
  for (const [selector, wanted] of [
    ['parity=even', [2, 4]],
    ['parity==even', [2, 4]],
    ['parity!=even', [1, 3, 5]],
    ['parity in (even,other)', [2, 4]],
    ['parity notin (even)', [1, 3, 5]],
    ['last', [5]],
    ['!last', [1, 2, 3, 4]],
    ['parity=odd,!last', [1, 3]],
  ] as const) {
    const found = await api.get(
      `${CONFIG_MAPS}?labelSelector=${encodeURIComponent(`set=lists,${selector}`)}`,
    );
    t.same(
      namesOf(found),
      wanted.map((index) => `list-${index}`),
      selector,
    );
  }
  t.match(await api.get(`${CONFIG_MAPS}?labelSelector=%21%21`), failure(400, 'BadRequest'), 'no selector');
  t.same(
    namesOf(await api.get(`${CONFIG_MAPS}?fieldSelector=metadata.name%3Dlist-3`)),
    ['list-3'],
    'by name',
  );
  const field = await api.get(`${CONFIG_MAPS}?fieldSelector=data.a%3D1`);
  t.match(field, failure(400, 'BadRequest'), 'not by any field');
  const everywhere = await api.get(all.replace(/\/namespaces\/[^/]+/, ''));
  t.equal(namesOf(everywhere).length, 5, 'of all namespaces');
  t.equal(namesOf(await api.get(all.replace('conformance', 'default'))).length, 0, 'of another');
}

async function pages(t: Checks, api: Api, all: string): Promise<void> {
  const first = await api.get(`${all}&limit=2`);
  t.same(namesOf(first), ['list-1', 'list-2'], 'as many as were asked for');
  const { continue: token, resourceVersion } = first.body.metadata as Record<string, string>;
  await api.delete(`${CONFIG_MAPS}/list-4`);
  const from = `&continue=${encodeURIComponent(token ?? '')}`;
  const second = await api.get(`${all}&limit=2${from}`);
  t.same(namesOf(second), ['list-3', 'list-4'], 'then the next, as they were at the first');
  const last = await api.get(`${all}&limit=2&continue=${encodeURIComponent(second.body.metadata.continue)}`);
  t.same(namesOf(last), ['list-5'], 'to the last');
  t.notOk(last.body.metadata.continue, 'which is said');
  t.equal(last.body.metadata.resourceVersion, resourceVersion, 'all of one revision');
  t.match(
    await api.get(`${all}&continue=rubbish`),
    failure(400, 'BadRequest'),
    'nothing follows what is no page',
  );
  const exact = await api.get(`${all}&resourceVersion=${resourceVersion}&resourceVersionMatch=Exact`);
  t.equal(namesOf(exact).length, 5, 'the list of that revision can be had again');
  t.equal(namesOf(await api.get(`${all}&resourceVersion=${resourceVersion}`)).length, 4, 'or one not older');
  t.equal(namesOf(await api.get(`${all}&resourceVersion=0`)).length, 4, 'or any');
}

async function forms(t: Checks, api: Api, all: string): Promise<void> {
  const { body: table } = await api.get(all, AS('Table'));
  t.match(
    table,
    { kind: 'Table', apiVersion: 'meta.k8s.io/v1', columnDefinitions: [{ name: 'Name' }] },
    'a table',
  );
  t.match(
    table.rows[0],
    { cells: ['list-1'], object: { kind: 'PartialObjectMetadata', metadata: { name: 'list-1' } } },
    'a row for each',
  );
  t.equal(table.rows[0].cells.length, table.columnDefinitions.length, 'with all columns');
  const one = await api.get(`${CONFIG_MAPS}/list-1`, AS('Table'));
  t.equal(one.body.rows.length, 1, 'of one object, too');
  const { body: partial } = await api.get(all, AS('PartialObjectMetadataList'));
  t.equal(partial.kind, 'PartialObjectMetadataList', 'or the metadata only');
  t.notOk('data' in partial.items[0], 'and nothing else');
}
