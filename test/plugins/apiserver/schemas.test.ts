import { isStatus, KUBERNETES_RELEASE, type KubeObject } from 'orlop/plugin';
import t from 'tap';
import { canonicalQuantity } from '../../../plugins/apiserver/resources/quantity.ts';
import { decodeObject } from '../../../plugins/apiserver/schemas/decode.ts';
import { duplicateFields } from '../../../plugins/apiserver/schemas/duplicates.ts';
import { protobufMessages, Schemas } from '../../../plugins/apiserver/schemas/generated.ts';
import { definitionName } from '../../../plugins/apiserver/schemas/models.ts';
import type { FieldValidation } from '../../../plugins/apiserver/schemas/types.ts';

const schemas = new Schemas();
const DEPLOYMENT = { group: 'apps', version: 'v1', kind: 'Deployment' };
const CONFIG_MAP = { group: '', version: 'v1', kind: 'ConfigMap' };
const SECRET = { group: '', version: 'v1', kind: 'Secret' };

function decode(kind: typeof DEPLOYMENT, object: object, validation: FieldValidation = 'Warn') {
  const draft = structuredClone(object) as KubeObject;
  const warnings = decodeObject(schemas.schemaFor(kind)!, kind, draft, validation);
  return { object: draft, warnings };
}

function refusal(kind: typeof DEPLOYMENT, object: object, validation: FieldValidation = 'Strict'): string {
  try {
    decode(kind, object, validation);
  } catch (error) {
    if (isStatus(error, 'BadRequest')) return error.message;
    throw error;
  }
  return '';
}

t.test('they are of the release that nodes say too', async (t) => {
  t.equal(schemas.version, KUBERNETES_RELEASE);
});

t.test('every field that kubectl 1.34 can send is known', async (t) => {
  const inGo = /^(Raw|seconds|nanos|string|type|intVal|strVal)$/;
  const unknown: string[] = [];
  for (const [message, fields] of Object.entries(protobufMessages())) {
    if (
      !/^k8s\.io\.(api\.(core|apps|networking|discovery|coordination|node|policy|events)\.v1|apimachinery\.pkg\.apis\.meta\.v1)\./.test(
        message,
      )
    )
      continue;
    const properties = schemas.definitions[definitionName(message)]?.properties;
    if (!properties || !Array.isArray(fields)) continue;
    const names = Object.keys(properties).map((name) => name.toLowerCase());
    for (const [, name, repeated, , type] of fields) {
      // An embedded struct has no name in JSON: its own fields do.
      const embedded =
        type !== undefined && !repeated && /^k8s\.io/.test(type) && properties[name] === undefined;
      if (!names.includes(name.toLowerCase()) && !embedded && !inGo.test(name))
        unknown.push(`${message}.${name}`);
    }
  }
  t.same(unknown, []);
});

t.test('patch and list keys', async (t) => {
  const containers =
    schemas.schemaFor(DEPLOYMENT)!.properties!['spec']!.properties!['template']!.properties!['spec']!
      .properties!['containers'];
  t.match(containers, { type: 'array', patchMergeKey: 'name', patchStrategy: 'merge' });
  t.match(containers?.items?.properties?.['ports'], {
    listType: 'map',
    listMapKeys: ['containerPort', 'protocol'],
  });
  t.match(schemas.schemaFor({ group: 'orlop.dev', version: 'v1', kind: 'Plugin' })?.properties?.['spec'], {
    properties: { config: { preserveUnknown: true } },
  });
});

t.test('unknown fields are dropped and named, or refused', async (t) => {
  const object = {
    metadata: { name: 'a' },
    spec: { replica: 1, template: { spec: { containers: [{ imag: 'x' }] } } },
  };
  const warnings = ['unknown field "spec.replica"', 'unknown field "spec.template.spec.containers[0].imag"'];
  t.same(decode(DEPLOYMENT, object), {
    warnings,
    object: { metadata: { name: 'a' }, spec: { template: { spec: { containers: [{}] } } } },
  });
  t.same(decode(DEPLOYMENT, object, 'Ignore').warnings, []);
  t.equal(
    refusal(DEPLOYMENT, object),
    `Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: ${warnings.join(', ')}`,
  );
});

t.test('wrong types are refused whatever the validation', async (t) => {
  const prefix = 'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal';
  const cases: [spec: unknown, text: string][] = [
    [{ replicas: 'x' }, 'string into Go struct field spec.replicas of type int32'],
    [{ replicas: 1.5 }, 'number 1.5 into Go struct field spec.replicas of type int32'],
    [{ replicas: 2 ** 40 }, `number ${2 ** 40} into Go struct field spec.replicas of type int32`],
    [{ paused: 'true' }, 'string into Go struct field spec.paused of type bool'],
    [[], 'array into Go struct field spec of type v1.DeploymentSpec'],
    [
      { template: { spec: { containers: {} } } },
      'object into Go struct field spec.template.spec.containers of type []v1.Container',
    ],
    [
      { template: { spec: { containers: [{ env: [{ value: 1 }] }] } } },
      'number into Go struct field spec.template.spec.containers[0].env[0].value of type string',
    ],
  ];
  for (const [spec, text] of cases) t.equal(refusal(DEPLOYMENT, { spec }, 'Ignore'), `${prefix} ${text}`);
  t.match(
    refusal(CONFIG_MAP, { data: { a: 1 } }),
    /cannot unmarshal number into Go struct field data\.a of type string/,
  );
  t.match(refusal(SECRET, { data: { a: 'not base64!' } }), /illegal base64 data at input byte 3/);
  t.match(refusal(CONFIG_MAP, { metadata: { creationTimestamp: 'now' } }), /parsing time "now"/);
});

t.test('nulls are absent, in maps they are zero', async (t) => {
  const { object } = decode(CONFIG_MAP, {
    metadata: { creationTimestamp: null, labels: null },
    data: { a: null },
  });
  t.same(object, { metadata: {}, data: { a: '' } });
});

t.test('names out of Object.prototype are only names', async (t) => {
  const object = JSON.parse('{"data":{"__proto__":"x","constructor":"y"},"toString":1}') as object;
  const { warnings } = decode(CONFIG_MAP, object);
  t.same(warnings, ['unknown field "toString"']);
  t.equal(refusal(CONFIG_MAP, { hasOwnProperty: 1 }).includes('unknown field "hasOwnProperty"'), true);
});

t.test('quantities in their canonical form', async (t) => {
  const forms = {
    '0.5': '500m',
    '1000m': '1',
    '1.5Gi': '1536Mi',
    '1024Mi': '1Gi',
    '0': '0',
    '0Gi': '0',
    '1e3': '1e3',
    '1E': '1E',
    '-2000m': '-2',
    '100': '100',
    '64Mi': '64Mi',
    '0.1n': '1n',
    '1500k': '1500k',
    '.5': '500m',
    '123456789': '123456789',
    '1000000': '1M',
  };
  for (const [text, canonical] of Object.entries(forms)) t.equal(canonicalQuantity(text), canonical, text);
  for (const text of ['', 'x', '1 Gi', '1gi', '.', '1.2.3', '0x1'])
    t.equal(canonicalQuantity(text), undefined, text);
});

t.test('fields that occur twice', async (t) => {
  const cases: [json: string, paths: string[]][] = [
    ['{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}]}', []],
    ['{"a":1,"a":2}', ['a']],
    ['{"spec":{"ports":[{"name":"x"},{"name":"y","port":1,"name":"z"}]}}', ['spec.ports[1].name']],
    ['{"a":"{\\"b\\":1,\\"b\\":2}","b":":","\\u0061":2}', ['a']],
    ['{"a":[[1,2],["a","a"]],"b":["x","x"]}', []],
    ['{ "a" : { "b" : 1 , "b" : 2 } , "a" : 3 }', ['a.b', 'a']],
    ['"a"', []],
    ['[]', []],
  ];
  for (const [json, paths] of cases) {
    JSON.parse(json);
    t.same(duplicateFields(json), paths, json);
  }
  const warnings = decodeObject(schemas.schemaFor(CONFIG_MAP)!, CONFIG_MAP, {}, 'Warn', [
    'duplicate field "data.a"',
  ]);
  t.same(warnings, ['duplicate field "data.a"']);
});
