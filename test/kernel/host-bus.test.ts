/** What a plugin serves on the bus is served throughout its swaps, each request once. */
import { text } from 'node:stream/consumers';
import { isolationText, parseIsolation } from 'orlop/plugin';
import t from 'tap';
import { type TestKernel, testKernel } from '../cluster.ts';

const servant = { module: new URL('./host-plugins/servant.js', import.meta.url).href };
const SWAPS = Number(process.env['ORLOP_TEST_SWAPS'] ?? 60);
/** Milliseconds that are no waiting for a timeout, however busy the machine is. */
const SLOW = 4_000;

/** Asks in every way without pause. The returned function ends that, and says how many were answered, and which were not. */
function load(kernel: TestKernel, from: string): () => Promise<{ answered: number; failures: string[] }> {
  let on = true;
  let answered = 0;
  const failures: string[] = [];
  const ways: Record<string, () => Promise<unknown>> = {
    request: () => kernel.bus.request('servant.ask', `${from} ${answered}`),
    queue: () => kernel.bus.request('servant.queue', null),
    stream: async () => {
      const stream = await kernel.bus.openStream('servant.stream', null);
      stream.end();
      if (!(await text(stream))) throw new Error('ended early');
    },
  };
  const running = Object.entries(ways).map(async ([way, ask]) => {
    while (on) {
      const begun = performance.now();
      await ask().then(
        () => (answered += 1),
        (error: Error) => failures.push(`${way}: ${error.message}`),
      );
      const took = performance.now() - begun;
      if (took > SLOW) failures.push(`${way} took ${Math.round(took)} ms`);
    }
  });
  return async () => {
    on = false;
    await Promise.all(running);
    return { answered, failures };
  };
}

t.test('no request and no stream is lost, or handled twice, while who serves it is swapped', async (t) => {
  const kernel = await testKernel(t, { plugins: [servant] });
  const other = await testKernel(t, { join: kernel });
  const handled: unknown[] = [];
  kernel.bus.subscribe('served.ask', (id) => void handled.push(id));
  const loads = [load(kernel, 'here'), load(other, 'elsewhere')];
  for (let i = 1; i <= SWAPS; i++) {
    await kernel.swap('servant', servant);
    if (i % 10 !== 0) continue;
    const ill = { ...servant, config: { ill: true } };
    await t.rejects(kernel.swap('servant', ill), { message: /told to be ill/ });
  }
  for (const finish of loads) {
    const { answered, failures } = await finish();
    t.same(failures, [], 'nothing failed');
    t.ok(answered > SWAPS, `${answered} were answered`);
  }
  t.equal(new Set(handled).size, handled.length, 'each request was handled once');
});

interface Who {
  thread: number | 'main';
  revision: number;
  generation: number;
}

t.test('nor while it goes from thread to thread, with its state', async (t) => {
  const kernel = await testKernel(t, { plugins: [{ ...servant, isolation: 'inline' }] });
  const other = await testKernel(t, { join: kernel });
  const handled: unknown[] = [];
  kernel.bus.subscribe('served.ask', (id) => void handled.push(id));
  const who = () => kernel.bus.request<Who>('servant.who', null);
  t.same(await who(), { thread: 'main', revision: 1, generation: 0 });
  const loads = [load(kernel, 'here'), load(other, 'elsewhere')];
  const threads = new Set<unknown>();
  const round = ['worker/a', 'worker/b', 'inline'] as const;
  for (let i = 1; i <= 6; i++) {
    const isolation = parseIsolation(round[(i - 1) % 3]!)!;
    const ill = { ...servant, config: { ill: true }, isolation };
    const refused = new RegExp(`"servant" was not swapped, revision ${i} goes on: .*told to be ill`);
    if (i < 4) await t.rejects(kernel.swap('servant', ill), { message: refused });
    await kernel.swap('servant', { ...servant, isolation });
    const { thread, ...rest } = await who();
    threads.add(thread);
    t.equal(thread === 'main', isolation === 'inline', `it is in ${isolationText(isolation)}`);
    t.same(rest, { revision: i + 1, generation: i });
    const shown = kernel.plugins();
    t.match(shown, [{ isolation: isolationText(isolation), phase: 'Running', revision: i + 1 }]);
  }
  t.equal(threads.size, 5, 'a thread ends when nothing is left in it');
  for (const finish of loads) {
    const { answered, failures } = await finish();
    t.same(failures, [], 'nothing failed');
    t.ok(answered > 6, `${answered} were answered`);
  }
  t.equal(new Set(handled).size, handled.length, 'each request was handled once');
});
