/**
 * Good requests with something wrong in their bodies, paths, queries or headers: the answer is never a server's error, never late, and the
 * server lives on and keeps nothing of them. Set ORLOP_SEED to make the same requests again.
 */
import { Agent, type RequestOptions, request as send } from 'node:https';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { CertificateAuthority } from 'orlop/plugin';
import t from 'tap';
import { stringify } from 'yaml';
import { testApi } from './cluster.ts';
import { corrupt, mutate, mutatePath, randomHeaders, randomQuery } from './mutations.ts';
import { Random, SEED } from './random.ts';

/** The first warms up what is made once: linked schemas, compiled code. */
const ROUNDS = 3;
const REQUESTS = 500;
const CLIENTS = 6;
const DEADLINE_MS = 20_000;
/** What a round may leave: the store's events for watchers that go on, and the unrest of the heap. Seen: 0.4 to 0.9 MiB. */
const MOST_KEPT_BYTES = 2 * 1024 * 1024;

interface Sample {
  method: string;
  path: string;
  type?: string;
  /** An object is sent as JSON or YAML. */
  body?: object | Buffer;
}

const container = {
  name: 'main',
  image: 'app:1',
  env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
  ports: [{ containerPort: 80, protocol: 'TCP' }],
  resources: { requests: { cpu: '100m', memory: '1Gi' } },
  livenessProbe: { httpGet: { path: '/', port: 80 }, periodSeconds: 5 },
  volumeMounts: [{ name: 'v', mountPath: '/v' }],
};
const template = {
  metadata: { labels: { app: 'a' } },
  spec: {
    containers: [container],
    volumes: [{ name: 'v', configMap: { name: 'c', items: [{ key: 'a', path: 'b' }] } }],
  },
};
const selector = {
  matchLabels: { app: 'a' },
  matchExpressions: [{ key: 'app', operator: 'In', values: ['a'] }],
};
const core = '/api/v1/namespaces/default';
const apps = '/apis/apps/v1/namespaces/default';

const OBJECTS: [string, object][] = [
  [`${core}/configmaps`, { data: { a: 'b' }, binaryData: { c: 'AAEC' }, immutable: false }],
  [`${core}/secrets`, { type: 'Opaque', data: { a: 'Yg==' }, stringData: { c: 'd' } }],
  [`${core}/pods`, template],
  [
    `${core}/services`,
    { spec: { type: 'NodePort', selector: { app: 'a' }, ports: [{ port: 80, targetPort: 'http' }] } },
  ],
  [`${core}/serviceaccounts`, { secrets: [{ name: 's' }] }],
  ['/api/v1/namespaces', { spec: { finalizers: ['kubernetes'] } }],
  ['/api/v1/nodes', { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } }],
  [
    `${apps}/deployments`,
    { spec: { replicas: 2, selector, template, strategy: { rollingUpdate: { maxSurge: '25%' } } } },
  ],
  [`${apps}/statefulsets`, { spec: { serviceName: 's', selector, template } }],
  ['/apis/batch/v1/namespaces/default/jobs', { spec: { completions: 1, template } }],
  [
    '/apis/networking.k8s.io/v1/namespaces/default/ingresses',
    {
      spec: {
        defaultBackend: { service: { name: 's', port: { number: 80 } } },
        rules: [{ host: 'a.b', http: { paths: [] } }],
      },
    },
  ],
  [
    `${core}/events`,
    { involvedObject: { kind: 'Pod', name: 'x' }, reason: 'R', lastTimestamp: '2020-01-01T00:00:00Z' },
  ],
  ['/apis/coordination.k8s.io/v1/namespaces/default/leases', { spec: { leaseDurationSeconds: 15 } }],
  [`${apps}/daemonsets`, { spec: { selector, template, updateStrategy: { type: 'RollingUpdate' } } }],
  [
    '/apis/batch/v1/namespaces/default/cronjobs',
    { spec: { schedule: '* * * * *', jobTemplate: { spec: { template } } } },
  ],
  [
    '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers',
    { spec: { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'a' } } },
  ],
  ['/apis/policy/v1/namespaces/default/poddisruptionbudgets', { spec: { minAvailable: '50%', selector } }],
  [
    '/apis/networking.k8s.io/v1/namespaces/default/networkpolicies',
    { spec: { podSelector: selector, ingress: [{ ports: [{ port: 80, endPort: 90 }] }] } },
  ],
  [
    '/apis/rbac.authorization.k8s.io/v1/clusterroles',
    { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] },
  ],
  ['/apis/storage.k8s.io/v1/storageclasses', { provisioner: 'a/b' }],
  [
    `${core}/persistentvolumeclaims`,
    { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
  ],
  [
    '/api/v1/persistentvolumes',
    { spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' } } },
  ],
  [`${core}/resourcequotas`, { spec: { hard: { pods: '1' } } }],
  [`${core}/limitranges`, { spec: { limits: [{ type: 'Container', max: { cpu: '1' } }] } }],
  [
    '/apis/certificates.k8s.io/v1/certificatesigningrequests',
    { spec: { request: 'AAEC', signerName: 'a.b/c', usages: ['client auth'] } },
  ],
  [
    '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    { spec: { resourceAttributes: { verb: 'get' } } },
  ],
];

/** A message of random fields in the envelope of Kubernetes' protobuf. */
function protobuf(random: Random, kind: string): Buffer {
  const field = (number: number, bytes: Buffer): Buffer =>
    Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length & 127]), bytes.subarray(0, 127)]);
  const message = (depth: number): Buffer =>
    Buffer.concat(
      Array.from({ length: random.below(5) }, () =>
        random.chance(0.3)
          ? Buffer.from([(1 + random.below(12)) << 3, random.below(128)])
          : field(
              1 + random.below(12),
              depth > 0 ? message(depth - 1) : Buffer.from(random.pick(['', 'a', 'x1'])),
            ),
      ),
    );
  const type = Buffer.concat([field(1, Buffer.from('v1')), field(2, Buffer.from(kind))]);
  return Buffer.concat([Buffer.from('k8s\0'), field(1, type), field(2, message(4))]);
}

/** A good request. */
function sample(random: Random): Sample {
  const [path, rest] = random.pick(OBJECTS);
  const name = `f${random.below(12)}`;
  const object = { metadata: { name, labels: { app: 'a' }, annotations: { a: 'b' } }, ...rest };
  const one = `${path}/${name}`;
  switch (random.below(10)) {
    case 0:
      return { method: random.pick(['GET', 'HEAD', 'DELETE', 'POST', 'OPTIONS', 'PUT']), path };
    case 1:
      return { method: 'GET', path: one };
    case 2:
      return { method: 'PUT', path: one, type: 'application/json', body: object };
    case 3:
      return { method: 'POST', path, type: 'application/yaml', body: object };
    case 4: {
      const kind = random.pick(['Pod', 'ConfigMap', 'Secret', 'Service', 'DeleteOptions', 'Deployment']);
      return {
        method: 'POST',
        path,
        type: 'application/vnd.kubernetes.protobuf',
        body: protobuf(random, kind),
      };
    }
    case 5: {
      const op = random.pick(['add', 'replace', 'remove', 'move', 'copy', 'test']);
      const pointer = random.pick([
        '/metadata/labels/app',
        '/spec/containers/0',
        '/spec/ports/-',
        '/data',
        '',
        '/a~2',
      ]);
      const body = [{ op, path: pointer, from: '/metadata/annotations', value: { a: 'b' } }];
      return { method: 'PATCH', path: one, type: 'application/json-patch+json', body };
    }
    case 6: {
      const type = random.pick(['merge-patch+json', 'strategic-merge-patch+json', 'apply-patch+yaml']);
      const query = type.startsWith('apply') ? '?fieldManager=fuzz&force=true' : '';
      return { method: 'PATCH', path: one + query, type: `application/${type}`, body: object };
    }
    case 7: {
      const sub = random.pick([
        'status',
        'scale',
        'eviction',
        'binding',
        'log',
        'finalize',
        'token',
        'exec',
        'proxy/a',
      ]);
      const method = random.pick(['GET', 'PUT', 'POST', 'PATCH']);
      return { method, path: `${one}/${sub}`, type: 'application/json', body: object };
    }
    case 8: {
      const body = { propagationPolicy: 'Foreground', gracePeriodSeconds: 0, preconditions: { uid: 'u' } };
      return { method: 'DELETE', path: one, type: 'application/json', body };
    }
    default:
      return { method: 'POST', path, type: 'application/json', body: object };
  }
}

interface Attempt extends Sample {
  headers: Record<string, string>;
  bytes: Buffer | undefined;
}

/** Most are good but for one thing, so that they get past the first check. */
function attempt(random: Random): Attempt {
  const good = sample(random);
  let { body, path } = good;
  const headers: Record<string, string> = good.type === undefined ? {} : { 'content-type': good.type };
  const wrong = random.below(6);
  if (body && !Buffer.isBuffer(body) && wrong < 4) {
    for (let i = random.below(3); i >= 0; i -= 1) body = mutate(random, body) as object;
  }
  let bytes: Buffer | undefined;
  if (Buffer.isBuffer(body)) bytes = body;
  else if (body !== undefined)
    bytes = Buffer.from(/yaml/.test(good.type ?? '') ? stringify(body) : JSON.stringify(body));
  if (bytes && wrong === 3) bytes = corrupt(random, bytes);
  if (wrong === 4) path = mutatePath(random, path);
  if (wrong === 5 || random.chance(0.2)) path = path.split('?', 1)[0]! + randomQuery(random);
  if (random.chance(0.3)) Object.assign(headers, randomHeaders(random));
  if (random.chance(0.03))
    headers['content-type'] = random.pick(['', 'text/plain', 'application/json; charset=x', ';']);
  if (bytes) headers['content-length'] = String(bytes.length);
  return { ...good, path, headers, bytes };
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes in use once what is over is gone: the smallest of some looks, since sockets close when they do. */
async function settled(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i += 1) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    collect();
    const { heapUsed, external } = process.memoryUsage();
    least = Math.min(least, heapUsed + external);
  }
  return least;
}

function connections(): number {
  return process.getActiveResourcesInfo().filter((each) => /^(?:TCP|TLS)/.test(each)).length;
}

t.test(`${ROUNDS * REQUESTS} requests with something wrong (ORLOP_SEED=${SEED})`, async (t) => {
  const { kernel, url, request } = await testApi(t);
  const { certificate: cert, key } = await kernel
    .service(CertificateAuthority)
    .issue({ commonName: 'fuzz', organizations: ['system:masters'], usage: 'client' });
  const ca = kernel.service(CertificateAuthority).certificate;
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS, ca, cert, key });
  t.teardown(() => agent.destroy());

  const answer = ({ method, path, headers, bytes }: Attempt): Promise<{ code: number; text: string }> =>
    new Promise((resolve, reject) => {
      const { hostname: host, port } = new URL(url);
      const options: RequestOptions = { method, host, port, path, headers, agent };
      const outgoing = send(options, (response) => {
        const code = response.statusCode ?? 0;
        // A watch or a log.
        const isStream = response.headers['content-length'] === undefined;
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.once('end', () => resolve({ code, text }));
        response.once('error', reject);
        if (isStream) {
          resolve({ code, text });
          response.destroy();
        }
      });
      outgoing.setTimeout(DEADLINE_MS, () => outgoing.destroy(new Error('no answer in time')));
      outgoing.once('upgrade', (_response, socket) => {
        socket.destroy();
        resolve({ code: 101, text: '' });
      });
      outgoing.once('error', reject);
      outgoing.end(bytes);
    });

  const random = new Random();
  const codes = new Map<number, number>();
  const round = async (): Promise<void> => {
    let left = REQUESTS;
    await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        while (left > 0) {
          left -= 1;
          const each = attempt(random);
          const what = `${each.method} ${each.path.slice(0, 300)} ${JSON.stringify(each.headers)} ${each.bytes?.toString().slice(0, 1_500)}`;
          try {
            const { code, text } = await answer(each);
            codes.set(code, (codes.get(code) ?? 0) + 1);
            if (code >= 500) t.fail(`${code}: ${text.slice(0, 300)}\n${what}`);
          } catch (error) {
            t.fail(`${(error as Error).message}\n${what}`);
          }
        }
      }),
    );
    for (const [path] of OBJECTS) {
      if (path.endsWith('reviews')) continue;
      const kept = path.endsWith('/namespaces') || path.endsWith('/nodes') ? 'labelSelector=app=a' : '';
      await request('DELETE', `${path}?${kept}`, { gracePeriodSeconds: 0, propagationPolicy: 'Background' });
    }
  };
  const memory: number[] = [];
  const open: number[] = [];
  for (let i = 0; i < ROUNDS; i += 1) {
    await round();
    agent.destroy();
    memory.push(await settled());
    open.push(connections());
  }
  const megabytes = memory.map((bytes) => (bytes / 1024 / 1024).toFixed(1));
  t.comment(`memory after each round: ${megabytes.join(', ')} MiB; connections: ${open.join(', ')}`);
  const kept = memory.at(-1)! - memory[0]!;
  t.ok(kept < (ROUNDS - 1) * MOST_KEPT_BYTES, `memory is back to where it was: ${megabytes.join(', ')} MiB`);
  t.equal(open.at(-1), open[0], 'so are the connections');
  t.comment(JSON.stringify([...codes].sort()));
  for (const code of [200, 201, 400, 404, 415, 422]) t.ok(codes.has(code), `some are answered ${code}`);
  t.match(await request('GET', '/readyz'), { code: 200 });
  t.match(await request('POST', `${core}/configmaps`, { metadata: { name: 'afterwards' } }), { code: 201 });
});
