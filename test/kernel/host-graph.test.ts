import {
  definePlugin,
  nearestOf,
  optional,
  type PluginDeclaration,
  resolveConfig,
  service,
  services,
} from 'orlop/plugin';
import t from 'tap';
import { sortGraph } from '../../kernel/contract/graph.ts';
import { loadPlugin } from '../../kernel/host/declaration.ts';

function declare(name: string, rest: Partial<PluginDeclaration>): PluginDeclaration {
  return definePlugin({
    name,
    kind: 'test.v1',
    version: '1.0.0',
    description: 'A plugin of a test.',
    start: () => ({}),
    ...rest,
  }) as PluginDeclaration;
}

const A = service<object>('alpha.v1');
const A2 = service<object>('alpha.v2');
const B = service<object>('beta.v1');
const Many = services<object>('gamma.v1');

function sort(declarations: PluginDeclaration[], places: Record<string, string> = {}): string[] {
  const nodes = declarations.map((declaration) => ({
    name: declaration.name,
    declaration,
    place: places[declaration.name] ?? 'inline',
  }));
  return [...sortGraph(nodes).keys()];
}

t.test('providers come before those that require them', async (t) => {
  const order = sort([
    declare('last', { requires: { b: B, many: Many } }),
    declare('middle', { requires: { a: optional(A) }, provides: [B] }),
    declare('g1', { provides: [Many] }),
    declare('first', { provides: [A] }),
    declare('g2', { provides: [Many] }),
  ]);
  t.same(order, ['first', 'middle', 'g1', 'g2', 'last']);
});

t.test('a wrong graph is refused, both ends named', async (t) => {
  const cases: [string, PluginDeclaration[], RegExp, Record<string, string>?][] = [
    [
      'missing',
      [declare('x', { requires: { a: A } })],
      /plugin "x" requires alpha\.v1 \(services\.a\), which no plugin provides/,
    ],
    [
      'version',
      [declare('x', { requires: { a: A } }), declare('y', { provides: [A2] })],
      /plugin "x" requires alpha\.v1 .*but plugin "y" provides alpha\.v2/,
    ],
    [
      'provided twice',
      [declare('x', { provides: [A] }), declare('y', { provides: [A] })],
      /plugins "x" and "y" both provide alpha\.v1/,
    ],
    ['loaded twice', [declare('x', {}), declare('x', {})], /plugin "x" is loaded twice/],
    [
      'cycle',
      [
        declare('x', { requires: { a: A }, provides: [B] }),
        declare('y', { requires: { b: B }, provides: [A] }),
      ],
      /cycle: x -> y -> x/,
    ],
    [
      'another thread',
      [declare('x', { requires: { a: A } }), declare('y', { provides: [A] })],
      /plugin "y" provides in another thread \(worker\/w, not inline\): a service cannot cross threads/,
      { y: 'worker/w' },
    ],
    [
      'one of many in another thread than all that use it',
      [declare('x', { requires: { m: Many } }), declare('y', { provides: [Many] })],
      /plugin "y" provides .* in another thread \(worker\/w\) than plugin "x" uses it in \(inline\)/,
      { y: 'worker/w' },
    ],
  ];
  for (const [what, declarations, message, places] of cases) {
    t.throws(() => sort(declarations, places), { reason: 'Invalid', message }, what);
  }
  t.same(
    sort([declare('x', { requires: { m: Many, a: optional(A) } })]),
    ['x'],
    'optional and many need nobody',
  );
});

t.test('configuration gets its defaults, and what is wrong with it is said', async (t) => {
  const schema = {
    type: 'object',
    required: ['name'],
    properties: {
      name: { type: 'string', pattern: '^[a-z]+$' },
      port: { type: 'integer', default: 8080, minimum: 1, maximum: 65535 },
      mode: { type: 'string', enum: ['fast', 'safe'], default: 'safe' },
      tls: { type: 'object', default: {}, properties: { enabled: { type: 'boolean', default: true } } },
      hosts: { type: 'array', items: { type: 'string' } },
      labels: { type: 'object', additionalProperties: { type: 'string' } },
    },
  } as const;
  t.same(resolveConfig(schema, { name: 'web', labels: { a: 'b' } }, 'x'), {
    name: 'web',
    port: 8080,
    mode: 'safe',
    tls: { enabled: true },
    labels: { a: 'b' },
  });
  const refused: [object, RegExp][] = [
    [{}, /plugin "x" is invalid: name: is required/],
    [{ name: 'web', prot: 1 }, /prot: unknown key; did you mean "port"\?/],
    [{ name: 'web', tls: { enable: true } }, /tls\.enable: unknown key; did you mean "enabled"\?/],
    [{ name: 'web', port: '80' }, /port: must be an integer, not "80"/],
    [{ name: 'web', port: 70000 }, /port: must be at most 65535/],
    [{ name: 'Web' }, /name: must match/],
    [{ name: 'web', mode: 'slow' }, /mode: must be one of "fast", "safe"/],
    [{ name: 'web', hosts: ['a', 1] }, /hosts\[1\]: must be a string, not 1/],
    [{ name: 'web', labels: { a: 1 } }, /labels\.a: must be a string/],
  ];
  for (const [config, message] of refused) {
    t.throws(() => resolveConfig(schema, config, 'x'), { reason: 'Invalid', message });
  }
  t.throws(() => resolveConfig(undefined, { anything: 1 }, 'x'), { message: /anything: unknown key/ });
  t.equal(nearestOf('schedulr', ['ingress', 'scheduler']), 'scheduler');
});

t.test('a wrong declaration is refused before anything runs', async (t) => {
  const wrong = declare('Not A Label', { kind: 'scheduler', version: '', isolation: { worker: '' } });
  await t.rejects(loadPlugin(wrong), {
    reason: 'Invalid',
    message: /DNS label.*versioned.*version must.*isolation\.worker/,
  });
  await t.rejects(loadPlugin({ module: './no/such/module.js' }), {
    reason: 'NotFound',
    message: /no\/such\/module/,
  });
  await t.rejects(loadPlugin({ module: 'data:text/javascript,export const a = 1' }), {
    message: /no plugin declaration: export default definePlugin/,
  });
});
