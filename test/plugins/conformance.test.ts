/** Every plugin of the tree against the suite of its kind; runtimes are in test/runtimes. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  ApiServer,
  Authenticator,
  Authorizer,
  type BlobInfo,
  CertificateAuthority,
  ConfigMaps,
  definePlugin,
  type KubeObject,
  LoadBalancer,
  ModuleSource,
  type ObjectClient,
  type PluginDeclaration,
  PodNetwork,
  Pods,
  PRESENCE,
  ReplicaSets,
  type ScorePlugin,
  ScorePlugins,
  Secrets,
  SecretsEncoding,
  ServiceAccountTokens,
  timestamp,
  type Volume,
  type VolumeDriver,
  VolumeDrivers,
  WriteAdmission,
} from 'orlop/plugin';
import t, { type Test } from 'tap';
import auth from '../../plugins/auth/index.ts';
import bundles from '../../plugins/bundles/index.ts';
import ca from '../../plugins/ca/index.ts';
import { stablePorts } from '../../plugins/cli/ports.ts';
import loadbalancer from '../../plugins/loadbalancer/index.ts';
import network from '../../plugins/network/index.ts';
import presence from '../../plugins/presence/index.ts';
import rbac from '../../plugins/rbac/index.ts';
import scheduler from '../../plugins/scheduler/index.ts';
import aesgcm from '../../plugins/secrets/aesgcm/index.ts';
import identity from '../../plugins/secrets/identity/index.ts';
import { standardPlugins } from '../../plugins/standard.ts';
import tokens from '../../plugins/tokens/index.ts';
import emptydir from '../../plugins/volumes/emptydir/index.ts';
import hostpath from '../../plugins/volumes/hostpath/index.ts';
import projected from '../../plugins/volumes/projected/index.ts';
import { testKernel } from '../cluster.ts';
import {
  apiServerConformance,
  authConformance,
  authorizerConformance,
  type Checks,
  caConformance,
  ingressConformance,
  loadBalancerConformance,
  modulesConformance,
  networkConformance,
  presenceConformance,
  runChecks,
  schedulerConformance,
  scoringConformance,
  secretsConformance,
  tokensConformance,
  volumeConformance,
  writeAdmissionConformance,
} from '../conformance/index.ts';
import { testdir } from '../testdir.ts';
import { testApi } from './apiserver/cluster.ts';
import { podRange } from './podrange.ts';
import { writer } from './writer.ts';

/** Tap's overloads hide that it has what a suite needs. */
const checks = (t: Test): Checks => t as unknown as Checks;

t.test('secrets', async (t) => {
  for (const plugin of [aesgcm, identity]) {
    const kernel = await testKernel(t, { plugins: [plugin] });
    await secretsConformance(checks(t), plugin.name, async () => ({
      encoding: kernel.service(SecretsEncoding),
      plain: plugin === identity,
    }));
  }
});

t.test('volumes', async (t) => {
  let drivers: ReadonlyMap<string, VolumeDriver> = new Map();
  const observer = definePlugin<Record<string, never>, { drivers: typeof VolumeDrivers }>({
    name: 'observer',
    kind: 'observer.v1',
    version: '1.0.0',
    description: 'Sees the volume drivers.',
    requires: { drivers: VolumeDrivers },
    start(ctx) {
      drivers = ctx.services.drivers;
      return {};
    },
  });
  const { objects } = await testKernel(t, { plugins: [identity, emptydir, hostpath, projected, observer] });
  await objects.create(ConfigMaps, { metadata: { name: 'c', namespace: 'default' }, data: { a: '1' } });
  await objects.create(Secrets, { metadata: { name: 's', namespace: 'default' }, data: { a: 'MQ==' } });
  const path = testdir(t, { file: 'x' });
  const items = [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }];
  const volumes: Record<string, [volume: Omit<Volume, 'name'>, missing?: Omit<Volume, 'name'>]> = {
    emptyDir: [{ emptyDir: {} }],
    hostPath: [{ hostPath: { path } }, { hostPath: { path: `${path}/none`, type: 'Directory' } }],
    configMap: [{ configMap: { name: 'c' } }, { configMap: { name: 'none' } }],
    secret: [{ secret: { secretName: 's' } }, { secret: { secretName: 'none' } }],
    downwardAPI: [{ downwardAPI: { items } }],
    projected: [
      { projected: { sources: [{ configMap: { name: 'c' } }, { secret: { name: 's' } }] } },
      { projected: { sources: [{ configMap: { name: 'none' } }] } },
    ],
  };
  t.same([...drivers.keys()].sort(), Object.keys(volumes).sort(), 'each driver is looked at');
  for (const [name, [volume, missing]] of Object.entries(volumes)) {
    await volumeConformance(checks(t), name, async () => ({
      driver: drivers.get(name)!,
      volume: { name: 'v', ...volume },
      writable: name === 'emptyDir',
      ...(missing ? { missing: { name: 'v', ...missing } } : {}),
    }));
  }
});

t.test('network', async (t) => {
  const config = { network: { podCIDR: await podRange() } };
  const kernel = await testKernel(t, { plugins: [network], config, node: 'n' });
  await networkConformance(checks(t), 'network', async () => ({ network: kernel.service(PodNetwork) }));
});

t.test('load balancer', async (t) => {
  const [module] = standardPlugins(['node']).filter((each) => each.module.includes('/loadbalancer/'));
  const { objects, service } = await testKernel(t, { plugins: [{ ...module!, isolation: 'inline' }] });
  await loadBalancerConformance(checks(t), loadbalancer.name, async () => ({
    balancer: service(LoadBalancer),
    objects,
  }));
});

t.test('API server, and its admission', async (t) => {
  const { plugin, objects } = writer();
  const { kernel } = await testApi(t, { plugins: [plugin] });
  const of = (name: string, rest: object, namespace = 'default'): KubeObject => ({
    metadata: { namespace, name },
    ...rest,
  });
  const pod = { containers: [{ name: 'c', image: 'i' }] };
  const template = { metadata: { labels: { a: 'b' } }, spec: pod };
  await writeAdmissionConformance(checks(t), 'apiserver', async () => ({
    admission: kernel.service(WriteAdmission),
    objects: objects(),
    admitted: [
      {
        resource: Pods,
        object: of('p', { spec: { ...pod, automountServiceAccountToken: false } }),
        as: {
          spec: {
            restartPolicy: 'Always',
            schedulerName: 'default-scheduler',
            serviceAccountName: 'default',
            tolerations: [{ key: 'node.kubernetes.io/not-ready' }, { key: 'node.kubernetes.io/unreachable' }],
          },
          status: { phase: 'Pending', qosClass: 'BestEffort' },
        },
      },
      {
        resource: ReplicaSets,
        object: of('r', { spec: { selector: { matchLabels: { a: 'b' } }, template } }),
        as: { spec: { replicas: 1 } },
      },
      { resource: ConfigMaps, object: of('c', { data: { a: '1' } }), as: { data: { a: '1' } } },
    ],
    refused: [
      { resource: Pods, object: of('p', { spec: { containers: [] } }), reason: 'Invalid' },
      { resource: ConfigMaps, object: of('c', { data: { '../x': '' } }), reason: 'Invalid' },
      { resource: ConfigMaps, object: of('c', {}, 'nowhere'), reason: 'NotFound' },
      {
        resource: ReplicaSets,
        object: of('r', { spec: { selector: { matchLabels: { a: 'c' } }, template } }),
        reason: 'Invalid',
      },
    ],
  }));
  const ca = kernel.service(CertificateAuthority);
  const client = (commonName: string, ...organizations: string[]) =>
    ca.issue({ commonName, organizations, usage: 'client' });
  await apiServerConformance(checks(t), 'apiserver', async () => ({
    server: kernel.service(ApiServer),
    ca: ca.certificate,
    admin: await client('amy', 'system:masters'),
    nobody: await client('bob'),
    objects: kernel.objects,
  }));
});

t.test('ingress', async (t) => {
  const [httpPort, httpsPort] = await stablePorts(2);
  const module = (path: string) => ({
    module: new URL(`../../plugins/${path}/index.js`, import.meta.url).href,
  });
  const config = { address: '127.0.0.1', httpPort, httpsPort };
  const kernel = await testKernel(t, {
    // The latter two in a worker, as ever.
    plugins: [module('secrets/aesgcm'), module('loadbalancer'), module('ingress')],
    config: { ingress: config },
  });
  const at = (port: number) => ({ host: '127.0.0.1', port });
  await ingressConformance(checks(t), 'ingress', async () => ({
    objects: kernel.objects,
    http: at(httpPort!),
    https: at(httpsPort!),
    swap: () => kernel.swap('ingress', { ...module('ingress'), config }),
  }));
});

t.test('auth', async (t) => {
  const token = 'a-token-of-this-test-only';
  const kernel = await testKernel(t, { plugins: [auth], config: { auth: { adminToken: token } } });
  await authConformance(checks(t), 'auth', async () => ({
    authenticator: kernel.service(Authenticator),
    token,
  }));
});

t.test('authorizer', async (t) => {
  const kernel = await testKernel(t, { plugins: [rbac] });
  await authorizerConformance(checks(t), 'rbac', async () => ({ authorizer: kernel.service(Authorizer) }));
});

t.test('ca', async (t) => {
  const kernel = await testKernel(t, { plugins: [ca] });
  await caConformance(checks(t), 'ca', async () => ({ authority: kernel.service(CertificateAuthority) }));
});

t.test('tokens', async (t) => {
  // Secrets are among what a token may be bound to.
  const kernel = await testKernel(t, { plugins: [identity, tokens] });
  await tokensConformance(checks(t), 'tokens', async () => ({
    tokens: kernel.service(ServiceAccountTokens),
    objects: kernel.objects,
  }));
});

t.test('modules', async (t) => {
  const cacheDir = testdir(t);
  const kernel = await testKernel(t, { plugins: [bundles], cacheDir });
  await modulesConformance(checks(t), 'bundles', async () => ({
    modules: kernel.service(ModuleSource),
    blobs: kernel.blobs,
    swap: () => kernel.swap('bundles', bundles),
  }));
});

t.test('presence', async (t) => {
  const plugins = [presence as PluginDeclaration];
  const config = { presence: { intervalSeconds: 0.3 } };
  const kernel = await testKernel(t, { plugins, config, node: 'n' });
  await presenceConformance(checks(t), 'presence', async () => ({
    bus: kernel.bus,
    kernel: { id: kernel.id, node: 'n' },
    swap: () => kernel.swap('presence', plugins[0]!),
    another: (node) => testKernel(t, { join: kernel, plugins, config, node }),
  }));
});

t.test('scheduler', async (t) => {
  const { objects } = await testKernel(t, { plugins: [scheduler] });
  await schedulerConformance(checks(t), 'scheduler', async () => ({ objects }));
});

t.test('score plugins', async (t) => {
  let scorers: ReadonlyMap<string, ScorePlugin> = new Map();
  const observer = definePlugin<Record<string, never>, { scorers: typeof ScorePlugins }>({
    name: 'observer',
    kind: 'observer.v1',
    version: '1.0.0',
    description: 'Sees the score plugins.',
    requires: { scorers: ScorePlugins },
    start(ctx) {
      scorers = ctx.services.scorers;
      return {};
    },
  });
  const modules = ['../../../plugins/scoring/python/plugin.json', '../../generated/scoring-wasm/plugin.json'];
  const plugins = modules.map((module) => ({ module: new URL(module, import.meta.url).href }));
  await testKernel(t, { plugins: [observer, ...plugins] });
  t.equal(scorers.size, modules.length, 'each runs');
  for (const [name, plugin] of scorers)
    await scoringConformance(checks(t), name, async () => ({
      plugin,
      labels: { 'node.orlop.dev/price': '1.5' },
    }));
});

t.test('a suite finds what does not conform', async (t) => {
  const lines: string[] = [];
  const failed = await runChecks(
    'plain',
    (t) =>
      secretsConformance(t, 'plain', async () => ({
        encoding: { encoding: 'plain', encode: (value) => value, decode: (value) => value },
      })),
    (line) => lines.push(line),
  );
  t.ok(failed > 3, lines.join('\n'));
  t.match(lines.join('\n'), /FAILED the value does not show through/);
  const idle = { list: async () => ({ items: [] }), get: async () => undefined } as unknown as ObjectClient;
  t.equal(
    await runChecks(
      'idle',
      (t) => schedulerConformance(t, 'idle', async () => ({ objects: idle })),
      () => {},
    ),
    1,
    'what a suite throws is a failure',
  );

  const module = pathToFileURL(
    join(testdir(t, { 'index.mjs': 'export const beside = 1;' }), 'index.mjs'),
  ).href;
  const modules = await failures((t) =>
    modulesConformance(t, 'constant', async () => ({
      modules: { locate: async () => module },
      blobs: { put: async () => ({ digest: `sha256-${'0'.repeat(64)}` }) as BlobInfo },
      swap: async () => {},
    })),
  );
  for (const what of [
    /another is another/,
    /there is no such blob/,
    /is no reference/,
    /a file elsewhere is refused/,
  ])
    t.match(modules, what);

  const silent = definePlugin({
    name: 'presence',
    kind: 'presence.v1',
    version: '1.0.0',
    description: 'Answers who asks, and for the rest is silent; each instance thinks that it is another run.',
    grants: { publish: [PRESENCE.here], subscribe: [PRESENCE.who] },
    start(ctx) {
      const { id, version } = ctx.kernel;
      const run = { session: randomUUID(), started: timestamp() };
      const sign = { member: { id, version, ...run, roles: [] }, interval: 200 };
      ctx.bus.subscribe(PRESENCE.who, () => ctx.bus.publish(PRESENCE.here, sign));
      return {};
    },
  });
  const plugins = [silent];
  const kernel = await testKernel(t, { plugins, node: 'n' });
  const presence = await failures((t2) =>
    presenceConformance(t2, 'silent', async () => ({
      bus: kernel.bus,
      kernel: { id: kernel.id, node: 'n' },
      swap: () => kernel.swap('presence', silent),
      another: (node) => testKernel(t, { join: kernel, plugins, node }),
    })),
  );
  for (const what of [
    /for which node/,
    /unasked it gives/,
    /a swap is the same run/,
    /another joins: not within/,
  ])
    t.match(presence, what);
});

/** What a suite tells that fails. */
async function failures(suite: (t: Checks) => Promise<void>): Promise<string> {
  const lines: string[] = [];
  await runChecks('wrong', suite, (line) => lines.push(line));
  return lines.filter((line) => line.includes('FAILED')).join('\n');
}
