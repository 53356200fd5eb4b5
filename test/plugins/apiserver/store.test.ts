/** What the API server says of the store below it, and to the store of who asks. */
import { connect } from 'nats';
import { ConfigMaps } from 'orlop/plugin';
import t from 'tap';
import { eventually } from '../../cluster.ts';
import { testApi } from './cluster.ts';

const api = await testApi(t);
const PATH = '/api/v1/namespaces/default/configmaps';

t.test('history shows on whose behalf the API server wrote', async (t) => {
  const body = { metadata: { name: 'whose' }, data: { n: '1' } };
  t.equal((await api.request('POST', PATH, body)).code, 201);
  t.equal((await api.request('PUT', `${PATH}/whose`, { ...body, data: { n: '2' } })).code, 200);
  const patch = { 'content-type': 'application/merge-patch+json' };
  t.equal((await api.request('PATCH', `${PATH}/whose`, { data: { n: '3' } }, patch)).code, 200);
  const { username } = (
    await api.request('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'SelfSubjectReview',
    })
  ).body.status.userInfo;
  const key = { namespace: 'default', name: 'whose' };
  const history = await api.kernel.objects.history(ConfigMaps, key);
  t.strictSame(
    history.map(({ writer, user }) => [writer, user]),
    Array.from({ length: 3 }, () => ['apiserver', username]),
  );
  t.equal((await api.request('DELETE', `${PATH}/whose`)).code, 200);
  t.match(await api.kernel.objects.history(ConfigMaps, key), [{ deleted: true, user: username }]);
});

t.test('metrics of the store', async (t) => {
  const { text } = await api.request('GET', '/metrics');
  const values = Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.split(' ')[0], Number(line.split(' ')[1])]),
  );
  t.ok(values['orlop_store_objects'] > 3, text);
  t.ok(values['orlop_store_bytes'] > 1_000);
  t.ok(values['orlop_store_watchers'] > 0);
  t.ok(values['orlop_store_messages_total'] >= values['orlop_store_flights_total']);
  t.equal(values['orlop_store_unknown_outcomes_total'], 0);
  t.equal((await api.request('GET', '/metrics', undefined, { authorization: '' })).code, 401);
});

t.test('it is ready while objects can be written', async (t) => {
  t.match(await api.request('GET', '/readyz'), { code: 200, text: 'ok' });
  const passed =
    '[+]ping ok\n[+]nats ok\n[+]informer-sync ok\n[+]authorizer ok\n[+]shutdown ok\nreadyz check passed\n';
  t.equal(await api.kubectl.ok('get --raw /readyz?verbose'), passed);
  t.equal((await api.request('GET', '/livez?verbose')).text, '[+]ping ok\nlivez check passed\n');
  t.match(await api.request('GET', '/readyz/nats'), { code: 200, text: 'ok' });
  t.match(await api.request('GET', '/readyz/etcd'), { code: 404 });
  const without = 'exclude=nats&exclude=etcd&exclude=b';
  t.equal(
    (await api.request('GET', `/readyz?verbose&${without}`)).text,
    passed
      .replace('nats ok', 'nats excluded: ok')
      .replace('readyz', 'warn: some health checks cannot be excluded: no matches for "b","etcd"\nreadyz'),
  );
  const { servers, user, pass } = api.kernel.nats.connection;
  const connection = await connect({ servers, user: user!, pass: pass! });
  t.teardown(() => connection.close());
  await (await connection.jetstreamManager()).streams.delete('orlop-objects');
  const refused = await eventually('it notices', async () => {
    const answer = await api.request('GET', '/readyz');
    return answer.code === 200 ? undefined : answer;
  });
  t.match(refused, {
    code: 500,
    text: /^\[\+\]ping ok\n\[-\]nats failed: objects cannot be written: .*\n\[[+-]\]informer-sync .*\n\[\+\]authorizer ok\n\[\+\]shutdown ok\nreadyz check failed\n$/,
  });
  const anonymous = await api.request('GET', '/readyz', undefined, { authorization: '' });
  t.match(anonymous, { code: 500, text: /\[-\]nats failed: reason withheld\n/ });
  t.match(await api.request('GET', '/readyz/nats'), { code: 500, text: /^internal server error: objects/ });
  t.match(await api.request('GET', '/livez'), { code: 200, text: 'ok' }, 'it lives');
});
