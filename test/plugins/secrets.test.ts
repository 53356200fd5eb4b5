import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Secrets } from 'orlop/plugin';
import t from 'tap';
import { aesGcm } from '../../plugins/secrets/aesgcm/encoding.ts';
import aesgcm from '../../plugins/secrets/aesgcm/index.ts';
import { loadKeys } from '../../plugins/secrets/aesgcm/keys.ts';
import identity from '../../plugins/secrets/identity/index.ts';
import { testKernel } from '../cluster.ts';
import { testdir } from '../testdir.ts';

const text = Buffer.from('{"data":{"password":"aHVudGVyMg=="}}');

t.test('a value is read back under its own name only', async (t) => {
  const file = join(testdir(t), 'keys');
  const encoding = aesGcm(() => loadKeys(file), file);
  t.equal(statSync(file).mode & 0o777, 0o600);
  const value = encoding.encode(text, 'obj.core.secrets.default.a');
  t.notMatch(Buffer.from(value).toString('latin1'), /password/);
  t.same(encoding.decode(value, 'obj.core.secrets.default.a'), text);
  t.throws(() => encoding.decode(value, 'obj.core.secrets.default.b'), {
    message: /belongs to another object/,
  });
  const damaged = Buffer.from(value);
  damaged[damaged.length - 1]! ^= 1;
  t.throws(() => encoding.decode(damaged, 'obj.core.secrets.default.a'), { message: /was damaged/ });
  t.throws(() => encoding.decode(value.subarray(0, 20), 'obj.core.secrets.default.a'), {
    reason: 'InternalError',
  } as never);
});

t.test('a key is rotated by a new first line; a lost one is named', async (t) => {
  const file = join(testdir(t), 'keys');
  const old = aesGcm(() => loadKeys(file), file).encode(text, 's');
  writeFileSync(file, `${randomBytes(32).toString('base64')}\n${readFileSync(file, 'utf8')}`);
  const rotated = aesGcm(() => loadKeys(file), file);
  t.same(rotated.decode(old, 's'), text);
  t.notSame(rotated.encode(text, 's').subarray(0, 4), old.subarray(0, 4));
  rmSync(file);
  t.throws(() => aesGcm(() => loadKeys(file), file).decode(old, 's'), {
    message: /its key [0-9a-f]{8} is not in .*keys; restore/,
  });
  writeFileSync(file, 'nonsense\n');
  t.throws(() => loadKeys(file), { message: /is no key file/ });
});

t.test('Secrets are unreadable on disk, and read again after a restart', async (t) => {
  const kernel = await testKernel(t, { plugins: [aesgcm] });
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's', namespace: 'default' },
    data: { password: 'aHVudGVyMg==' },
  } as const;
  await kernel.objects.create(Secrets, { ...secret });
  t.equal((await kernel.objects.get(Secrets, secret.metadata))?.value.data?.['password'], 'aHVudGVyMg==');
  const next = await kernel.restart();
  t.equal((await next.objects.get(Secrets, secret.metadata))?.value.data?.['password'], 'aHVudGVyMg==');
  t.notOk(onDisk(join(next.dataDir, 'nats'), 'aHVudGVyMg=='), 'not in any file of the store');

  await next.swap('secrets-aesgcm', identity);
  t.equal(
    (await next.objects.get(Secrets, secret.metadata))?.value.data?.['password'],
    'aHVudGVyMg==',
    'a swap leaves old values readable',
  );
  await next.objects.create(Secrets, { ...secret, metadata: { name: 'plain', namespace: 'default' } });
  t.ok(onDisk(join(next.dataDir, 'nats'), 'aHVudGVyMg=='), 'the search finds what is there');
});

function onDisk(folder: string, needle: string): boolean {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .some((each) => readFileSync(join(each.parentPath, each.name)).includes(needle));
}
