/** What a user gets wrong, and what kubectl then prints. */
import t from 'tap';
import { place, until, up } from './orlop.ts';

const POD = (spec: string, name = 'bad'): string =>
  `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"${name}"},"spec":${spec}}`;

t.test('bad input gets a clear error', async (t) => {
  const { kubectl, place: at } = await up(t, await place(t), '--no-hello');
  const before = await kubectl.ok('get all,configmaps --all-namespaces -o name');

  const cases: [what: string, manifest: string, expected: RegExp][] = [
    ['malformed YAML', 'apiVersion: v1\nkind: [Pod', /yaml|did not find|error parsing/i],
    ['malformed JSON', '{"apiVersion":"v1","kind":"ConfigMap",', /json|yaml|parsing/i],
    ['unknown kind', 'apiVersion: v1\nkind: Podd\nmetadata: {name: a}', /no matches for kind "Podd"/],
    [
      'unknown field',
      POD('{"containers":[{"name":"a","image":"b","imag":"c"}]}'),
      /unknown field "spec\.containers\[0\]\.imag"/,
    ],
    ['wrong type', POD('{"containers":"a"}'), /containers/],
    [
      'illegal name',
      POD('{"containers":[{"name":"a","image":"b"}]}', 'Bad_Name'),
      /Invalid value: "Bad_Name"/,
    ],
    ['missing required field', POD('{"containers":[]}'), /spec\.containers: Required value/],
    [
      'illegal quantity',
      POD('{"containers":[{"name":"a","image":"b","resources":{"limits":{"cpu":"many"}}}]}'),
      /quantit|cpu/i,
    ],
    [
      'selector that does not match',
      '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"c"}},"spec":{"containers":[{"name":"a","image":"b"}]}}}}',
      /`selector` does not match template `labels`/,
    ],
    [
      'missing namespace',
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"nowhere"}}',
      /namespaces "nowhere" not found/,
    ],
  ];
  for (const [what, manifest, expected] of cases) {
    const { code, stderr } = await kubectl('create -f -', manifest);
    t.not(code, 0, what);
    t.match(stderr, expected, what);
    t.notMatch(stderr, /\n +at |undefined|\[object/, `${what}: no stack trace`);
  }
  t.match((await kubectl('get pod nothing')).stderr, /pods "nothing" not found/);
  t.equal(await kubectl.ok('get all,configmaps --all-namespaces -o name'), before, 'nothing was changed');

  await kubectl.ok(
    'create -f -',
    POD(
      '{"runtimeClassName":"wasm","containers":[{"name":"a","image":"file:///nowhere/lost.wasm"}]}',
      'lost',
    ),
  );
  await until('the unknown image is reported', 30_000, async () =>
    /ErrImagePull|ImagePullBackOff/.test(await kubectl.ok('get pod lost')),
  );
  t.match(await kubectl.ok('describe pod lost'), /Failed .*\/nowhere\/lost\.wasm/);

  const plain = await fetch(`http://127.0.0.1:${at.ports.api}/version`, { redirect: 'manual' });
  t.ok(plain.status >= 300 && plain.status < 500, `plain HTTP is answered ${plain.status}`);
});
