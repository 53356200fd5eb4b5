/** What the parameters and headers of a request mean, in the words of Kubernetes. */
import t from 'tap';
import { parse } from 'yaml';
import { testApi } from './cluster.ts';

const { request, kubectl, stream } = await testApi(t);
const maps = '/api/v1/namespaces/default/configmaps';
const TABLE = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
const type = (name: string): Record<string, string> => ({ 'content-type': `application/${name}` });

for (const name of ['a', 'b', 'c'])
  await request('POST', maps, { metadata: { name, labels: { listed: 'yes' } }, data: { x: 'y' } });
const { body: first } = await request('GET', `${maps}?limit=1&labelSelector=listed`);
const now: string = first.metadata.resourceVersion;
const token: string = first.metadata.continue;

t.test(
  'lists in all combinations of resourceVersion, resourceVersionMatch, limit and continue',
  async (t) => {
    const forbidden = (what: string): object => ({
      code: 422,
      body: {
        reason: 'Invalid',
        message: `ListOptions.meta.k8s.io "" is invalid: ${what}`,
        details: { group: 'meta.k8s.io', kind: 'ListOptions', causes: [{ field: what.split(':', 1)[0]! }] },
      },
    });
    const match = (why: string): object =>
      forbidden(`resourceVersionMatch: Forbidden: resourceVersionMatch ${why}`);
    const unset = match('is forbidden unless resourceVersion is provided');
    const expired = { code: 410, body: { reason: 'Expired' } };
    const tooLarge = {
      code: 504,
      body: {
        reason: 'Timeout',
        message: /^Too large resource version: 99999, current: \d+$/,
        details: { causes: [{ reason: 'ResourceVersionTooLarge' }], retryAfterSeconds: 1 },
      },
    };
    const both = {
      code: 400,
      body: { message: 'specifying resource version is not allowed when using continue' },
    };
    const cases: [query: string, answer: number | object][] = [
      ['', 3],
      ['resourceVersion=0', 3],
      [`resourceVersion=${now}`, 3],
      ['resourceVersion=1', 3],
      ['resourceVersion=0&resourceVersionMatch=NotOlderThan', 3],
      [`resourceVersion=${now}&resourceVersionMatch=NotOlderThan`, 3],
      [`resourceVersion=${now}&resourceVersionMatch=Exact`, 3],
      ['resourceVersion=1&resourceVersionMatch=Exact', expired],
      ['resourceVersion=99999&resourceVersionMatch=Exact', tooLarge],
      ['resourceVersion=99999', tooLarge],
      ['resourceVersionMatch=Exact', unset],
      ['resourceVersionMatch=NotOlderThan', unset],
      ['resourceVersion=0&resourceVersionMatch=Exact', match('"exact" is forbidden for resourceVersion "0"')],
      [
        'resourceVersion=0&resourceVersionMatch=Other',
        forbidden(
          'resourceVersionMatch: Unsupported value: "Other": supported values: "", "Exact", "NotOlderThan"',
        ),
      ],
      ['limit=2', 2],
      ['limit=2&resourceVersion=0', 2],
      [`limit=2&resourceVersion=${now}`, 2],
      [`limit=2&resourceVersion=${now}&resourceVersionMatch=Exact`, 2],
      [`limit=2&resourceVersion=${now}&resourceVersionMatch=NotOlderThan`, 2],
      [`limit=1&continue=${token}`, 1],
      [`continue=${token}`, 2],
      [`continue=${token}&resourceVersion=0`, 2],
      [`continue=${token}&resourceVersion=${now}`, both],
      [
        `continue=${token}&resourceVersion=0&resourceVersionMatch=NotOlderThan`,
        match('is forbidden when continue is provided'),
      ],
      ['continue=nonsense', { code: 400, body: { message: /continue key is not valid/ } }],
      [
        'sendInitialEvents=true',
        forbidden('sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list'),
      ],
      [
        'watch=1&resourceVersionMatch=NotOlderThan&resourceVersion=0',
        match('is forbidden for watch unless sendInitialEvents is provided'),
      ],
      [
        'watch=1&sendInitialEvents=true',
        forbidden(
          'resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
        ),
      ],
    ];
    for (const [query, expected] of cases) {
      const answer = await request('GET', `${maps}?${query}&labelSelector=listed`);
      if (typeof expected === 'number')
        t.equal(answer.body.items?.length, expected, `${query}: ${answer.text}`);
      else t.match(answer, expected, query);
    }
  },
);

t.test('a watch that begins with the present state says where it ends', async (t) => {
  const watch = await stream(
    `${maps}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1&fieldSelector=metadata.name=a`,
  );
  await watch.ended;
  const events = watch.lines.map((line) => JSON.parse(line) as { type: string; object: object });
  t.match(events, [
    { type: 'ADDED', object: { metadata: { name: 'a' } } },
    { type: 'BOOKMARK', object: { metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } } },
  ]);
});

t.test('unknown and duplicate fields, in bodies and patches of all sorts', async (t) => {
  const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: y\ndata:\n  k: b\n  k: c\nmore: 1\n';
  const json = '{"metadata":{"name":"y"},"data":{"k":"b","k":"c"},"more":1}';
  const twice = { yaml: 'line 7: key "k" already set in map', json: 'duplicate field "data.k"' };
  for (const [format, text] of [
    ['yaml', yaml],
    ['json', json],
  ] as const) {
    const send = (validation: string) =>
      request('POST', `${maps}?dryRun=All&fieldValidation=${validation}`, text, type(format));
    const ignored = await send('Ignore');
    t.match(ignored, { code: 201, body: { data: { k: 'c' } } }, `${format}: the last one counts`);
    t.equal(ignored.headers['warning'], undefined);
    const warned = await send('Warn');
    t.equal(warned.code, 201);
    t.match(warned.headers['warning'], JSON.stringify(twice[format]));
    t.match(warned.headers['warning'], '299 - "unknown field \\"more\\""');
    t.match((await send('Strict')).body, {
      code: 400,
      message: `ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: ${twice[format]}, unknown field "more"`,
    });
  }
  const patches: [format: string, text: string, why: string][] = [
    ['merge-patch+json', '{"data":{"k":"b","k":"c"}}', twice.json],
    ['strategic-merge-patch+json', '{"more":1}', 'unknown field "more"'],
    ['json-patch+json', '[{"op":"add","path":"/more","value":1}]', 'unknown field "more"'],
  ];
  for (const [format, text, why] of patches) {
    const send = (validation: string) =>
      request('PATCH', `${maps}/a?dryRun=All&fieldValidation=${validation}`, text, type(format));
    t.match((await send('Strict')).body, {
      code: 422,
      reason: 'Invalid',
      message: new RegExp(`^ "" is invalid: patch: Invalid value: ".*": strict decoding error: ${why}$`),
    });
    const warned = await send('Warn');
    t.match(warned, { code: 200, headers: { warning: `299 - ${JSON.stringify(why)}` } });
    t.equal((await send('Ignore')).headers['warning'], undefined);
  }
  const review = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews?fieldValidation=Strict';
  const asked = { spec: { resourceAttributes: { verb: 'get' } }, more: 1 };
  t.match((await request('POST', review, asked)).body, { code: 400, message: /unknown field "more"/ });
  const wrong = await request('PATCH', `${maps}/a`, '{"data":{"k":1}}', type('merge-patch+json'));
  t.match(wrong.body, { code: 422, message: /patch: Invalid value: .*cannot unmarshal number/ });
});

t.test('options that are not understood', async (t) => {
  const put = { metadata: { name: 'a' } };
  const cases: [method: string, query: string, body: object | undefined, format: string, why: string][] = [
    [
      'POST',
      'dryRun=Some',
      put,
      'json',
      'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: "Some": supported values: "All"',
    ],
    [
      'PUT',
      'fieldValidation=Some',
      put,
      'json',
      'UpdateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Some": supported values: "Ignore", "Strict", "Warn"',
    ],
    [
      'PATCH',
      'force=true',
      {},
      'merge-patch+json',
      'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    ],
    [
      'PATCH',
      '',
      {},
      'apply-patch+yaml',
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    ],
    [
      'PATCH',
      `fieldManager=${'m'.repeat(129)}`,
      {},
      'merge-patch+json',
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes',
    ],
    [
      'DELETE',
      'propagationPolicy=Some',
      undefined,
      'json',
      'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Some": supported values: "Background", "Foreground", "Orphan", "nil"',
    ],
    [
      'DELETE',
      '',
      { propagationPolicy: 'Orphan', orphanDependents: true },
      'json',
      'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
    ],
  ];
  for (const [method, query, body, format, message] of cases) {
    const path = method === 'POST' ? maps : `${maps}/a`;
    t.match(await request(method, `${path}?${query}`, body, type(format)), { code: 422, body: { message } });
  }
  t.match(await request('DELETE', `${maps}/a`, { apiVersion: 'v1', kind: 'Pod' }), {
    code: 400,
    body: { message: 'Pod in version "v1" cannot be handled as a DeleteOptions' },
  });
  t.match(await request('PATCH', `${maps}/a?fieldManager=m`, {}, type('apply-patch+yaml')), {
    code: 400,
    body: { message: 'incorrect version specified in apply patch. Specified patch version: , expected: v1' },
  });
  t.match(await request('GET', `${maps}/a?includeObject=Some`, undefined, TABLE), {
    code: 422,
    body: { message: /TableOptions\.meta\.k8s\.io "" is invalid: includeObject: Invalid value: "Some"/ },
  });
  t.match(await request('GET', `${maps}/a`), { code: 200 }, 'nothing has come of any of them');
});

t.test('a grace period below zero is the smallest', async (t) => {
  await request('POST', maps, { metadata: { name: 'graceful' } });
  t.match(await request('DELETE', `${maps}/graceful`, { gracePeriodSeconds: -5 }), { code: 200 });
});

t.test('answers that people read', async (t) => {
  const yaml = await request('GET', `${maps}/a`, undefined, { accept: 'application/yaml' });
  t.match(yaml, { code: 200, headers: { 'content-type': 'application/yaml' } });
  t.match(parse(yaml.text), { kind: 'ConfigMap', metadata: { name: 'a' }, data: { x: 'y' } });
  t.match(yaml.text, /^data:\n {2}x: y$/m);
  const missing = await request('GET', `${maps}/none`, undefined, { accept: 'application/yaml' });
  t.match(missing, { code: 404, headers: { 'content-type': 'application/yaml' } });
  t.match(parse(missing.text), { kind: 'Status', reason: 'NotFound' });
  const either = await request('GET', `${maps}/a`, undefined, {
    accept: 'application/json, application/yaml',
  });
  t.equal(either.headers['content-type'], 'application/json');
  const indented = /^\{\n {2}"kind": "ConfigMap",\n/;
  const get = async (query: string, agent: string): Promise<string> =>
    (await request('GET', `${maps}/a${query}`, undefined, { 'user-agent': agent })).text;
  t.match(await get('', 'curl/8.0'), indented);
  t.match(await get('?pretty=true', 'kubectl'), indented);
  t.notMatch(await get('?pretty=false', 'curl/8.0'), '\n  ');
  t.notMatch(await get('', 'kubectl/v1.34'), '\n  ');
});

t.test('whoever creates a Node says its status at once', async (t) => {
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n' },
    status: { capacity: { cpu: '2' }, conditions: [{ type: 'Ready', status: 'True' }] },
  };
  await kubectl.ok('create -f -', JSON.stringify(node));
  t.match(await kubectl.ok('get node n'), /^n +Ready/m);
  t.match((await request('GET', '/api/v1/nodes/n')).body.status, {
    ...node.status,
    allocatable: { cpu: '2' },
  });
  const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'x' }] } };
  const created = await request('POST', '/api/v1/namespaces/default/pods', {
    ...pod,
    status: { phase: 'Running' },
  });
  t.equal(created.body.status.phase, 'Pending', 'others do not');
});

t.test('a volume without a name is refused, however early it is looked at', async (t) => {
  const volumes = [null];
  const pod = { metadata: { name: 'bad' }, spec: { containers: [{ name: 'c', image: 'x' }], volumes } };
  t.match(await request('POST', '/api/v1/namespaces/default/pods', pod), {
    code: 422,
    body: { message: /spec\.volumes\[0\]\.name: Required value/ },
  });
});

t.test("what kubectl applied is not another manager's to take", async (t) => {
  const labels = { app: 'a' };
  const deployment = (image: string): string =>
    JSON.stringify({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'c', image }] } },
      },
    });
  await kubectl.ok('apply -f -', deployment('x'));
  await kubectl.ok('apply --server-side -f -', deployment('x'));
  const refused = await kubectl('apply --server-side --field-manager=other -f -', deployment('y'));
  t.match(refused, {
    code: 1,
    stderr:
      /1 conflict: conflict with "kubectl" using apps\/v1: \.spec\.template\.spec\.containers\[name="c"\]\.image/,
  });
  t.match(await kubectl.ok('get deployment web --subresource=scale'), /DESIRED +AVAILABLE.*\nweb +2 +0 /);
  const scale = '/apis/apps/v1/namespaces/default/deployments/web/scale?fieldValidation=Strict';
  t.match(await request('PATCH', scale, { spec: { replicas: 3 }, more: 1 }, type('merge-patch+json')), {
    code: 422,
    body: { message: /strict decoding error: unknown field "more"/ },
  });
});

t.test('an Eviction of an older version evicts', async (t) => {
  const pods = '/api/v1/namespaces/default/pods';
  await request('POST', pods, {
    metadata: { name: 'old' },
    spec: { containers: [{ name: 'c', image: 'x' }] },
  });
  const eviction = { apiVersion: 'policy/v1beta1', kind: 'Eviction', metadata: { name: 'old' } };
  t.match(await request('POST', `${pods}/old/eviction`, eviction), { code: 201 });
  t.match(await request('GET', `${pods}/old`), { code: 404 });
});
