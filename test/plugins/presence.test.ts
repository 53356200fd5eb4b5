import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { attend, definePlugin, type Member, type PluginDeclaration, Roll } from 'orlop/plugin';
import t, { type Test } from 'tap';
import { natsBy } from '../../plugins/cli/nats/server/index.ts';
import presence from '../../plugins/presence/index.ts';
import { eventually, type TestKernel, testKernel } from '../cluster.ts';
import { testdir } from '../testdir.ts';

const INTERVAL = 300;
const plugins = [presence as PluginDeclaration];
const config = { presence: { intervalSeconds: INTERVAL / 1000, roles: ['server'] } };

interface Heard {
  change: string;
  member: Member;
  at: number;
}

function follow(t: Test, kernel: TestKernel): { heard: Heard[]; members(): Member[] } {
  const heard: Heard[] = [];
  const attendance = attend(kernel.bus, (change, member) => {
    heard.push({ change, member, at: performance.now() });
  });
  t.teardown(() => attendance.close());
  return { heard, members: () => attendance.members() };
}

function of(heard: Heard[], id: string): string[] {
  return heard.filter(({ member }) => member.id === id).map(({ change }) => change);
}

t.test('the roll', async (t) => {
  const heard: string[] = [];
  const roll = new Roll((change, { id, session }) => heard.push(`${change} ${id}${session}`));
  const member = (id: string, session: string): Member => ({
    id,
    session,
    started: '',
    version: '1',
    roles: [],
  });
  roll.here({ member: member('a', '1'), interval: 10 }, 0);
  roll.here({ member: member('b', '1'), interval: 100 }, 0);
  roll.here({ member: member('a', '1'), interval: 10 }, 20);
  roll.expire(49);
  t.same(heard.splice(0), ['joined a1', 'joined b1']);
  roll.expire(50);
  t.same(heard.splice(0), ['left a1']);
  roll.here({ member: member('b', '2'), interval: 100 }, 60);
  roll.bye(member('b', '1'));
  t.same(heard.splice(0), ['left b1', 'joined b2'], 'a late goodbye is not that of the next run');
  roll.bye(member('b', '2'));
  roll.bye(member('b', '2'));
  t.same(heard.splice(0), ['left b2']);
});

t.test('kernels know of each other as they come and go', async (t) => {
  const first = await testKernel(t, { plugins, config });
  await new Promise((resolve) => setTimeout(resolve, 50));
  const asked = performance.now();
  const { heard, members } = follow(t, first);
  await eventually('it sees itself', () => members().length === 1);
  t.ok(performance.now() - asked < INTERVAL, 'because it asked');
  t.match(members()[0], { id: first.id, roles: ['server'], started: /T/ });

  const second = await testKernel(t, { join: first, plugins, config, node: 'edge' });
  await eventually('the second joins', () => of(heard, second.id).length === 1);
  t.match(
    members().find(({ id }) => id === second.id),
    { node: 'edge' },
  );
  const there = follow(t, second);
  await eventually('and knows the first', () => there.members().length === 2);

  first.bus.publish('presence.here', { member: { id: 'x' }, interval: 1 });
  first.bus.publish('presence.here', null);
  await first.swap('presence', plugins[0]!);
  for (const end = performance.now() + 4 * INTERVAL; performance.now() < end; );
  await new Promise((resolve) => setTimeout(resolve, 4 * INTERVAL));
  t.same(
    of(there.heard, first.id),
    ['joined'],
    'a swap is no goodbye, a process that stood still misses nobody, and noise is none',
  );
  t.equal(there.members().length, 2);

  const stopping = performance.now();
  await second.stop();
  await eventually('its goodbye is heard', () => of(heard, second.id).length === 2);
  t.ok(heard.at(-1)!.at - stopping < 3 * INTERVAL, 'at once');
  const again = await testKernel(t, { join: first, plugins, config, node: 'edge', dataDir: second.dataDir });
  await eventually('it is back', () => of(heard, second.id).length === 3);
  t.equal(again.id, second.id);
});

t.test('one that is killed is missed, one that was restarted at once is another run', async (t) => {
  const first = await testKernel(t, { plugins, config });
  const { heard } = follow(t, first);
  const dataDir = testdir(t);
  const other = async (): Promise<ChildProcess> => {
    const child = spawn(
      process.execPath,
      [
        join(dirname(fileURLToPath(import.meta.url)), 'presence-child.js'),
        dataDir,
        first.natsUrl,
        String(INTERVAL),
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    t.teardown(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    return child;
  };
  const child = await other();
  await eventually('it joins', () => heard.some(({ member }) => member.id !== first.id));
  const { member } = heard.find((each) => each.member.id !== first.id)!;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
  const killed = performance.now();
  const next = await other();
  await eventually('its next run joins', () => of(heard, member.id).length === 3);
  t.same(of(heard, member.id), ['joined', 'left', 'joined']);
  next.kill('SIGKILL');
  await eventually('it is missed', () => of(heard, member.id).length === 4);
  t.ok(performance.now() - killed > INTERVAL);
  t.equal(of(heard, member.id).at(-1), 'left');
});

t.test('one whose line is cut is missed, and back when the line is', async (t) => {
  const first = await testKernel(t, { plugins, config });
  const sockets = new Set<Socket>();
  let cut = false;
  const nats = new URL(first.natsUrl);
  const relay = createServer((socket) => {
    if (cut) return void socket.destroy();
    const onward = dial(Number(nats.port), nats.hostname);
    for (const each of [socket, onward]) {
      sockets.add(each);
      each.on('error', () => undefined);
    }
    socket.pipe(onward).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const { port } = relay.address() as { port: number };
  const url = new URL(first.natsUrl);
  url.port = String(port);
  const second = await testKernel(t, { nats: natsBy({ url: url.href }), plugins, config });
  t.teardown(() => {
    for (const each of sockets) each.destroy();
    relay.close();
  });
  const { heard } = follow(t, first);
  const there = follow(t, second);
  await eventually('both are there', () => there.members().length === 2 && of(heard, second.id).length === 1);
  cut = true;
  for (const each of sockets) each.destroy();
  await eventually('the second is missed', () => of(heard, second.id).includes('left'));
  await eventually('and misses the first', () => of(there.heard, first.id).includes('left'));
  cut = false;
  await eventually('they are back', () => there.members().length === 2 && of(heard, second.id).length === 3);
});

t.test('a plugin in a worker thread attends like any other', async (t) => {
  const watcher = { module: new URL('./presence-watcher.js', import.meta.url).href };
  const kernel = await testKernel(t, { plugins: [...plugins, watcher], config });
  await eventually('it sees the kernel, and only that', async () => {
    const ids = await kernel.bus.request<string[]>('watcher.ids', null);
    return ids.length === 1 && ids[0] === kernel.id;
  });
  const blind = definePlugin({
    name: 'blind',
    kind: 'watcher.v1',
    version: '1.0.0',
    description: 'Has no grants.',
    start(ctx) {
      attend(ctx.bus);
      return {};
    },
  });
  const other = await testKernel(t, { plugins: [blind as PluginDeclaration] });
  t.match(other.plugins()[0]?.message, /may not subscribe to "presence\.here": add it to its grants/);
});
