/** What becomes of a plugin whose worker dies while something is being made of it. `host-worker.test.ts` kills workers at rest. */
import { type Json, Leases, parseIsolation } from 'orlop/plugin';
import t, { type Test } from 'tap';
import { eventually, type TestKernel, testKernel } from '../cluster.ts';

interface Place {
  thread: number;
  revision: number;
}

/** Never in a test: what happens happens at once, or not at all. */
const NEVER = 600_000;

/** Says where it starts. `waits`, in its start or its drain: until the test lets it go on, with `fails` to throw then. */
function module(name: string, rest = ''): { module: string } {
  const text = `
    import { threadId } from 'node:worker_threads';
    export default {
      name: '${name}', kind: 'mover.v1', version: '1.0.0', description: 'Goes from thread to thread.',
      grants: { subscribe: ['*.*'], publish: ['test.*'] },
      config: { type: 'object', properties: { waits: { type: 'string' }, ends: { type: 'string' } } }, ${rest}
      async start(ctx) {
        const place = { thread: threadId, revision: ctx.plugin.revision };
        const wait = async (step) => {
          if (ctx.config.waits !== step) return;
          await ctx.bus.request('test.wait', step, { timeout: 60_000 });
          if (ctx.config.ends === 'fails') throw new Error('no');
        };
        await ctx.bus.request('test.starts', { name: '${name}', ...place });
        if (ctx.config.ends === 'dies') process.nextTick(() => { throw new Error('dies at its start'); });
        await wait('start');
        ctx.bus.serve('${name}.here', () => place);
        ctx.bus.subscribe('${name}.die', () => setImmediate(() => { throw new Error('told to die'); }));
        ctx.bus.serve('${name}.hang', () => { setImmediate(() => { for (;;); }); return null; });
        return { drain: () => wait('drain') };
      },
    };`;
  return { module: `data:text/javascript,${encodeURIComponent(text)}` };
}

const base = await testKernel(t);
const mover = module('mover');
const other = { ...module('other'), isolation: parseIsolation('worker/a')! };
const inWorker = (source: { module: string }, config = {}) => ({ ...other, ...source, config });
const inline = (source: { module: string }, config = {}) => ({
  ...source,
  config,
  isolation: 'inline' as const,
});

interface Trial {
  kernel: TestKernel;
  /** Where `mover` has been started, in order. */
  starts: Place[];
  /** Resolves when one waits. */
  waiting: Promise<void>;
  goOn(): void;
}

async function trial(t: Test, mover: object, timing: object): Promise<Trial> {
  const starts: Place[] = [];
  let isWaiting = (): void => {};
  let goOn = (): void => {};
  const waiting = new Promise<void>((resolve) => (isWaiting = resolve));
  const going = new Promise<null>((resolve) => (goOn = () => resolve(null)));
  const serve = (subject: string, answer: (data: Json) => null | Promise<null>): void => {
    const { close } = base.bus.serve(subject, answer);
    t.teardown(() => close());
  };
  serve('test.starts', (start) => {
    const { name, ...place } = start as unknown as Place & { name: string };
    if (name === 'mover') starts.push(place);
    return null;
  });
  serve('test.wait', () => {
    isWaiting();
    return going;
  });
  serve('test.ready', () => null);
  await base.bus.request('test.ready', null);
  const plugins = [mover as typeof other, other];
  const kernel = await testKernel(t, { join: base, plugins, timing });
  return { kernel, starts, waiting, goOn };
}

const here = (kernel: TestKernel, name = 'mover') => kernel.bus.request<Place>(`${name}.here`, null);
const status = (kernel: TestKernel, name = 'mover') => kernel.plugins().find((each) => each.name === name)!;

/** Ends the worker by what `other` does; returns when that runs again. */
async function die(kernel: TestKernel): Promise<Place> {
  const { revision } = await here(kernel, 'other');
  kernel.bus.publish('other.die', null);
  await eventually('the worker runs again', () => {
    const now = status(kernel, 'other');
    return now.phase === 'Running' && now.revision > revision;
  });
  return await here(kernel, 'other');
}

async function dieForGood(kernel: TestKernel): Promise<void> {
  await eventually('it runs', () => status(kernel, 'other').phase === 'Running');
  kernel.bus.publish('other.die', null);
  await eventually('the worker has died', () => status(kernel, 'other').phase === 'Failed');
}

t.test('a plugin goes by the name of its place in the next thread as well', async (t) => {
  const single = { ...module('single', 'singleton: true,'), isolation: parseIsolation('worker/a')! };
  const { kernel } = await trial(t, single, { restart: 20 });
  await kernel.swap('single', inWorker(module('my-single', 'singleton: true,')));
  await die(kernel);
  await eventually('it is told of', () => status(kernel, 'single').phase === 'Running');
  t.match(status(kernel, 'single'), { revision: 3, restarts: 1 });
  const leases = await kernel.objects.list(Leases, { namespace: 'kube-system' });
  t.same(
    leases.items.map(({ key }) => key.name),
    ['single'],
    'and by it has its lease',
  );
  await kernel.swap('single', inWorker(single));
  t.match(await here(kernel, 'single'), { revision: 4 });
});

t.test('the worker that a plugin is on its way to dies', async (t) => {
  const { kernel, starts, waiting, goOn } = await trial(t, inline(mover, { waits: 'drain' }), {
    restart: 20,
  });
  const moved = kernel.swap('mover', inWorker(mover));
  await waiting;
  const { thread } = await die(kernel);
  t.same(starts, [{ thread: 0, revision: 1 }], 'nothing starts before its turn');
  goOn();
  await moved;
  t.same(starts.slice(1), [{ thread, revision: 2 }], 'it goes to the next thread');
  t.match(status(kernel), { phase: 'Running', isolation: 'worker/a', revision: 2 });
});

for (const ends of ['runs', 'fails']) {
  t.test(`the worker that a plugin has drained in dies, and its successor ${ends}`, async (t) => {
    const { kernel, starts, waiting, goOn } = await trial(t, inWorker(mover), { restart: 20 });
    const moved = kernel.swap('mover', inline(mover, { waits: 'start', ends }));
    await waiting;
    const { thread } = await die(kernel);
    t.match(
      starts,
      [{ revision: 1 }, { thread: 0, revision: 2 }],
      'it is not started again beside its successor',
    );
    goOn();
    if (ends === 'runs') {
      await moved;
      t.match(await here(kernel), { thread: 0, revision: 2 });
      t.match(status(kernel), { phase: 'Running', isolation: 'inline' });
    } else {
      await t.rejects(moved, { message: /mover.*: no/ });
      await eventually('it is back', () => status(kernel).phase === 'Running');
      t.match(await here(kernel), { thread });
      t.match(status(kernel), { isolation: 'worker/a' });
    }
    t.equal(starts.length, ends === 'runs' ? 2 : 3);
  });
}

t.test(
  'the worker that a plugin drains in dies: it goes without what it would have handed over',
  async (t) => {
    const { kernel, waiting } = await trial(t, inWorker(mover, { waits: 'drain' }), { restart: NEVER });
    const moved = kernel.swap('mover', inline(mover));
    await waiting;
    await dieForGood(kernel);
    await moved;
    await eventually('it runs', () => status(kernel).phase === 'Running');
    t.match(await here(kernel), { thread: 0 });
    t.match(status(kernel), { isolation: 'inline' });
  },
);

t.test('a worker that waits to be started again does not hold up what is asked of it', async (t) => {
  const { kernel, starts } = await trial(t, inWorker(mover), { restart: NEVER });
  await dieForGood(kernel);
  await kernel.swap('mover', inWorker(mover, { ends: 'never' }));
  await eventually('it runs', () => status(kernel).phase === 'Running');
  t.match(await here(kernel), starts.at(-1)!);
  t.match(status(kernel), { isolation: 'worker/a', restarts: 1 });

  await dieForGood(kernel);
  await kernel.swap('mover', inline(mover));
  await eventually('it runs', () => status(kernel).phase === 'Running');
  t.match(await here(kernel), { thread: 0 });
  t.equal(status(kernel, 'other').phase, 'Failed');

  await kernel.swap('mover', inWorker(mover));
  t.match(status(kernel), { phase: 'Running', isolation: 'worker/a' });
  t.equal(starts.length, 4, 'each time once');
});

t.test('a plugin that hangs is replaced; one that has its thread die is not taken', async (t) => {
  const { kernel, starts } = await trial(t, inWorker(mover), { restart: 20, health: 500 });
  await kernel.bus.request('mover.hang', null);
  await kernel.swap('mover', inWorker(mover, { ends: 'never' }));
  await eventually('it runs', () => status(kernel).phase === 'Running');
  t.match(await here(kernel), starts.at(-1)!);
  t.equal(starts.length, 2, 'the one that hung is not started again');

  await t.rejects(kernel.swap('mover', inWorker(mover, { ends: 'dies' })), { message: /dies at its start/ });
  await eventually('the one before is back', () => status(kernel).phase === 'Running');
  t.match(await here(kernel), starts.at(-1)!);
});
