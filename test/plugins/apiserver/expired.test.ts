/** 410 Gone: revisions this server no longer knows, and how clients go on after it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CoreV1Api, KubeConfig, makeInformer, type V1ConfigMap } from '@kubernetes/client-node';
import t from 'tap';
import { stablePort } from '../../../plugins/cli/ports.ts';
import { eventually } from '../../cluster.ts';
import { testdir } from '../../testdir.ts';
import { type TestApi, testApi } from './cluster.ts';

const PATH = '/api/v1/namespaces/default/configmaps';
const gone = { kind: 'Status', status: 'Failure', code: 410, reason: 'Expired' };

const create = async ({ request }: TestApi, ...names: string[]): Promise<void> => {
  for (const name of names) t.match(await request('POST', PATH, { metadata: { name } }), { code: 201 });
};

t.test('revisions from before a restart', async (t) => {
  const dataDir = testdir(t);
  const first = await testApi(t, { dataDir });
  await create(first, 'a', 'b');
  const page = (await first.request('GET', `${PATH}?limit=1`)).body.metadata;
  const old: string = page.resourceVersion;
  await create(first, 'c', 'd');
  await first.kernel.stop();
  const { request, stream } = await testApi(t, { dataDir });

  const watch = await stream(`${PATH}?watch=1&resourceVersion=${old}`);
  await watch.ended;
  const events = watch.lines.map((line) => JSON.parse(line) as object);
  t.match(events, [{ type: 'ERROR', object: gone }], 'a watch is told, and ends');
  const exact = `${PATH}?resourceVersion=${old}&resourceVersionMatch=Exact`;
  t.match(await request('GET', exact), { code: 410, body: gone }, 'a list of exactly that state');
  const next = `${PATH}?limit=1&continue=${encodeURIComponent(page.continue as string)}`;
  t.match(await request('GET', next), { code: 410, body: gone }, 'the next page of it');
  t.match(await request('GET', `${PATH}?resourceVersion=${old}`), { code: 200 }, 'a list not older');
  t.match(await request('GET', `${PATH}/a?resourceVersion=${old}`), { code: 200 }, 'an object not older');
});

t.test('an informer goes on after it', async (t) => {
  const dataDir = testdir(t);
  const address = { address: '127.0.0.1', port: await stablePort() };
  const at = { dataDir, config: { apiserver: address } };
  const first = await testApi(t, at);
  await create(first, 'one', 'two');

  const config = new KubeConfig();
  config.loadFromFile(first.kubeconfig);
  const api = config.makeApiClient(CoreV1Api);
  let lists = 0;
  const informer = makeInformer<V1ConfigMap>(config, PATH, () => {
    lists += 1;
    return api.listNamespacedConfigMap({ namespace: 'default' });
  });
  const names = new Set<string>();
  informer.on('add', ({ metadata }) => void names.add(metadata!.name!));
  informer.on('delete', ({ metadata }) => void names.delete(metadata!.name!));
  let stopped = false;
  t.teardown(async () => {
    stopped = true;
    await informer.stop();
  });
  // As its users do: it gives up when the connection breaks.
  const again = async (): Promise<void> => {
    await sleep(100);
    if (!stopped) await informer.start().catch(again);
  };
  informer.on('error', () => void again());
  await informer.start();
  await eventually('the first list', () => names.has('one') && names.has('two'));

  await first.kernel.stop();
  // Changes that the next server no longer has as events.
  const between = await testApi(t, { dataDir });
  await create(between, 'three');
  await between.request('DELETE', `${PATH}/one`);
  await between.kernel.stop();
  const last = await testApi(t, at);
  await eventually('what changed meanwhile', () => names.has('three') && !names.has('one'));
  t.ok(lists >= 2, 'it listed again');
  await create(last, 'four');
  await eventually('what changes now', () => names.has('four'));
});
