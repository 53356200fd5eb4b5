/** Every field of every kind of the Kubernetes release that `/version` reports. */
import { apiVersionOf, type KubeObject } from 'orlop/plugin';
import t from 'tap';
import { standardRows } from '../../../plugins/apiserver/resources/standard.ts';
import { decodeObject } from '../../../plugins/apiserver/schemas/decode.ts';
import { Schemas } from '../../../plugins/apiserver/schemas/generated.ts';
import { readModels } from '../../../plugins/apiserver/schemas/models.ts';
import { testApi } from './cluster.ts';

const { version, models } = await readModels();
const schemas = new Schemas();
const rows = standardRows({ serviceCIDR: '10.96.0.0/16', nodePorts: [30_000, 32_767] });

const SCALARS: Record<string, unknown> = {
  // Also a Quantity.
  string: '1',
  boolean: true,
  number: 1,
  any: { a: 1 },
  object: { a: 1 },
  Date: '2026-01-02T03:04:05Z',
  V1MicroTime: '2026-01-02T03:04:05.000006Z',
  IntOrString: 1,
};

/** A value with every field of a model, as the client library describes it; `undefined` where a type contains itself. */
function full(type: string, format: string, within: readonly string[] = []): unknown {
  const array = /^Array<(.*)>$/.exec(type)?.[1];
  if (array) {
    const item = full(array, format, within);
    return item === undefined ? undefined : [item];
  }
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type)?.[1];
  if (map) {
    const value = full(map, format, within);
    return value === undefined ? undefined : { a: value };
  }
  if (format === 'byte') return 'YQ==';
  if (Object.hasOwn(SCALARS, type)) return SCALARS[type];
  const model = models.get(type);
  if (!model || within.includes(type)) return undefined;
  const fields = [...model.fields].map(([name, field]) => [
    name,
    full(field.type, field.format, [...within, type]),
  ]);
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
}

/** Of a served kind, e.g. `V1Pod`, `EventsV1Event`. */
function modelOf(group: string, version: string, kind: string): string {
  const [first = ''] = (group || 'core').split('.');
  const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
  const grouped = `${capital(first)}${capital(version)}${kind}`;
  return models.has(grouped) ? grouped : `${capital(version)}${kind}`;
}

t.test('/version reports the release whose fields are known', async (t) => {
  t.match(version, /^1\.36\./);
  t.equal(schemas.version, version);
  const { request } = await testApi(t);
  t.match((await request('GET', '/version')).body, { major: '1', minor: '36', gitVersion: /^v1\.36\.0/ });
});

t.test('strict validation accepts every field of every kind', async (t) => {
  const known = rows.filter(({ group, version, kind }) => models.has(modelOf(group, version, kind)));
  t.ok(known.length >= 60, `${known.length} kinds`);
  let leaves = 0;
  for (const { group, version, kind } of known) {
    const object = full(modelOf(group, version, kind), '') as KubeObject;
    const text = JSON.stringify(object);
    leaves += text.split('":').length;
    const schema = schemas.schemaFor({ group, version, kind })!;
    const gvk = { group, version, kind };
    try {
      decodeObject(schema, gvk, object, 'Strict');
      t.equal(JSON.stringify(object), text, `${apiVersionOf(gvk)} ${kind} is kept as it is`);
    } catch (error) {
      t.fail(`${apiVersionOf(gvk)} ${kind}: ${(error as Error).message}`);
    }
  }
  t.comment(`${leaves} fields of ${known.length} kinds`);
});

t.test('only what is older than the release, or of Orlop itself, is served without a model', async (t) => {
  const without = rows.filter(({ group, version, kind }) => !models.has(modelOf(group, version, kind)));
  t.ok(
    without.every(({ group, version }) => /beta/.test(version) || group === 'orlop.dev'),
    without
      .filter(({ version }) => !/beta/.test(version))
      .map(({ kind, group }) => `${kind}.${group}`)
      .join(' '),
  );
});
