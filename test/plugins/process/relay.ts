/** Programs of examples and tests, as plugins: on their standard streams, and over NATS. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connect, type Msg } from 'nats';
import type { Test } from 'tap';
import type { TestKernel } from '../../cluster.ts';
import { testdir } from '../../testdir.ts';

/** Python is not compiled: it lies in the source tree. */
export const root = fileURLToPath(new URL('../../../../', import.meta.url));

/** A manifest like that of a folder of the tree, with these changes. */
export function like(t: Test, folder: string, changes: object): { module: string } {
  const given = JSON.parse(readFileSync(`${root}${folder}/plugin.json`, 'utf8')) as object;
  return manifest(t, { ...given, ...changes });
}

/** One of `services.py`. */
export function services(t: Test, changes: object): { module: string } {
  const command = ['python3', `${root}test/plugins/process/services.py`];
  const about = { name: 'services', version: '1.0.0', description: 'Gives a service.' };
  return manifest(t, { ...about, command, ...changes });
}

function manifest(t: Test, content: object): { module: string } {
  return { module: `${testdir(t, { 'plugin.json': JSON.stringify(content) })}/plugin.json` };
}

/** Serves `subject` for a program that knows standard streams only: each session is a child of its own. Until the test's teardown. */
export async function relay(
  t: Test,
  kernel: TestKernel,
  subject: string,
  [file, ...args]: readonly [string, ...string[]],
): Promise<void> {
  const { host, username, password } = new URL(kernel.natsUrl);
  const connection = await connect({
    servers: host,
    ...(username ? { user: username, pass: password } : {}),
  });
  const sessions = new Map<string, { child: ChildProcessWithoutNullStreams; asked: Map<number, Msg> }>();
  const open = (session: string) => {
    const child = spawn(file, args);
    const asked = new Map<number, Msg>();
    createInterface(child.stdout).on('line', (line) => {
      asked.get((JSON.parse(line) as { id: number }).id)?.respond(line);
    });
    child.stdin.on('error', () => undefined);
    child.once('exit', () => sessions.delete(session));
    const opened = { child, asked };
    sessions.set(session, opened);
    return opened;
  };
  connection.subscribe(`${subject}.in.*`, {
    callback: (_error, message) => {
      const session = message.subject.split('.').at(-1)!;
      const { child, asked } = sessions.get(session) ?? open(session);
      asked.set(message.json<{ id: number }>().id, message);
      child.stdin.write(`${message.string()}\n`);
    },
  });
  t.teardown(async () => {
    await connection.close();
    for (const { child } of sessions.values()) child.kill();
  });
  connection.publish(`${subject}.announce`, 'null');
}
