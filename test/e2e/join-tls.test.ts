/** A node on another machine, which is a network namespace here: it reaches the server's address, and nothing on loopback. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { stablePort } from '../../plugins/cli/ports.ts';
import { kubectl } from '../kubectl.ts';
import { ORLOP, place, run } from './orlop.ts';

const NAMESPACE = `orlop-${process.pid}`;
// Of the range for tests of networks (RFC 2544), so that two runs at a time do not meet.
const NET = `198.18.${process.pid % 250}`;
/** What runs a command on the other machine. */
const FAR = ['ip', 'netns', 'exec', NAMESPACE];
const [HERE, THERE] = [`${NET}.1`, `${NET}.2`];

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}

function missing(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'network namespaces need root on Linux';
  const made = spawnSync('ip', ['netns', 'add', NAMESPACE], { encoding: 'utf8' });
  return made.status === 0 ? false : `ip netns: ${made.stderr ?? made.error?.message}`;
}

t.test('a node of another machine joins by TLS', { skip: missing() }, async (t) => {
  // The veth goes with its namespace.
  t.teardown(() => ip('netns', 'del', NAMESPACE));
  const [outer, inner] = [`ov${process.pid}`, `oi${process.pid}`];
  ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', inner, 'netns', NAMESPACE);
  ip('addr', 'add', `${HERE}/30`, 'dev', outer);
  ip('link', 'set', outer, 'up');
  for (const words of [
    ['addr', 'add', `${THERE}/30`, 'dev', inner],
    ['link', 'set', inner, 'up'],
    ['link', 'set', 'lo', 'up'],
  ]) {
    ip('-n', NAMESPACE, ...words);
  }

  const [here, there] = [await place(t), await place(t)];
  const port = await stablePort();
  const control = ['server', '--data', here.data, '--api-port', String(here.ports.api)];
  let server = await run(t, [...control, '--nats-listen', `${HERE}:${port}`]);
  const [, nats = ''] = /orlop node --nats '([^']+)'/.exec(server.output()) ?? [];
  t.match(nats, new RegExp(`^tls://orlop:[^@]+@${HERE}:${port}\\?ca=sha256:[0-9a-f]{64}$`), server.output());
  const command = (url: string): string[] => [
    ...['node', '--nats', url, '--data', there.data, '--node', 'far', '--without', 'runtime-docker'],
    ...['--http-port', String(there.ports.http), '--https-port', String(there.ports.https)],
  ];
  const plain = spawnSync('ip', [
    ...[...FAR.slice(1), process.execPath, ORLOP],
    ...command(nats.replace('tls:', 'nats:').replace(/\?.*/, '')),
  ]);
  t.equal(plain.status, 1);
  t.match(String(plain.stderr), /^orlop node: .* wants TLS.*\n$/);

  const node = await run(t, command(nats), FAR);
  const k = kubectl(join(here.data, 'kubeconfig'));
  await k.ok('wait --for=condition=Ready node/far --timeout=30s');
  await k.ok(['create', 'deployment', 'hello', '--image=orlop.dev/hello:1', '--port=8080']);
  await k.ok('rollout status deployment/hello --timeout=60s');
  t.match(await k.ok('get pods -o wide'), / far /);
  const [pod] = JSON.parse(await k.ok('get pods -o json')).items;
  const proxied = `get --raw /api/v1/namespaces/default/pods/${pod.metadata.name}:8080/proxy/x`;
  t.match(await k.ok(proxied), `Pod ${pod.metadata.name} answers /x`);

  // Another process and another nats-server, at the same address and with the same CA.
  await server.end('SIGINT');
  server = await run(t, [...control, '--nats-listen', `${HERE}:${port}`]);
  t.match(server.output(), nats);
  await k.ok(['create', 'deployment', 'again', '--image=orlop.dev/hello:1', '--port=8080']);
  await k.ok('rollout status deployment/again --timeout=60s');
  t.equal(node.child.exitCode, null, 'the node never left');
  t.equal(await node.end('SIGINT'), 0, node.output());
});
