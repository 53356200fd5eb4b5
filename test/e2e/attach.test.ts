/** The streams of containers that run, with the real kubectl and a Docker engine. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { Attach, KubeConfig } from '@kubernetes/client-node';
import t from 'tap';
import { kubectlPath } from '../kubectl.ts';
import { commandImage } from '../runtimes/wasm-guests.ts';
import { testdir } from '../testdir.ts';
import { type Running, until, upWith } from './orlop.ts';

const IMAGE = 'busybox:1.36';
const PODS = `
apiVersion: v1
kind: Pod
metadata:
  name: box
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: lines
    image: ${IMAGE}
    stdin: true
    command: [sh, -c, "while read line; do echo got $line; echo err >&2; done; echo end; sleep 100000"]
  - name: terminal
    image: ${IMAGE}
    stdin: true
    tty: true
    command: [sh, -c, "while read line; do stty size; tty; done"]
  - name: deaf
    image: ${IMAGE}
    command: [sh, -c, "cat; sleep 100000"]
`;

let cluster: Running;
t.before(async () => {
  cluster = await upWith(t, PODS, IMAGE);
});

t.test('kubectl run -i', async (t) => {
  const { kubectl } = cluster;
  const run = ['run', 'once', '-i', '--rm', '--quiet', '--restart=Never', `--image=${IMAGE}`, '--'];
  t.equal(await kubectl.ok([...run, 'cat'], 'typed'), 'typed', 'input, and its end');
  t.equal(await kubectl.ok([...run, 'wc', '-c'], 'x'.repeat(3_000_000)), '3000000\n', 'much of it');
  const large = 'y\n'.repeat(1_500_000);
  t.ok((await kubectl.ok([...run, 'cat'], large)) === large, 'and much back');
  const failed = await kubectl([...run, 'sh', '-c', 'cat; exit 7'], 'out');
  t.match(failed, { code: 7, stdout: 'out' }, "the container's exit code");
  t.match(await kubectl('get pod once'), { code: 1 }, '--rm removes the pod');
});

t.test('kubectl run -i of a WebAssembly command', async (t) => {
  const image = await commandImage(testdir(t));
  const spec = { runtimeClassName: 'wasm', containers: [{ name: 'once', image }] };
  const flags = ['--override-type=strategic', `--overrides=${JSON.stringify({ spec })}`];
  const run = ['run', 'once', '-i', '--rm', '--quiet', '--restart=Never', '--image=a', ...flags];
  t.equal(await cluster.kubectl.ok([...run, '--', 'copy'], 'typed'), 'typed');
});

t.test('who leaves, leaves the container running', async (t) => {
  for (const word of ['one', 'two']) {
    const session = start('attach', '-i', 'box', '-c', 'lines');
    session.child.stdin.write(`${word}\n`);
    await until('an answer', 10_000, () => session.text().includes('err'));
    t.match(session.text(), new RegExp(`got ${word}\n`));
    await session.leave();
  }
  const ended = start('attach', '-i', 'box', '-c', 'lines');
  ended.child.stdin.end('three\n');
  await until('an answer', 10_000, () => ended.text().includes('got three'));
  t.notMatch(ended.text(), /end/, 'without stdinOnce the input never ends');
  await ended.leave();
  const status = await cluster.kubectl.ok(
    'get pod box -o jsonpath={.status.containerStatuses[*].restartCount}',
  );
  t.equal(status, '0 0 0');
});

t.test('a container without input', async (t) => {
  const session = start('attach', '-i', 'box', '-c', 'deaf');
  session.child.stdin.end('anybody?\n');
  await until('kubectl speaks', 10_000, () => session.text() !== '');
  t.match(session.text(), /pressing enter/, 'a session all the same');
  await session.leave();
});

t.test('a terminal', async (t) => {
  const kubectl = `${kubectlPath()} attach -it box -c terminal`;
  const child = spawn('script', ['-qec', `stty rows 33 cols 111; ${kubectl}`, '/dev/null'], {
    env: { ...process.env, KUBECONFIG: join(cluster.place.data, 'kubeconfig') },
  });
  let seen = '';
  child.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()));
  const typing = setInterval(() => child.stdin.write('\n'), 300);
  await until('its size', 20_000, () => /33 111\r\n\/dev\/pts/.test(seen)).finally(() =>
    clearInterval(typing),
  );
  t.match(seen, /33 111/, "the terminal has the client's size");
  child.stdin.write('\x04');
  await once(child, 'close');
  t.pass('the end of the input ends the program, and that the session');
});

t.test('another client', async (t) => {
  const config = new KubeConfig();
  config.loadFromFile(join(cluster.place.data, 'kubeconfig'));
  const [out, err, input] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const ws = await new Attach(config).attach('default', 'box', 'lines', out, err, input, false);
  input.write('four\n');
  const [said] = await once(out, 'data');
  t.equal(String(said), 'got four\n');
  const [also] = await once(err, 'data');
  t.equal(String(also), 'err\n');
  ws.close();
});

t.test('what cannot be attached to', async (t) => {
  t.match(await cluster.kubectl('attach none'), { code: 1, stderr: /pods "none" not found/ });
  t.match(await cluster.kubectl('attach box -c none'), { code: 1, stderr: /none/ });
});

function start(...args: string[]) {
  const child = spawn(kubectlPath(), args, {
    env: { ...process.env, KUBECONFIG: join(cluster.place.data, 'kubeconfig') },
  });
  const closed = once(child, 'close');
  let seen = '';
  child.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (seen += chunk.toString()));
  const leave = async (): Promise<void> => {
    child.kill('SIGKILL');
    await closed;
  };
  return { child, leave, text: () => seen };
}
