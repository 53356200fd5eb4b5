import t from 'tap';
import { selection } from '../../../plugins/apiserver/handlers/selection.ts';
import { acceptedForm } from '../../../plugins/apiserver/http/accept.ts';
import { deleteOptions, listQuery, writeOptions } from '../../../plugins/apiserver/http/options.ts';
import { parseResourcePath } from '../../../plugins/apiserver/http/path.ts';
import { jsonPatch } from '../../../plugins/apiserver/patch/json.ts';
import { mergePatch } from '../../../plugins/apiserver/patch/merge.ts';
import { podRow } from '../../../plugins/apiserver/resources/kinds/pods.ts';
import { firstAddress } from '../../../plugins/apiserver/server/addresses.ts';

const query = (text: string): URLSearchParams => new URLSearchParams(text);
const refused = (reason: string, message?: RegExp) => ({
  name: 'StatusError',
  reason,
  ...(message ? { message } : {}),
});

t.test('paths', async (t) => {
  const core = {
    group: '',
    version: 'v1',
    namespace: undefined,
    subresource: undefined,
    rest: '',
    watch: false,
  };
  t.strictSame(parseResourcePath('/api/v1/pods'), { ...core, resource: 'pods', name: undefined });
  t.strictSame(parseResourcePath('/api/v1/namespaces/a%2Fb'), {
    ...core,
    resource: 'namespaces',
    name: 'a/b',
  });
  t.match(parseResourcePath('/api/v1/namespaces/x/status'), {
    resource: 'namespaces',
    name: 'x',
    subresource: 'status',
  });
  t.match(parseResourcePath('/api/v1/namespaces/x/pods/'), { namespace: 'x', resource: 'pods' });
  t.match(parseResourcePath('/apis/apps/v1/namespaces/x/deployments/d/scale'), {
    group: 'apps',
    version: 'v1',
    namespace: 'x',
    resource: 'deployments',
    name: 'd',
    subresource: 'scale',
  });
  t.match(parseResourcePath('/api/v1/namespaces/x/services/s/proxy/a/b'), {
    subresource: 'proxy',
    rest: '/a/b',
  });
  t.match(parseResourcePath('/api/v1/watch/namespaces/x/pods/p'), { watch: true, namespace: 'x', name: 'p' });
  for (const path of ['/api', '/api/v1', '/apis', '/apis/apps', '/apis/apps/v1/']) {
    t.equal(parseResourcePath(path), undefined, path);
  }
  t.throws(() => parseResourcePath('/api/v1/pods/%zz'), refused('BadRequest'));
});

t.test('what form a client accepts', async (t) => {
  const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  t.equal(acceptedForm(''), 'Object');
  t.equal(acceptedForm('*/*'), 'Object');
  t.equal(
    acceptedForm(`${table},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json`),
    'Table',
  );
  t.equal(acceptedForm('application/vnd.kubernetes.protobuf,application/json'), 'Object');
  t.equal(
    acceptedForm('application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io'),
    'PartialObjectMetadataList',
  );
  t.equal(acceptedForm(`application/json;q=0.5, ${table};q=0.9`), 'Table');
  t.throws(() => acceptedForm('image/png'), refused('NotAcceptable'));
  t.throws(() => acceptedForm('application/json;as=Chair;v=v1;g=meta.k8s.io'), refused('NotAcceptable'));
});

t.test('query parameters of lists and watches', async (t) => {
  t.match(listQuery(query('limit=5&resourceVersion=12&timeoutSeconds=3')), {
    limit: 5,
    resourceVersion: 12,
    watch: false,
    timeoutSeconds: 3,
  });
  t.match(
    listQuery(
      query('watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'),
    ),
    {
      watch: true,
      sendInitialEvents: true,
      allowWatchBookmarks: true,
    },
  );
  for (const text of [
    'resourceVersionMatch=Exact',
    'resourceVersionMatch=Exact&resourceVersion=0',
    'resourceVersionMatch=Sideways&resourceVersion=1',
    'resourceVersionMatch=NotOlderThan&resourceVersion=1&continue=x',
    'sendInitialEvents=true',
    'watch=true&sendInitialEvents=true',
    'watch=true&resourceVersionMatch=NotOlderThan&resourceVersion=1',
  ]) {
    t.throws(() => listQuery(query(text)), refused('Invalid'), text);
  }
  for (const text of ['limit=x', 'limit=-1', 'resourceVersion=abc', 'timeoutSeconds=1.5']) {
    t.throws(() => listQuery(query(text)), refused('BadRequest'), text);
  }
});

t.test('query parameters of writes', async (t) => {
  t.match(writeOptions(query('dryRun=All&fieldManager=m&fieldValidation=Strict&force=true'), ''), {
    dryRun: true,
    fieldManager: 'm',
    fieldValidation: 'Strict',
    force: true,
  });
  t.match(writeOptions(query(''), 'kubectl/v1.34 (linux)'), {
    fieldManager: 'kubectl',
    fieldValidation: 'Warn',
  });
  for (const text of ['dryRun=Some', 'fieldValidation=Maybe', `fieldManager=${'x'.repeat(129)}`]) {
    t.throws(() => writeOptions(query(text), ''), refused('Invalid'), text);
  }
  const body = {
    gracePeriodSeconds: 5,
    preconditions: { uid: 'u', resourceVersion: '7' },
    propagationPolicy: 'Foreground',
  };
  t.match(deleteOptions(query('gracePeriodSeconds=9&dryRun=All'), body), {
    gracePeriodSeconds: 5,
    uid: 'u',
    revision: 7,
    propagationPolicy: 'Foreground',
    dryRun: true,
  });
  t.match(deleteOptions(query('orphanDependents=true'), {}), { propagationPolicy: 'Orphan' });
  t.throws(() => deleteOptions(query('propagationPolicy=Never'), {}), refused('Invalid'));
  t.throws(() => deleteOptions(query(''), { gracePeriodSeconds: 'x' }), refused('BadRequest'));
});

t.test('selectors', async (t) => {
  const pod = (name: string, phase: string, labels = {}) => ({
    metadata: { name, namespace: 'x', labels },
    status: { phase },
  });
  const all = selection(podRow, '', '');
  t.equal(all.where, undefined);
  const one = selection(podRow, '', 'metadata.name=a,metadata.namespace=x');
  t.match(one, { name: 'a', namespace: 'x' });
  const running = selection(podRow, 'app in (web)', 'status.phase!=Failed,metadata.name!=z').where!;
  t.ok(running(pod('a', 'Running', { app: 'web' })));
  t.notOk(running(pod('a', 'Failed', { app: 'web' })));
  t.notOk(running(pod('z', 'Running', { app: 'web' })));
  t.notOk(running(pod('a', 'Running')));
  t.throws(
    () => selection(podRow, '', 'spec.colour=red'),
    refused('BadRequest', /field label not supported: spec.colour/),
  );
  t.throws(() => selection(podRow, '', '__proto__=red'), refused('BadRequest'));
  t.throws(() => selection(podRow, '', 'nonsense'), refused('BadRequest', /can't understand 'nonsense'/));
  t.throws(() => selection(podRow, 'a in b', ''), refused('BadRequest'));
});

t.test('JSON patch and merge patch', async (t) => {
  const target = { a: { b: 1 }, list: [1, 2] };
  t.strictSame(
    jsonPatch(target, [
      { op: 'add', path: '/list/-', value: 3 },
      { op: 'remove', path: '/a/b' },
    ]),
    {
      a: {},
      list: [1, 2, 3],
    },
  );
  t.strictSame(target, { a: { b: 1 }, list: [1, 2] }, 'the target is left alone');
  t.throws(() => jsonPatch(target, { op: 'add' }), refused('BadRequest'));
  t.throws(() => jsonPatch(target, [{ op: 'fly', path: '/a' }]), refused('BadRequest'));
  t.throws(() => jsonPatch(target, [{ op: 'test', path: '/a/b', value: 2 }]), refused('Invalid'));
  t.throws(() => jsonPatch(target, [{ op: 'remove', path: '/none/x' }]), refused('Invalid'));
  t.throws(() => jsonPatch(target, [{ op: 'add', path: '/__proto__/x', value: 1 }]));
  t.strictSame(mergePatch(target, { a: { b: null, c: { d: null, e: 1 } }, list: [9] }), {
    a: { c: { e: 1 } },
    list: [9],
  });
  const hostile = mergePatch({}, JSON.parse('{"__proto__":{"polluted":true}}')) as Record<string, unknown>;
  t.equal(({} as Record<string, unknown>)['polluted'], undefined);
  t.notOk('polluted' in hostile && !Object.hasOwn(hostile, '__proto__'));
});

t.test('the first address of the service network', async (t) => {
  t.equal(firstAddress('10.96.0.0/16'), '10.96.0.1');
  t.equal(firstAddress('192.168.255.128/25'), '192.168.255.129');
  t.equal(firstAddress('10.1.2.3/8'), '10.0.0.1');
});
