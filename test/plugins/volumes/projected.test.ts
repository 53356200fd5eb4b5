import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  type BusClient,
  type Json,
  type KubeObject,
  type Logger,
  type ObjectClient,
  type Resource,
  StatusError,
  type TokenParams,
  type Volume,
} from 'orlop/plugin';
import t from 'tap';
import { projectionDriver } from '../../../plugins/volumes/projected/driver.ts';
import { PodTokens } from '../../../plugins/volumes/projected/tokens.ts';
import { testdir } from '../../testdir.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A store of two objects that a test may change. */
function world() {
  const objects = new Map<string, KubeObject>([
    [
      'configmaps app',
      { data: { 'a.conf': 'alpha', 'b.conf': 'beta' }, binaryData: { raw: 'AAH/' } } as KubeObject,
    ],
    ['secrets key', { data: { password: base64('s3cret') } } as KubeObject],
  ]);
  const client = {
    async get(resource: Resource, { name }: { name: string }) {
      const value = objects.get(`${resource.resource} ${name}`);
      return value && { value };
    },
  } as unknown as ObjectClient;
  const server = { now: Date.parse('2026-01-01T00:00:00Z'), asked: [] as TokenParams[], isAway: false };
  const bus = {
    async request(_subject: string, data: Json) {
      if (server.isAway) throw new StatusError('ServiceUnavailable', 'nobody serves it');
      server.asked.push(data as unknown as TokenParams);
      const { expirationSeconds = 0 } = (data as unknown as TokenParams).spec;
      const expirationTimestamp = new Date(server.now + expirationSeconds * 1000).toISOString();
      return { token: `token ${server.asked.length}`, expirationTimestamp };
    },
  } as unknown as BusClient;
  const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
  const driverOf = () => {
    const tokens = new PodTokens(bus, silent, () => server.now);
    return projectionDriver(client, tokens, () => '10.0.0.1');
  };
  return { objects, server, driver: driverOf(), driverOf };
}

const pod = {
  metadata: { name: 'p', namespace: 'd', uid: 'u', labels: { b: '2', a: 'x"y' } },
  spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i', resources: { limits: { cpu: '250m' } } }] },
};

t.test('a ConfigMap as files', async (t) => {
  const { objects, driver } = world();
  const dir = testdir(t);
  const volume: Volume = { name: 'v', configMap: { name: 'app', defaultMode: 0o440 } };
  t.equal(await driver.setUp({ pod, volume, dir }), dir);
  t.equal(readFileSync(join(dir, 'a.conf'), 'utf8'), 'alpha');
  t.same([...readFileSync(join(dir, 'raw'))], [0, 1, 255]);
  t.equal(statSync(join(dir, 'a.conf')).mode & 0o777, 0o440);
  const before = readlinkSync(join(dir, '..data'));
  await driver.setUp({ pod, volume, dir });
  t.equal(readlinkSync(join(dir, '..data')), before, 'nothing is written when nothing has changed');
  objects.set('configmaps app', { data: { 'a.conf': 'gamma', 'c.conf': 'new' } } as KubeObject);
  await driver.setUp({ pod, volume, dir });
  t.equal(readFileSync(join(dir, 'a.conf'), 'utf8'), 'gamma');
  t.same(
    readdirSync(dir)
      .filter((name) => !name.startsWith('..'))
      .sort(),
    ['a.conf', 'c.conf'],
  );
  t.equal(readdirSync(dir).filter((name) => name.startsWith('..')).length, 2, 'the old data is removed');
  await driver.tearDown({ pod, volume, dir });
  t.throws(() => statSync(dir), { code: 'ENOENT' });
});

t.test('items, modes and what is optional', async (t) => {
  const { driver } = world();
  const dir = testdir(t);
  const secret = (more: object): Volume => ({ name: 'v', secret: { secretName: 'key', ...more } });
  const volume = secret({ items: [{ key: 'password', path: 'deep/er/pass', mode: 0o400 }] });
  await driver.setUp({ pod, volume, dir });
  t.equal(readFileSync(join(dir, 'deep/er/pass'), 'utf8'), 's3cret');
  t.equal(statSync(join(dir, 'deep/er/pass')).mode & 0o777, 0o400);
  const absent = secret({ items: [{ key: 'none', path: 'x' }] });
  await t.rejects(driver.setUp({ pod, volume: absent, dir }), {
    reason: 'NotFound',
    message: 'Secret "key" references non-existent key: none',
  });
  t.equal(readFileSync(join(dir, 'deep/er/pass'), 'utf8'), 's3cret', 'a refusal leaves what was there');
  const missing: Volume = { name: 'v', configMap: { name: 'none' } };
  await t.rejects(driver.setUp({ pod, volume: missing, dir }), { message: 'configmaps "none" not found' });
  const optional: Volume = { name: 'v', configMap: { name: 'none', optional: true } };
  await driver.setUp({ pod, volume: optional, dir: testdir(t) });
  for (const path of ['../x', '/x', '..data/x', 'a/../../x']) {
    const outside = secret({ items: [{ key: 'password', path }] });
    await t.rejects(driver.setUp({ pod, volume: outside, dir }), { name: 'StatusError' }, path);
  }
});

t.test('projected and downward files', async (t) => {
  const { driver } = world();
  const dir = testdir(t);
  const volume: Volume = {
    name: 'v',
    projected: {
      sources: [
        { configMap: { name: 'app', items: [{ key: 'a.conf', path: 'app/a' }] } },
        { secret: { name: 'key' } },
        {
          downwardAPI: {
            items: [
              { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
              {
                path: 'cpu',
                resourceFieldRef: { containerName: 'c', resource: 'limits.cpu', divisor: '1m' },
              },
            ],
          },
        },
      ],
    },
  };
  await driver.setUp({ pod, volume, dir });
  t.equal(readFileSync(join(dir, 'app/a'), 'utf8'), 'alpha');
  t.equal(readFileSync(join(dir, 'password'), 'utf8'), 's3cret');
  t.equal(readFileSync(join(dir, 'labels'), 'utf8'), 'a="x\\"y"\nb="2"');
  t.equal(readFileSync(join(dir, 'cpu'), 'utf8'), '250');
  const token: Volume = { name: 'v', projected: { sources: [{ clusterTrustBundle: { path: 't' } }] } };
  await t.rejects(driver.setUp({ pod, volume: token, dir }), {
    message: /clusterTrustBundle.*not supported/,
  });
});

t.test('tokens', async (t) => {
  const { server, driver, driverOf } = world();
  const dir = testdir(t);
  const serviceAccountToken = { path: 'token', expirationSeconds: 3600, audience: 'vault' };
  const volume: Volume = { name: 'v', projected: { sources: [{ serviceAccountToken }] } };
  const token = async (by = driver): Promise<string> => {
    await by.setUp({ pod, volume, dir });
    return readFileSync(join(dir, 'token'), 'utf8');
  };
  t.equal(await token(), 'token 1');
  t.match(server.asked, [
    {
      namespace: 'd',
      account: 'default',
      spec: {
        audiences: ['vault'],
        expirationSeconds: 3600,
        boundObjectRef: { kind: 'Pod', name: 'p', uid: 'u' },
      },
    },
  ]);
  server.now += 2_870_000;
  t.equal(await token(), 'token 1', 'it is kept while it is good');
  server.now += 20_000;
  t.equal(await token(), 'token 2', 'and replaced before it ends');
  server.now += 3_000_000;
  server.isAway = true;
  t.equal(await token(), 'token 2', 'while no server answers, it has to do');
  t.equal(await token(driverOf()), 'token 2', 'also after a restart of the node');
  server.isAway = false;
  t.equal(await token(), 'token 3');
  await driver.tearDown({ pod, volume, dir });
  server.isAway = true;
  await t.rejects(driver.setUp({ pod, volume, dir }), { message: /nobody serves it/ });
});
