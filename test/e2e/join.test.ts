/** A control plane alone and a node alone, joined through NATS. */
import { join } from 'node:path';
import t from 'tap';
import { kubectl } from '../kubectl.ts';
import { place, run, until } from './orlop.ts';

t.test('a node joins a server, runs pods and leaves', async (t) => {
  const [here, there] = [await place(t), await place(t)];
  const server = await run(t, ['server', '--data', here.data, '--api-port', String(here.ports.api)]);
  const nats = /orlop node --nats (\S+)/.exec(server.output())?.[1];
  t.ok(nats, server.output());
  const node = await run(t, [
    ...['node', '--nats', nats!, '--data', there.data, '--node', 'edge-1'],
    ...['--http-port', String(there.ports.http), '--https-port', String(there.ports.https)],
  ]);

  const k = kubectl(join(here.data, 'kubeconfig'));
  await k.ok('wait --for=condition=Ready node/edge-1 --timeout=30s');
  await k.ok(['create', 'deployment', 'hello', '--image=orlop.dev/hello:1', '--replicas=2', '--port=8080']);
  await k.ok('rollout status deployment/hello --timeout=60s');
  t.match(await k.ok('get pods -o wide'), /edge-1/);
  // The node has no API server, and the server no way to the node but the bus.
  const [pod] = JSON.parse(await k.ok('get pods -o json')).items;
  t.match(pod.spec.volumes, [{ projected: { sources: [{ serviceAccountToken: {} }] } }], 'it has its token');
  const proxied = `get --raw /api/v1/namespaces/default/pods/${pod.metadata.name}:8080/proxy/there`;
  t.match(await k.ok(proxied), `Pod ${pod.metadata.name} answers /there`);
  t.equal(await k.ok('get --raw /api/v1/nodes/edge-1/proxy/healthz'), 'ok');
  t.match(await k.ok('top nodes'), /^edge-1 +\d+m/m);
  await until('its pods are measured', 20_000, async () =>
    /^hello/.test((await k('top pods --no-headers')).stdout),
  );

  await k.ok(['apply', '-f', '-'], plugin({ roles: ['node'], nodeSelector: { tier: 'edge' } }));
  await k.ok('wait plugin/guest --for=jsonpath={.status.phase}=Pending --timeout=20s');
  await k.ok('label node edge-1 tier=edge');
  await k.ok('wait plugin/guest --for=jsonpath={.status.phase}=Running --timeout=20s');
  const [heading, ...lines] = (await k.ok('get plugins -o wide')).split('\n');
  t.match(
    heading,
    /^NAME +KIND +VERSION +READY +PHASE +HEALTHY +RESTARTS +AGE +ISOLATION +REVISION +WHERE +MESSAGE *$/,
  );
  const row = (name: string): string => lines.find((line) => line.startsWith(`${name} `)) ?? '';
  t.match(row('guest'), /^guest +guest\.v1 +1 +1\/1 +Running +True +0 +\d+s +inline +\d+ +edge-1 *$/);
  // Each process has one of its own.
  t.match(row('secrets-aesgcm'), /2\/2 +Running +True +0 +\d+s +inline +\d+ +\S+,\S+ *$/);
  await k.ok('label node edge-1 tier-');
  await k.ok('wait plugin/guest --for=jsonpath={.status.phase}=Pending --timeout=20s');
  await k.ok(['apply', '-f', '-'], plugin({ roles: ['server'] }));
  await k.ok('wait plugin/guest --for=jsonpath={.status.phase}=Running --timeout=20s');
  const refused = await k(['apply', '-f', '-'], plugin({ roles: ['master'], nodeSelector: { 'a b': 'c' } }));
  for (const part of [
    'spec.placement.roles[0]: Unsupported value: "master": supported values: "node", "server"',
    'spec.placement.nodeSelector: Invalid value: "a b"',
  ]) {
    t.match(refused.stderr, part);
  }

  const both = await k.ok('get kernels');
  t.match(both, /NAME +ROLES +NODE +VERSION +AGE/);
  t.match(both, / server +<none> /);
  t.match(both, / node +edge-1 /);
  const [name] = (await k.ok('get kernels -o jsonpath={.items[*].metadata.name}')).split(' ');
  t.match(await k.ok(`get kernel ${name} -o yaml`), /kind: Kernel/);
  t.match((await k('get kernel nobody')).stderr, /kernels.orlop.dev "nobody" not found/);
  t.match((await k(`delete kernel ${name}`)).stderr, /does not allow this method/);
  t.equal(await node.end('SIGINT'), 0, node.output());
  await until('its goodbye is heard', 5_000, async () => !/edge-1/.test(await k.ok('get kernels')));
  t.equal(await server.end('SIGINT'), 0, server.output());
});

/** One that does nothing, as a manifest. */
function plugin(placement: object): string {
  const text =
    "export default { name: 'guest', kind: 'guest.v1', version: '1', description: 'Is there.', start: () => ({}) }";
  const spec = { module: `data:text/javascript,${encodeURIComponent(text)}`, placement };
  return JSON.stringify({ apiVersion: 'orlop.dev/v1', kind: 'Plugin', metadata: { name: 'guest' }, spec });
}
