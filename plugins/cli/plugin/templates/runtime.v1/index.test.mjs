import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProcessRuntime } from './index.mjs';

test('a container is a process, with a log and an exit code', async () => {
  const runtime = new ProcessRuntime();
  const container = { name: 'main', image: '/bin/sh' };
  const pod = { metadata: { name: 'p', namespace: 'default', uid: '1' }, spec: { containers: [container] } };
  const bridge = { cidr: '10.0.0.0/24', gateway: '10.0.0.1' };
  const { id } = await runtime.runPodSandbox({ pod, ip: '127.0.0.2', bridge, hostname: 'p' });
  const env = [{ name: 'WHO', value: 'you' }];
  const args = ['-c', 'echo hello $WHO; exit 3'];
  const config = { pod, container, attempt: 0, imageId: '', env, command: undefined, args, mounts: [] };
  const made = await runtime.createContainer(id, config);
  const exited = new Promise((resolve) => {
    runtime.onContainerEvent(({ type }) => type === 'exited' && resolve(undefined));
  });
  await runtime.startContainer(made.id);
  await exited;
  const lines = [];
  for await (const { data } of runtime.containerLogs(made.id, {})) lines.push(Buffer.from(data).toString());
  assert.deepEqual(lines, ['hello you\n']);
  assert.equal((await runtime.containerStatus(made.id))?.exitCode, 3);
  await runtime.close();
  assert.deepEqual(await runtime.listPodSandbox(), []);
});
