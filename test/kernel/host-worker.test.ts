import { ConfigMaps, definePlugin, Plugins, Secrets } from 'orlop/plugin';
import t from 'tap';
import aesgcm from '../../plugins/secrets/aesgcm/index.ts';
import { eventually, type TestKernel, testKernel } from '../cluster.ts';

const echo = { module: new URL('./host-plugins/echo.js', import.meta.url).href };
const secrets = { module: new URL('../../plugins/secrets/aesgcm/index.js', import.meta.url).href };
const identity = { module: new URL('../../plugins/secrets/identity/index.js', import.meta.url).href };
const timing = { health: 500, restart: 20, stop: 5_000 };

interface Who {
  word: string;
  main: boolean;
  thread: number;
  revision: number;
  inherited: string;
}

/** Who answers, once somebody does. */
async function who(kernel: TestKernel, expected: (answer: Who) => boolean = () => true): Promise<Who> {
  return await eventually('the worker answers', async () => {
    const answer = await kernel.bus.request<Who>('echo.who', null, { timeout: 1_000 }).catch(() => undefined);
    return answer && expected(answer) ? answer : undefined;
  });
}

t.test('a plugin runs in a worker thread with a kernel of its own', async (t) => {
  const kernel = await testKernel(t, { plugins: [{ ...echo, config: { word: 'hi' } }, secrets], timing });
  t.match(await who(kernel), { word: 'hi', main: false, revision: 1 });
  t.match(
    kernel.plugins().find(({ name }) => name === 'echo'),
    { phase: 'Running', isolation: 'worker/test', revision: 1 },
  );
  await eventually('its object says so', async () => {
    const object = (await kernel.objects.get(Plugins, { name: 'echo' }))?.value;
    return object?.status?.isolation === 'worker/test' && object.status.phase === 'Running';
  });
  const maps = await kernel.objects.list(ConfigMaps, { namespace: 'default' });
  t.equal(maps.items[0]?.value.data?.['word'], 'hi', 'what it writes is in the store');

  await kernel.objects.create(Secrets, {
    metadata: { namespace: 'default', name: 's' },
    data: { a: 'Yg==' },
  });
  t.same(await kernel.bus.request('echo.secret', null), { a: 'Yg==' }, 'it decodes Secrets itself');

  const failing = { ...aesgcm, start: () => Promise.reject(new Error('not today')) };
  await t.rejects(kernel.swap('secrets-aesgcm', failing), { message: /needs a module/ });
  for (const next of [identity, secrets, identity]) {
    await kernel.swap('secrets-aesgcm', next);
    await kernel.objects.modify(Secrets, { namespace: 'default', name: 's' }, (draft) => {
      draft.data = { a: Buffer.from(next.module).toString('base64') };
    });
    const { data } = (await kernel.objects.get(Secrets, { namespace: 'default', name: 's' }))!.value;
    await eventually('it follows another encoding', async () => {
      const seen = await kernel.bus.request('echo.secret', null);
      return JSON.stringify(seen) === JSON.stringify(data);
    });
  }

  await kernel.swap('echo', { ...echo, config: { word: 'ho' } });
  t.match(await who(kernel), { word: 'ho', revision: 2, inherited: 'hi' });
  await t.rejects(kernel.swap('echo', { ...echo, config: { wrod: 'ho' } }), {
    message: /did you mean "word"/,
  });
});

t.test('a worker that dies or hangs is replaced', async (t) => {
  const kernel = await testKernel(t, { plugins: [echo, secrets], timing });
  const first = await who(kernel);
  kernel.bus.publish('echo.die', null);
  const second = await who(kernel, ({ thread }) => thread !== first.thread);
  t.equal(second.revision, first.revision + 1);
  // It answers before its start is over; one that hangs in there has as long as any start.
  const echoes = (revision: number) => kernel.plugins().find((each) => each.revision === revision)?.phase;
  await eventually('it has started', () => echoes(second.revision) === 'Running');
  kernel.bus.publish('echo.hang', null);
  const third = await who(kernel, ({ thread }) => thread !== second.thread);
  t.equal(third.revision, second.revision + 1);
  await eventually('it is shown running', () => kernel.plugins()[0]?.phase === 'Running');
});

t.test('what cannot enter a thread is refused', async (t) => {
  const here = definePlugin({
    ...aesgcm,
    name: 'here',
    provides: [],
    isolation: { worker: 'w' },
    start: () => ({}),
  });
  await t.rejects(testKernel(t, { plugins: [here] }), {
    message: /plugin "here" cannot run in worker "w": give its module, a declaration cannot enter a thread/,
  });
});
