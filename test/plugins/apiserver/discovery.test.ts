import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { isStatus, type KubeObject } from 'orlop/plugin';
import t, { type Test } from 'tap';
import {
  AGGREGATED,
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
} from '../../../plugins/apiserver/discovery/documents.ts';
import { OpenApi } from '../../../plugins/apiserver/openapi/documents.ts';
import { ProtobufDecoder } from '../../../plugins/apiserver/protobuf/decode.ts';
import { standardRows } from '../../../plugins/apiserver/resources/standard.ts';
import { ResourceTable } from '../../../plugins/apiserver/resources/table.ts';
import { protobufMessages, Schemas } from '../../../plugins/apiserver/schemas/generated.ts';
import { kubectl } from '../../kubectl.ts';
import { testdir } from '../../testdir.ts';

const schemas = new Schemas();
const table = new ResourceTable(standardRows({ serviceCIDR: '10.96.0.0/16', nodePorts: [30_000, 32_767] }));
const openapi = new OpenApi(table, schemas);
const decoder = new ProtobufDecoder(schemas, protobufMessages());

/** Serves documents only, and echoes what is posted as JSON, so that kubectl can be pointed at it. */
async function documentServer(test: Test, aggregated: boolean) {
  const posted: { type: string; object: KubeObject }[] = [];
  const server = createServer((request, response) => {
    void answer(request).then((body) => {
      response.writeHead(body === undefined ? 404 : 200, {
        'content-type': aggregated && /^\/apis?(\?|$)/.test(request.url!) ? AGGREGATED : 'application/json',
      });
      response.end(Buffer.isBuffer(body) ? body : JSON.stringify(body ?? {}));
    });
  });
  async function answer(request: IncomingMessage): Promise<unknown> {
    const path = new URL(request.url!, 'http://x').pathname;
    if (request.method === 'POST') {
      const type = request.headers['content-type']!;
      const body = await buffer(request);
      const object = type.includes('protobuf') ? decoder.decode(body) : JSON.parse(body.toString());
      posted.push({ type, object });
      return object;
    }
    if (path === '/api') return aggregated ? aggregatedDiscovery(table, true) : apiVersions(table, 'x');
    if (path === '/apis') return aggregated ? aggregatedDiscovery(table, false) : apiGroupList(table);
    if (path === '/openapi/v3') return openapi.index().bytes;
    if (path.startsWith('/openapi/v3/')) return openapi.document(path.slice('/openapi/v3/'.length))?.bytes;
    const [root, group, version] = path.slice(1).split('/');
    if (root === 'api') return apiResourceList(table, '', group!);
    return version === undefined ? apiGroup(table, group!) : apiResourceList(table, group!, version);
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.teardown(() => server.close());
  const kubeconfig = join(testdir(test), 'config');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      clusters: [{ name: 'x', cluster: { server: url } }],
      contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
      users: [{ name: 'x', user: {} }],
      'current-context': 'x',
    }),
  );
  return { run: kubectl(kubeconfig), posted };
}

for (const aggregated of [true, false]) {
  t.test(`kubectl reads ${aggregated ? 'aggregated' : 'legacy'} discovery`, async (t) => {
    const { run } = await documentServer(t, aggregated);
    const lines = (await run.ok('api-resources -o wide')).split('\n');
    t.match(
      lines.find((line) => line.startsWith('deployments')),
      /^deployments +deploy +apps\/v1 +true +Deployment +create,delete,deletecollection,get,list,patch,update,watch +all/,
    );
    t.match(
      lines.find((line) => line.startsWith('plugins')),
      /orlop\.dev\/v1 +false +Plugin/,
    );
  });
}

t.test('a short name is of one group, but for that of Events as upstream', async (t) => {
  const groups = new Map<string, Set<string>>();
  for (const { group, shortNames } of standardRows({
    serviceCIDR: '10.96.0.0/16',
    nodePorts: [30_000, 32_767],
  }))
    for (const name of shortNames) groups.set(name, (groups.get(name) ?? new Set()).add(group));
  const shared = [...groups].filter(([, of]) => of.size > 1).map(([name]) => name);
  t.same(shared, ['ev']);
});

t.test('kubectl explains fields, the newest and those of other groups', async (t) => {
  const { run } = await documentServer(t, true);
  const container = await run.ok('explain pods.spec.containers');
  t.match(container, /KIND: +Pod\nVERSION: +v1\n/);
  t.match(container, /restartPolicyRules\t<\[\]ContainerRestartRule>/);
  t.match(container, /resources\t<ResourceRequirements>/);
  t.match(await run.ok('explain plugins.spec.module'), /The module that declares the plugin/);
  t.match(await run.ok('explain deployment.spec.strategy.rollingUpdate'), /maxSurge\t<IntOrString>/);
});

t.test("kubectl's protobuf bodies are decoded", async (t) => {
  const { run, posted } = await documentServer(t, true);
  await run.ok('create configmap c --from-literal=a=b --from-literal=empty=');
  await run.ok('create deployment web --image=nginx --replicas=0 --port=80');
  await run.ok('create secret generic s --from-literal=p=w');
  await run.ok('create service nodeport n --tcp=80:http --node-port=30080');
  await run.ok('create ingress i --rule=a.example/p*=web:80,tls=t');
  await run.ok('auth whoami');
  t.ok(posted.every(({ type }) => type === 'application/vnd.kubernetes.protobuf'));
  const [configMap, deployment, secret, service, ingress, review] = posted.map(({ object }) => object);
  t.same(configMap, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'c' },
    data: { a: 'b', empty: '' },
  });
  t.same(deployment, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', labels: { app: 'web' } },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          containers: [{ name: 'nginx', image: 'nginx', ports: [{ containerPort: 80 }], resources: {} }],
        },
      },
      strategy: {},
    },
    status: {},
  });
  t.match(secret, { kind: 'Secret', data: { p: Buffer.from('w').toString('base64') } });
  t.match(service, {
    spec: { type: 'NodePort', ports: [{ port: 80, targetPort: 'http', nodePort: 30080 }] },
  });
  t.match(ingress, {
    spec: {
      rules: [
        {
          host: 'a.example',
          http: {
            paths: [
              { path: '/p', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } },
            ],
          },
        },
      ],
      tls: [{ hosts: ['a.example'], secretName: 't' }],
    },
  });
  t.match(review, { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' });
});

t.test('a broken protobuf body is a BadRequest', async (t) => {
  for (const body of ['', 'k8s\0\x0a\xff', 'k8s\0', '{"kind":"Pod"}']) {
    try {
      decoder.decode(Buffer.from(body, 'latin1'));
      t.fail(`${JSON.stringify(body)} was decoded`);
    } catch (error) {
      t.ok(isStatus(error, 'BadRequest'), String(error));
    }
  }
});
