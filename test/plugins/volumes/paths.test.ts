import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { emptyDir } from '../../../plugins/volumes/emptydir/driver.ts';
import { hostPath } from '../../../plugins/volumes/hostpath/driver.ts';
import { testdir } from '../../testdir.ts';

const pod = { metadata: { name: 'p', namespace: 'd', uid: 'u' } };

t.test('emptyDir', async (t) => {
  const dir = join(testdir(t), 'deep', 'empty');
  const request = { pod, volume: { name: 'v', emptyDir: {} }, dir };
  t.equal(await emptyDir.setUp(request), dir);
  t.equal(statSync(dir).mode & 0o777, 0o777);
  writeFileSync(join(dir, 'kept'), 'x');
  await emptyDir.setUp(request);
  t.equal(readFileSync(join(dir, 'kept'), 'utf8'), 'x', 'setting up again keeps what is in it');
  await emptyDir.tearDown(request);
  await emptyDir.tearDown(request);
  t.throws(() => statSync(dir), { code: 'ENOENT' });
});

t.test('hostPath', async (t) => {
  const root = testdir(t, { file: 'x', folder: {} });
  const setUp = (path: string, type?: string): Promise<string> =>
    hostPath.setUp({ pod, volume: { name: 'v', hostPath: { path, ...(type && { type }) } }, dir: '/unused' });
  for (const [name, type] of [
    ['file', 'File'],
    ['file', 'FileOrCreate'],
    ['folder', 'Directory'],
    ['new/er', 'DirectoryOrCreate'],
    ['new-file', 'FileOrCreate'],
    ['not-there', undefined],
  ] as const) {
    t.equal(await setUp(join(root, name), type), join(root, name), `${name} as ${type}`);
  }
  t.ok(statSync(join(root, 'new/er')).isDirectory());
  t.ok(statSync(join(root, 'new-file')).isFile());
  await t.rejects(setUp(join(root, 'not-there'), 'Directory'), { message: /not-there does not exist/ });
  await t.rejects(setUp(join(root, 'file'), 'Directory'), { message: /is not a Directory/ });
  await t.rejects(setUp(join(root, 'folder'), 'Socket'), { message: /is not a Socket/ });
  await t.rejects(setUp(join(root, 'folder'), 'Folder'), { message: /type "Folder"/ });
  await t.rejects(setUp(`${root}/../x`), { message: /absolute path/ });
});
