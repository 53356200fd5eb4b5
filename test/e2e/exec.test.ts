/** Commands in running containers, with the real kubectl and a Docker engine. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Attach, Exec, KubeConfig, type V1Status } from '@kubernetes/client-node';
import t from 'tap';
import { type Running, upWith } from './orlop.ts';

const PODS = `
apiVersion: v1
kind: Pod
metadata:
  name: box
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: busybox:1.36
    command: [sh, -c, "while true; do echo tick; sleep 0.2; done"]
  - name: other
    image: busybox:1.36
    command: [sleep, "100000"]
`;

let cluster: Running;
t.before(async () => {
  cluster = await upWith(t, PODS, 'busybox:1.36');
});

t.test('output, input and exit codes', async (t) => {
  const { kubectl } = cluster;
  const both = await kubectl(['exec', 'box', '-c', 'main', '--', 'sh', '-c', 'echo out; echo err >&2']);
  t.same(both, { code: 0, stdout: 'out\n', stderr: 'err\n' });
  const failed = await kubectl(['exec', 'box', '-c', 'main', '--', 'sh', '-c', 'echo no; exit 42']);
  t.match(failed, { code: 42, stdout: 'no\n', stderr: /command terminated with exit code 42/ });
  t.match(await kubectl('exec box -c main -- hostname'), { code: 0, stdout: 'box\n' });
  t.equal(await kubectl.ok('exec -i box -c other -- wc -c', 'x'.repeat(1_000_000)), '1000000\n');
  t.equal(await kubectl.ok('exec -i box -c other -- cat', 'typed'), 'typed', 'the end of the input is told');
  t.equal(await kubectl.ok(['exec', 'box', '--', 'sh', '-c', 'yes | head -c 3000000 | wc -c']), '3000000\n');
});

t.test('a terminal', async (t) => {
  const { code, stdout } = await client(['sh', '-c', 'tty && echo typed; exit 3'], true);
  t.match(stdout, /\/dev\/pts\/\d+\r\ntyped\r\n/);
  t.equal(code, '3');
});

t.test('another client', async (t) => {
  const large = 'y\n'.repeat(1_500_000);
  t.match(await client(['cat'], false, large), { stdout: large, stderr: '', code: '0' });
});

/** A command in `other`, run by @kubernetes/client-node. */
async function client(command: string[], tty: boolean, input?: string) {
  const config = new KubeConfig();
  config.loadFromFile(join(cluster.place.data, 'kubeconfig'));
  const [out, err] = [new PassThrough(), new PassThrough()];
  const stdin = input === undefined ? null : Readable.from([Buffer.from(input)]);
  const output = Promise.all([text(out), text(err)]);
  const status = await new Promise<V1Status>((resolve, reject) => {
    new Exec(config)
      .exec('default', 'box', 'other', command, out, err, stdin, tty, resolve)
      .then((ws) => ws.on('close', () => reject(new Error('no status came'))), reject);
  });
  const [stdout, stderr] = await output;
  const code = status.status === 'Success' ? '0' : status.details?.causes?.[0]?.message;
  return { code, stdout, stderr };
}

t.test('attached to a running container', async (t) => {
  const config = new KubeConfig();
  config.loadFromFile(join(cluster.place.data, 'kubeconfig'));
  const out = new PassThrough();
  const ws = await new Attach(config).attach('default', 'box', 'main', out, null, null, false);
  let seen = '';
  for await (const chunk of out) {
    seen += String(chunk);
    if (seen.includes('tick\ntick\n')) break;
  }
  ws.close();
  t.match(seen, /^tick\ntick\n/);
});

t.test('files copied there and back', async (t) => {
  const { data } = cluster.place;
  const sent = randomBytes(3_000_000);
  writeFileSync(join(data, 'sent'), sent);
  await cluster.kubectl.ok(['cp', '-c', 'other', join(data, 'sent'), 'box:/tmp/copied']);
  await cluster.kubectl.ok(['cp', '-c', 'other', 'box:/tmp/copied', join(data, 'received')]);
  t.ok(sent.equals(readFileSync(join(data, 'received'))));
});

t.test('what cannot be done is said', async (t) => {
  const { kubectl } = cluster;
  t.match(await kubectl('exec none -- true'), { code: 1, stderr: /pods "none" not found/ });
  t.match(await kubectl('exec box -c none -- true'), { code: 1, stderr: /none/ });
  t.match(await kubectl('exec box -c main -- /no/such/program'), { stderr: /./ });
  t.not((await kubectl('exec box -c main -- /no/such/program')).code, 0);
});
