/** Live connections pass from an instance to its successor. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { definePlugin, type Listener, type PluginDeclaration } from 'orlop/plugin';
import t from 'tap';
import { testKernel } from '../cluster.ts';

interface Seen {
  port: number;
  /** What each instance was told when it passed its connection on at its stop. */
  passed: boolean[];
}

/** Answers each line with its version and the line. */
function lines(version: string, seen: Seen): PluginDeclaration {
  return definePlugin({
    name: 'lines',
    kind: 'lines.v1',
    version,
    description: 'Answers lines.',
    grants: { host: ['net'] },
    async start(ctx) {
      const open = new Map<Socket, (chunk: Buffer) => void>();
      const listener: Listener = await ctx.listen({ host: '127.0.0.1', port: 0 }, (socket) => {
        const answer = (chunk: Buffer): void => void socket.write(`${version} ${chunk.toString()}`);
        open.set(socket, answer);
        socket.on('data', answer);
        socket.resume();
      });
      seen.port = listener.port;
      return {
        stop() {
          for (const [socket, answer] of open) {
            socket.pause();
            socket.off('data', answer);
            if (version === 'two') socket.unshift('unread\n');
            seen.passed.push(listener.pass(socket));
          }
        },
      };
    },
  }) as PluginDeclaration;
}

t.test('a connection is passed on through swaps, with what was not read', async (t) => {
  const seen: Seen = { port: 0, passed: [] };
  const kernel = await testKernel(t, { plugins: [lines('one', seen)] });
  const socket = connect(seen.port, '127.0.0.1');
  socket.setEncoding('utf8');
  const ask = async (line: string): Promise<string> => {
    socket.write(`${line}\n`);
    const [answer] = (await once(socket, 'data')) as [string];
    return answer.trim();
  };
  t.equal(await ask('a'), 'one a');
  await kernel.swap('lines', lines('two', seen));
  t.equal(await ask('b'), 'two b');
  const unread = once(socket, 'data');
  await kernel.swap('lines', lines('three', seen));
  t.same(await unread, ['three unread\n']);
  t.equal(await ask('c'), 'three c');

  const ended = once(socket, 'close');
  await kernel.stop();
  await ended;
  t.same(seen.passed, [true, true, false], 'after the last there is nobody');
});
