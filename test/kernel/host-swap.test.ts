import { once } from 'node:events';
import { createServer, get, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import {
  ConfigMaps,
  type Context,
  definePlugin,
  type PluginDeclaration,
  provide,
  StatusError,
  service,
} from 'orlop/plugin';
import t from 'tap';
import { eventually, testKernel } from '../cluster.ts';

interface Counter {
  next(): number;
  readonly word: string;
  reset?(): void;
}
const Counter = service<Counter>('counter.v1');

interface Reader {
  read(call: string): Promise<string>;
}
const Reader = service<Reader>('reader.v1');

/** Counts, and hands the count over. */
function counter(word: string, rest: Partial<PluginDeclaration> = {}): PluginDeclaration {
  return definePlugin({
    name: 'counter',
    kind: 'counter.v1',
    version: word,
    description: 'Counts.',
    provides: [Counter],
    start(ctx) {
      let count = (ctx.inherited?.state as number | undefined) ?? 0;
      let draining = false;
      return {
        provides: [
          provide(Counter, {
            word,
            next() {
              if (draining && count < 0) throw new Error('impossible');
              count += 1;
              return count;
            },
          }),
        ],
        drain() {
          draining = true;
          return { schema: 1, state: count };
        },
        resume() {
          draining = false;
        },
      };
    },
    ...rest,
  });
}

t.test('a successor inherits the state, and callers keep their proxy', async (t) => {
  const kernel = await testKernel(t, { plugins: [counter('one')] });
  const held = kernel.service(Counter);
  t.equal(held.next(), 1);
  t.equal(held.next(), 2);
  t.equal(held.word, 'one');
  await kernel.swap('counter', counter('two'));
  t.equal(held.next(), 3);
  t.equal(held.word, 'two');
  t.match(kernel.plugins(), [{ phase: 'Running', revision: 2, version: 'two', healthy: true }]);
});

t.test('a swap that fails leaves the old instance serving', async (t) => {
  const undone: string[] = [];
  const kernel = await testKernel(t, { plugins: [counter('one')], timing: { swap: 300 } });
  const held = kernel.service(Counter);
  held.next();
  const cases: [string, Partial<PluginDeclaration>, RegExp][] = [
    [
      'throws',
      {
        start(ctx) {
          ctx.defer(() => void undone.push('throws'));
          throw new Error('no luck');
        },
      },
      /plugin "counter" was not swapped, revision 1 goes on: plugin "counter" revision 2: no luck/,
    ],
    [
      'hangs',
      {
        start(ctx) {
          ctx.defer(() => void undone.push('hangs'));
          return new Promise(() => {});
        },
      },
      /start took longer than \d+ ms/,
    ],
    [
      'is unhealthy',
      {
        start: () => ({
          provides: [provide(Counter, { word: 'sick', next: () => -1 })],
          health: () => ({ healthy: false, message: 'fever' }),
          stop: () => void undone.push('is unhealthy'),
        }),
      },
      /is unhealthy: fever/,
    ],
    ['skips', { start: (ctx) => ctx.skip('not here') }, /skipped: not here/],
    [
      'does not provide it',
      { start: () => ({}) },
      /declares counter\.v1 in provides, but start did not return it/,
    ],
    [
      'is of another kind',
      { kind: 'counter.v2' },
      /is of kind counter\.v1; it cannot be swapped for "counter" of kind counter\.v2/,
    ],
    ['needs what nobody provides', { requires: { x: service('x.v1') } }, /requires x\.v1/],
    [
      'is in another thread',
      { isolation: { worker: 'w' } },
      /plugin "counter" cannot run in worker "w": give its module, a declaration cannot enter a thread/,
    ],
  ];
  for (const [what, rest, message] of cases) {
    await t.rejects(kernel.swap('counter', counter('bad', rest)), { message }, what);
    t.equal(held.word, 'one', `${what}: the old one serves`);
    t.match(kernel.plugins(), [{ phase: 'Running', version: 'one', healthy: true }]);
  }
  t.same(undone, ['throws', 'hangs', 'is unhealthy']);
  t.equal(held.next(), 2);
  await kernel.swap('counter', counter('two'));
  t.equal(held.next(), 3);
  await t.rejects(kernel.swap('countr', counter('two')), {
    message: /no plugin "countr" is loaded; did you mean "counter"\?/,
  });
});

t.test('while nobody provides a service its methods say so, and its properties stay', async (t) => {
  const fail: (() => void)[] = [];
  const plugin = counter('one', {
    start: () => ({
      provides: [provide(Counter, { word: 'one', next: () => 1 })],
      failed: new Promise((resolve) => fail.push(() => resolve(new Error('broken')))),
    }),
  });
  const kernel = await testKernel(t, { plugins: [plugin], timing: { restart: 200 } });
  const held = kernel.service(Counter);
  fail[0]!();
  await eventually('it has failed', () => kernel.plugins()[0]!.phase === 'Failed');
  t.throws(() => held.next(), {
    reason: 'ServiceUnavailable',
    message: /no plugin provides counter.v1 at present/,
  });
  t.equal(held.word, 'one');
  await eventually('it is back', () => kernel.plugins()[0]!.phase === 'Running');
  t.equal(held.next(), 1);
});

t.test('a start that ends after it was given up is stopped', async (t) => {
  let release: (() => void) | undefined;
  const late = new Promise<string>((resolve) => {
    release = () => resolve('stopped');
  });
  let finish: ((instance: object) => void) | undefined;
  const kernel = await testKernel(t, { plugins: [counter('one')], timing: { swap: 50 } });
  const slow = counter('slow', {
    start: () =>
      new Promise((resolve) => {
        finish = resolve;
      }),
  });
  await t.rejects(kernel.swap('counter', slow), { message: /took longer/ });
  finish!({ stop: () => release!() });
  t.equal(await late, 'stopped');
});

t.test('what has been swapped out can do nothing any more', async (t) => {
  const contexts: Context[] = [];
  const keeper = (version: string): PluginDeclaration =>
    definePlugin({
      name: 'keeper',
      kind: 'keeper.v1',
      version,
      description: 'Keeps its context.',
      grants: { objects: [{ resource: ConfigMaps, verbs: '*' }], publish: ['a.b'], host: ['net'] },
      start(ctx) {
        contexts.push(ctx as Context);
        return {};
      },
    }) as PluginDeclaration;
  const kernel = await testKernel(t, { plugins: [keeper('1')] });
  await kernel.swap('keeper', keeper('2'));
  const [old, present] = contexts as [Context, Context];
  const revoked = {
    message: /plugin "keeper" revision 1 was replaced by revision 2: its context is revoked/,
  };
  await t.rejects(old.objects.list(ConfigMaps), revoked);
  t.throws(() => old.bus.publish('a.b', 1), revoked);
  await t.rejects(
    old.listen({ host: '127.0.0.1', port: 0 }, () => {}),
    revoked,
  );
  t.ok(old.signal.aborted);
  await present.objects.list(ConfigMaps);
  t.notOk(present.signal.aborted);
});

t.test('a call in hand at the flip keeps its access until it ends', async (t) => {
  const contexts: Context[] = [];
  const started = new Map<string, () => void>();
  const reader = (version: string): PluginDeclaration =>
    definePlugin({
      name: 'reader',
      kind: 'reader.v1',
      version,
      description: 'Reads when it is let go.',
      provides: [Reader],
      grants: { objects: [{ resource: ConfigMaps, verbs: '*' }] },
      start(ctx) {
        contexts.push(ctx as Context);
        ctx.objects.watch(ConfigMaps, { initial: true }, { event() {}, closed() {} });
        const read = async (call: string): Promise<string> => {
          await new Promise<void>((resolve) => started.set(call, resolve));
          return `${version} ${(await ctx.objects.list(ConfigMaps)).items.length}`;
        };
        return { provides: [provide(Reader, { read })] };
      },
    }) as PluginDeclaration;
  const kernel = await testKernel(t, { plugins: [reader('one')], timing: { stop: 500 } });
  const held = kernel.service(Reader);
  // Its own, and the host's on Plugin objects.
  await eventually('both watch', () => kernel.objects.stats().watchers === 2);
  const [ends, hangs] = [held.read('ends'), held.read('hangs')];
  await kernel.swap('reader', reader('two'));
  const present = held.read('present');
  t.equal(kernel.objects.stats().watchers, 2, 'what it had opened is closed');
  started.get('ends')!();
  t.equal(await ends, 'one 0');
  started.get('present')!();
  t.equal(await present, 'two 0');
  await eventually('a call that does not end keeps it no longer than a stop may take', () =>
    contexts[0]!.objects.list(ConfigMaps).then(
      () => false,
      () => true,
    ),
  );
  started.get('hangs')!();
  await t.rejects(hangs, { message: /was replaced by revision 2: its context is revoked/ });
});

/** An HTTP server behind `ctx.listen` that ends its keep-alive connections politely. */
function web(version: string, port: number, seen: { port: number }): PluginDeclaration {
  return definePlugin({
    name: 'web',
    kind: 'web.v1',
    version,
    description: 'Answers its version.',
    grants: { host: ['net'] },
    async start(ctx) {
      const server: Server = createServer((_, response) => {
        response.setHeader('connection', 'close');
        setTimeout(() => response.end(version), 2);
      });
      const open = new Set<Socket>();
      const listener = await ctx.listen({ host: '127.0.0.1', port }, (socket) => {
        open.add(socket);
        socket.once('close', () => open.delete(socket));
        server.emit('connection', socket);
      });
      seen.port = listener.port;
      return {
        async stop() {
          for (const socket of open) if (!socket.destroyed) await once(socket, 'close');
        },
      };
    },
  }) as PluginDeclaration;
}

t.test('50 swaps under connections fail none and leave nothing behind', async (t) => {
  const seen = { port: 0 };
  const kernel = await testKernel(t, { plugins: [web('v0', 0, seen)] });
  const { port } = seen;
  const ask = (): Promise<string> =>
    new Promise((resolve, reject) => {
      get({ port, host: '127.0.0.1', agent: false }, (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += String(chunk);
        });
        response.on('end', () => resolve(text));
      }).on('error', reject);
    });
  let swapping = true;
  const answers = new Map<string, number>();
  const load = Array.from({ length: 4 }, async () => {
    while (swapping) {
      const answer = await ask();
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  });
  const handles = (): number =>
    process.getActiveResourcesInfo().filter((each) => /TCPServer|TCPServerWrap/.test(each)).length;
  const before = handles();
  for (let i = 1; i <= 50; i++) {
    await kernel.swap('web', web(`v${i}`, 0, seen));
    if (seen.port !== port || (await ask()) !== `v${i}`) t.fail(`v${i} has not taken the socket over`);
  }
  swapping = false;
  await Promise.all(load);
  t.ok(answers.size > 25, `the load was answered by ${answers.size} versions`);
  t.equal(handles(), before, 'no listening socket is left');
});

t.test('connections wait while a swap is under way, and the old one has them when it fails', async (t) => {
  const seen = { port: 0 };
  const kernel = await testKernel(t, { plugins: [web('old', 0, seen)] });
  const { port } = seen;
  let fail: ((error: Error) => void) | undefined;
  const stuck = definePlugin({
    ...web('new', 0, seen),
    async start(ctx) {
      await ctx.listen({ host: '127.0.0.1', port: 0 }, () => {});
      await ctx.listen({ host: '127.0.0.2', port: 0 }, () => {});
      return await new Promise<never>((_, reject) => {
        fail = reject;
      });
    },
  }) as PluginDeclaration;
  const swap = kernel.swap('web', stuck);
  swap.catch(() => {});
  while (!fail) await new Promise((resolve) => setTimeout(resolve, 5));
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  let data = '';
  socket.on('data', (chunk) => {
    data += String(chunk);
  });
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  fail(new StatusError('Invalid', 'no'));
  await t.rejects(swap, { message: /revision 1 goes on/ });
  await once(socket, 'close');
  t.match(data, /200 OK[\s\S]*old/);
});

t.test('what an instance forgot to close is closed with it', async (t) => {
  const heard: number[] = [];
  const forgetful = (version: string): PluginDeclaration =>
    definePlugin({
      name: 'forgetful',
      kind: 'forgetful.v1',
      version,
      description: 'Never closes anything.',
      grants: {
        objects: [{ resource: ConfigMaps, verbs: '*' }],
        subscribe: ['heard.>'],
        publish: ['heard.>'],
        host: ['net'],
      },
      async start(ctx) {
        ctx.objects.watch(ConfigMaps, { initial: true }, { event() {}, closed() {} });
        ctx.bus.subscribe('heard.it', () => void heard.push(ctx.plugin.revision));
        // Not asked for by its successor: closed at the flip.
        await ctx.listen({ host: `127.0.0.${2 + (ctx.plugin.revision % 100)}`, port: 0 }, () => {});
        return {};
      },
    }) as PluginDeclaration;
  const kernel = await testKernel(t, { plugins: [forgetful('0')] });
  const servers = (): number =>
    process.getActiveResourcesInfo().filter((each) => each.startsWith('TCPServer')).length;
  // The plugin's, and the host's own on Plugin objects.
  const watchers = 2;
  await eventually('both watch', () => kernel.objects.stats().watchers === watchers);
  const before = servers();
  for (let i = 1; i <= 50; i++) await kernel.swap('forgetful', forgetful(String(i)));
  t.equal(servers(), before);
  await eventually('no watch is left', () => kernel.objects.stats().watchers === watchers);
  kernel.bus.publish('heard.it', null);
  await eventually('it is heard', () => heard.length > 0);
  t.same(heard, [51], 'by the present instance only');
});
