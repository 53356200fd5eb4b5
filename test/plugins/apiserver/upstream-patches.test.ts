/**
 * Cases of upstream's own tests restated as data, on upstream's own types: strategic merge patches of Pods and Services, source apimachinery
 * `strategicpatch/patch_test.go` and `kubectl apply`; sets and maps of structured-merge-diff, source `merge/{key,set,leaf,deduced}_test.go`.
 */
import type { KubeObject } from 'orlop/plugin';
import t from 'tap';
import { applyConfiguration, trackUpdate } from '../../../plugins/apiserver/apply/apply.ts';
import { strategicMergePatch } from '../../../plugins/apiserver/patch/strategic.ts';
import { Schemas } from '../../../plugins/apiserver/schemas/generated.ts';

const schemas = new Schemas();
const schemaOf = (kind: string) => schemas.schemaFor({ group: '', version: 'v1', kind })!;

type Json = Record<string, unknown>;

/** What, kind, original, patch, result. */
const strategic: [string, string, Json, Json, Json][] = [
  [
    'a container is changed by its name, the others stay',
    'Pod',
    {
      spec: {
        containers: [
          { name: 'a', image: '1' },
          { name: 'b', image: '1' },
        ],
      },
    },
    { spec: { containers: [{ name: 'b', image: '2' }] } },
    {
      spec: {
        containers: [
          { name: 'a', image: '1' },
          { name: 'b', image: '2' },
        ],
      },
    },
  ],
  [
    'all entries of one key are deleted',
    'Pod',
    { spec: { containers: [{ name: 'a', image: '1' }, { name: 'a', image: '2' }, { name: 'b' }] } },
    { spec: { containers: [{ name: 'a', $patch: 'delete' }] } },
    { spec: { containers: [{ name: 'b' }] } },
  ],
  [
    'deleting what is not there changes nothing',
    'Pod',
    { spec: { containers: [{ name: 'a' }] } },
    { spec: { containers: [{ name: 'x', $patch: 'delete' }] } },
    { spec: { containers: [{ name: 'a' }] } },
  ],
  [
    'lists in merged items merge too',
    'Pod',
    {
      spec: {
        containers: [
          {
            name: 'a',
            env: [
              { name: 'X', value: '1' },
              { name: 'Y', value: '1' },
            ],
          },
        ],
      },
    },
    {
      spec: {
        containers: [
          {
            name: 'a',
            env: [
              { name: 'Y', $patch: 'delete' },
              { name: 'Z', value: '2' },
            ],
          },
        ],
      },
    },
    {
      spec: {
        containers: [
          {
            name: 'a',
            env: [
              { name: 'X', value: '1' },
              { name: 'Z', value: '2' },
            ],
          },
        ],
      },
    },
  ],
  [
    'args are replaced',
    'Pod',
    { spec: { containers: [{ name: 'a', args: ['1', '2'] }] } },
    { spec: { containers: [{ name: 'a', args: ['3'] }] } },
    { spec: { containers: [{ name: 'a', args: ['3'] }] } },
  ],
  [
    'a volume changes its source and keeps the retained keys only',
    'Pod',
    {
      spec: {
        volumes: [
          { name: 'v', emptyDir: {} },
          { name: 'w', emptyDir: {} },
        ],
      },
    },
    { spec: { volumes: [{ $retainKeys: ['name', 'hostPath'], name: 'v', hostPath: { path: '/x' } }] } },
    {
      spec: {
        volumes: [
          { name: 'v', hostPath: { path: '/x' } },
          { name: 'w', emptyDir: {} },
        ],
      },
    },
  ],
  [
    'finalizers are a list of primitives that merges and deletes',
    'Pod',
    { metadata: { finalizers: ['a/1', 'b/1'] } },
    { metadata: { '$deleteFromPrimitiveList/finalizers': ['a/1'], finalizers: ['c/1'] } },
    { metadata: { finalizers: ['b/1', 'c/1'] } },
  ],
  [
    'ports of a Service merge by port',
    'Service',
    {
      spec: {
        ports: [
          { port: 80, name: 'a' },
          { port: 443, name: 'b' },
        ],
      },
    },
    { spec: { ports: [{ port: 443, name: 'c' }] } },
    {
      spec: {
        ports: [
          { port: 80, name: 'a' },
          { port: 443, name: 'c' },
        ],
      },
    },
  ],
  [
    'the order of the client; what only the server has stays before what it was before',
    'Pod',
    { spec: { containers: [{ name: 'a' }, { name: 'sidecar' }, { name: 'b' }] } },
    {
      spec: {
        '$setElementOrder/containers': [{ name: 'b' }, { name: 'c' }, { name: 'a' }],
        containers: [{ name: 'c' }],
      },
    },
    { spec: { containers: [{ name: 'sidecar' }, { name: 'b' }, { name: 'c' }, { name: 'a' }] } },
  ],
  [
    'a map is replaced whole',
    'Service',
    { spec: { selector: { a: '1', b: '1' } } },
    { spec: { selector: { $patch: 'replace', c: '1' } } },
    { spec: { selector: { c: '1' } } },
  ],
  [
    'labels: one changed, one deleted, one added',
    'Pod',
    { metadata: { labels: { a: '1', b: '1', c: '1' } } },
    { metadata: { labels: { a: '2', b: null, d: '1' } } },
    { metadata: { labels: { a: '2', c: '1', d: '1' } } },
  ],
];

for (const [what, kind, original, patch, result] of strategic) {
  t.test(what, async (t) => {
    t.strictSame(strategicMergePatch(original, patch, schemaOf(kind)), result);
  });
}

/** Who does what, in turns: `apply` or `update` of a Pod's spec; then the spec that must be there, or the field of a conflict. */
type Turn = [who: string, verb: 'apply' | 'force' | 'update', spec: Json, result: Json | RegExp];

const ports = (...list: [number, string?, string?][]): Json => ({
  containers: [
    {
      name: 'a',
      ports: list.map(([containerPort, name, protocol]) => ({
        containerPort,
        ...(protocol && { protocol }),
        ...(name && { name }),
      })),
    },
  ],
});
const containers = (...list: Json[]): Json => ({ containers: list });

const merges: [string, Turn[]][] = [
  [
    'associative lists by one key: each applier its own items',
    [
      ['one', 'apply', containers({ name: 'a', image: '1' }), containers({ name: 'a', image: '1' })],
      ['two', 'apply', containers({ name: 'b' }), containers({ name: 'a', image: '1' }, { name: 'b' })],
      ['one', 'apply', containers(), containers({ name: 'b' })],
    ],
  ],
  [
    'associative lists by two keys: the same port of two protocols is two items',
    [
      ['one', 'apply', ports([80, 'a', 'TCP']), ports([80, 'a', 'TCP'])],
      ['two', 'apply', ports([80, 'b', 'UDP']), ports([80, 'a', 'TCP'], [80, 'b', 'UDP'])],
      ['two', 'apply', ports([80, 'c', 'TCP']), /ports\[containerPort=80,protocol="TCP"\]\.name/],
    ],
  ],
  [
    'a leaf: conflict, and force takes it over',
    [
      ['one', 'apply', { hostname: 'x' }, { hostname: 'x' }],
      ['two', 'apply', { hostname: 'y' }, /\.spec\.hostname/],
      ['two', 'force', { hostname: 'y' }, { hostname: 'y' }],
      ['one', 'apply', {}, { hostname: 'y' }],
      ['two', 'apply', {}, {}],
    ],
  ],
  [
    'an update takes over what it changes',
    [
      ['one', 'apply', { hostname: 'x', subdomain: 's' }, { hostname: 'x', subdomain: 's' }],
      ['controller', 'update', { hostname: 'y', subdomain: 's' }, { hostname: 'y', subdomain: 's' }],
      ['one', 'apply', { hostname: 'x', subdomain: 's' }, /\.spec\.hostname/],
      ['one', 'apply', { subdomain: 's' }, { hostname: 'y', subdomain: 's' }],
    ],
  ],
  [
    'an atomic map is owned whole',
    [
      ['one', 'apply', { nodeSelector: { a: '1' } }, { nodeSelector: { a: '1' } }],
      ['two', 'apply', { nodeSelector: { b: '1' } }, /\.spec\.nodeSelector/],
      ['two', 'force', { nodeSelector: { b: '1' } }, { nodeSelector: { b: '1' } }],
    ],
  ],
];

for (const [what, turns] of merges) {
  t.test(what, async (t) => {
    let live: KubeObject & { spec?: unknown } = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' } };
    for (const [who, verb, spec, result] of turns) {
      const operation = verb === 'update' ? 'Update' : 'Apply';
      const manager = { name: who, operation, apiVersion: 'v1', subresource: '' } as const;
      const tracking = { manager, schema: schemaOf('Pod'), hasStatus: true };
      const given = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, spec: structuredClone(spec) };
      const act = (): KubeObject => {
        if (verb !== 'update')
          return applyConfiguration(live, given, { ...tracking, force: verb === 'force' });
        const next = { ...structuredClone(live), spec: given.spec };
        trackUpdate(live, next, tracking);
        return next;
      };
      const turn = `${who} ${verb}s ${JSON.stringify(spec)}`;
      if (result instanceof RegExp) {
        t.throws(act, { reason: 'Conflict', message: result } as object as Error, turn);
        continue;
      }
      live = act();
      t.strictSame(live.spec ?? {}, result, turn);
    }
  });
}
