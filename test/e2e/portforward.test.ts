/** Ports of pods on this machine, with the real kubectl and a Docker engine. */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { KubeConfig, PortForward } from '@kubernetes/client-node';
import t from 'tap';
import { kubectlPath } from '../kubectl.ts';
import { httpGet, type Running, until, upWith } from './orlop.ts';

const PODS = `
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: nginx
    image: nginx:1.14.2
    command: [sh, -c, "yes 0123456789 | head -c 5000000 >/usr/share/nginx/html/large; exec nginx -g 'daemon off;'"]
    readinessProbe: { tcpSocket: { port: 80 }, periodSeconds: 1 }
  - name: echo
    image: busybox:1.36
    command: [nc, -ll, -p, "9000", -e, cat]
    readinessProbe: { tcpSocket: { port: 9000 }, periodSeconds: 1 }
`;

let cluster: Running;
let forwarded: Record<'web' | 'echo' | 'nobody', number>;
t.before(async () => {
  cluster = await upWith(t, PODS, 'busybox:1.36', 'nginx:1.14.2');
  const kubeconfig = join(cluster.place.data, 'kubeconfig');
  const child = spawn(kubectlPath(), ['port-forward', 'pod/web', ':80', ':9000', ':9'], {
    env: { ...process.env, KUBECONFIG: kubeconfig },
  });
  const exited = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGINT');
    await exited;
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const port = (of: number): number =>
    Number(new RegExp(`127\\.0\\.0\\.1:(\\d+) -> ${of}$`, 'm').exec(printed)?.[1]);
  await until('kubectl listens', 30_000, () => {
    if (child.exitCode !== null) throw new Error(printed);
    return port(9) > 0;
  });
  forwarded = { web: port(80), echo: port(9000), nobody: port(9) };
});

t.test('HTTP, small and large, one after the other and at once', async (t) => {
  t.match(await httpGet(forwarded.web, '/', 'web'), { status: 200, body: /Welcome to nginx/ });
  const large = '0123456789\n'.repeat(5_000_000 / 11 + 1).slice(0, 5_000_000);
  const answers = await Promise.all(
    ['/large', '/', '/large', '/none'].map((path) => httpGet(forwarded.web, path, 'web')),
  );
  t.same(
    answers.map(({ status }) => status),
    [200, 200, 200, 404],
  );
  t.ok(answers[0]!.body === large && answers[2]!.body === large, '5 MB arrive unchanged');
});

t.test('5 MB there and back, with the end of one direction before the other', async (t) => {
  const sent = randomBytes(5_000_000);
  const socket = connect({ port: forwarded.echo, host: '127.0.0.1', allowHalfOpen: true });
  socket.end(sent);
  t.equal(hash(await buffer(socket)), hash(sent));
});

t.test('the channel protocol of other clients', async (t) => {
  const config = new KubeConfig();
  config.loadFromFile(join(cluster.place.data, 'kubeconfig'));
  const [input, output] = [new PassThrough(), new PassThrough()];
  const ws = await new PortForward(config).portForward('default', 'web', [9000], output, null, input);
  t.teardown(() => ('close' in ws ? ws.close() : undefined));
  const sent = randomBytes(1_000_000);
  input.write(sent);
  let length = 0;
  const hashed = createHash('sha256');
  for await (const chunk of output as AsyncIterable<Buffer>) {
    hashed.update(chunk);
    length += chunk.length;
    if (length >= sent.length) break;
  }
  t.equal(hashed.digest('hex'), hash(sent));
});

t.test('a port where nobody listens, and pods that are not there', async (t) => {
  const socket = connect({ port: forwarded.nobody, host: '127.0.0.1' });
  t.equal((await buffer(socket)).length, 0);
  t.match(await cluster.kubectl('port-forward pod/none :80'), { code: 1, stderr: /"none" not found/ });
});

function hash(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
