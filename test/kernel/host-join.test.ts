/** Plugins join and leave a worker thread that runs, and are kept to its memory. */
import { type PluginObject, Plugins, Pods, Secrets } from 'orlop/plugin';
import t, { type Test } from 'tap';
import aesgcm from '../../plugins/secrets/aesgcm/index.ts';
import { eventually, type TestKernel, testKernel } from '../cluster.ts';

const module = (path: string): string => new URL(path, import.meta.url).href;
const echo = { module: module('./host-plugins/echo.js'), config: { word: 'hi' } };
const guest = module('./host-plugins/guest.js');
const secrets = { module: module('../../plugins/secrets/aesgcm/index.js') };
const timing = { health: 200, restart: 50 };

interface Look {
  thread: number;
  revision: number;
  maps: number;
  pods: string[];
  secret: object | null;
}

async function ask(kernel: TestKernel, spec: PluginObject['spec'], name = 'guest'): Promise<void> {
  const there = await kernel.objects.get(Plugins, { name });
  if (!there) await kernel.objects.create(Plugins, { metadata: { name }, spec });
  else await kernel.objects.modify(Plugins, { name }, (draft) => void Object.assign(draft, { spec }));
}

async function look(kernel: TestKernel, expected: (seen: Look) => unknown = () => true): Promise<Look> {
  return await eventually('the guest answers', async () => {
    const seen = await kernel.bus.request<Look>('guest.look', null).catch(() => undefined);
    return seen && expected(seen) ? seen : undefined;
  });
}

/** Asks the plugin that was there all the time, again and again: of each answer the thread. The returned function ends it. */
function load(kernel: TestKernel): () => Promise<number[]> {
  let on = true;
  const threads: number[] = [];
  const asking = (async () => {
    while (on) threads.push((await kernel.bus.request<Look>('echo.who', null)).thread);
  })();
  return async () => {
    on = false;
    await asking;
    return threads;
  };
}

async function told(
  kernel: TestKernel,
  what: string,
  expected: (object: PluginObject) => unknown,
): Promise<PluginObject> {
  return await eventually(what, async () => {
    const found = (await kernel.objects.get(Plugins, { name: 'guest' }))?.value;
    return found && expected(found) ? found : undefined;
  });
}

t.test('a plugin joins a worker that runs, and leaves it, with nothing failed there', async (t) => {
  const pods = { module: module('./host-plugins/tenant.js') };
  const kernel = await testKernel(t, { plugins: [echo, pods, secrets], timing });
  await kernel.objects.create(Secrets, {
    metadata: { namespace: 'default', name: 's' },
    data: { a: 'Yg==' },
  });
  const pod = (name: string) =>
    kernel.objects.create(Pods, { metadata: { namespace: 'default', name }, spec: { containers: [] } });
  await pod('before');
  const finish = load(kernel);

  await ask(kernel, { module: guest, isolation: 'worker/test' });
  const { thread } = await kernel.bus.request<Look>('echo.who', null);
  t.same(
    await look(kernel),
    { thread, revision: 1, maps: 1, pods: ['before'], secret: { a: 'Yg==' } },
    'it sees what the thread did not hold before',
  );
  await pod('after');
  t.same((await look(kernel, ({ pods }) => pods.length === 2)).pods, ['after', 'before']);
  await told(
    kernel,
    'it is shown',
    ({ status }) => status?.phase === 'Running' && status.isolation === 'worker/test',
  );
  await kernel.swap('echo', echo);
  await ask(kernel, { module: `${guest}?again`, isolation: 'worker/test' });
  t.match(await look(kernel, ({ revision }) => revision === 2), { thread, pods: ['after', 'before'] });

  for (const [isolation, revision] of [
    ['inline', 3],
    ['worker/test', 4],
  ] as const) {
    await ask(kernel, { module: guest, isolation });
    const seen = await look(kernel, (seen) => seen.revision === revision);
    t.equal(seen.thread === thread, isolation === 'worker/test', `it goes to ${isolation}`);
    t.match(seen, { pods: ['after', 'before'], secret: { a: 'Yg==' } });
    await told(
      kernel,
      'it is shown there',
      ({ status }) => status?.phase === 'Running' && status.isolation === isolation,
    );
  }
  await kernel.objects.delete(Plugins, { name: 'guest' });
  await eventually('it is gone', () => !kernel.plugins().some(({ name }) => name === 'guest'));
  await t.rejects(kernel.bus.request('guest.look', null), { message: /nobody serves/ });

  await ask(kernel, { module: 'data:text/javascript,', isolation: 'worker/test' });
  await told(kernel, 'what is no plugin is refused', ({ status }) =>
    /no plugin declaration/.test(status?.message ?? ''),
  );
  await ask(kernel, { module: guest, isolation: 'worker/test' });
  await look(kernel);
  const answered = await finish();
  t.same([...new Set(answered)], [thread], `${answered.length} requests were answered, by one thread`);

  kernel.bus.publish('echo.die', null);
  const next = await look(kernel, (seen) => seen.thread !== thread);
  t.match(next, { pods: ['after', 'before'], secret: { a: 'Yg==' } }, 'it is in the next thread as well');
  const again = await told(
    kernel,
    'that is told',
    ({ status }) => status?.phase === 'Running' && status.instances?.[0]?.restarts,
  );
  t.match(again.status?.instances?.[0], { restarts: 1, lastError: /^worker "test" died: .*told to die/ });
});

// V8 sees to the heap itself, also while the thread answers nobody; buffers are seen by the next ping.
for (const [greedy, health] of [
  ['heap', 60_000],
  ['buffers', 200],
] as const) {
  t.test(
    `a worker that takes too much memory in ${greedy} is ended and started again; the kernel goes on`,
    async (t: Test) => {
      const kernel = await testKernel(t, { plugins: [echo, secrets], timing: { ...timing, health } });
      const finish = load(kernel);
      await ask(kernel, {
        module: guest,
        isolation: 'worker/greedy',
        config: { greedy },
        resources: { limits: { memory: '48Mi' } },
      });
      const seen = await told(
        kernel,
        'it is ended again and again',
        ({ status }) => status?.instances?.[0]?.restarts,
      );
      const { lastError, message } = seen.status!.instances![0]!;
      t.match(
        lastError,
        /^worker "greedy" died: plugin "guest" revision \d+: out of memory: its limit is 48Mi$/,
      );
      if (seen.status?.phase === 'Failed')
        t.match(message, /out of memory: its limit is 48Mi; trying again in 0\.\d+ s/);
      await ask(kernel, {
        module: guest,
        isolation: 'worker/greedy',
        resources: { limits: { memory: '48Mi' } },
      });
      await told(
        kernel,
        'it is well with less',
        ({ status }) => status?.phase === 'Running' && status.healthy,
      );
      t.equal(new Set(await finish()).size, 1, 'the other thread was never touched');
    },
  );
}

t.test('a limit of memory is for a worker, and has a least', async (t) => {
  const kernel = await testKernel(t, { timing });
  for (const [spec, message] of [
    [
      { resources: { limits: { memory: '64Mi' } } },
      /it runs inline, and only a worker can be: give isolation worker\/NAME/,
    ],
    [
      { isolation: 'worker/small', resources: { limits: { memory: '1Mi' } } },
      /cannot be limited to 1Mi of memory: it must be a quantity of at least 16Mi, e\.g\. "128Mi"/,
    ],
  ] as const) {
    await ask(kernel, { module: guest, ...spec });
    await told(kernel, 'it is refused', ({ status }) => message.test(status?.message ?? ''));
  }
  t.equal(kernel.plugins().length, 0);
});

t.test('a worker that one plugin could not enter is there for the next', async (t) => {
  const kernel = await testKernel(t, { plugins: [aesgcm], timing });
  await ask(kernel, { module: guest, isolation: 'worker/late' });
  await told(kernel, 'it cannot read Secrets there', ({ status }) =>
    /plugin "secrets-aesgcm" cannot run in worker "late": give its module/.test(status?.message ?? ''),
  );
  await ask(kernel, { module: module('./host-plugins/tenant.js'), isolation: 'worker/late' }, 'tenant');
  const tenant = () => kernel.plugins().find(({ name }) => name === 'tenant');
  await eventually('the other runs', () => tenant()?.phase === 'Running');
  t.equal(tenant()?.isolation, 'worker/late');
});
