import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { Pod, Volume, VolumeDriver, VolumeRequest } from 'orlop/plugin';
import type { Checks } from './checks.ts';

export interface VolumeFixture {
  driver: VolumeDriver;
  /** A volume it can make available to a pod in namespace `default`. */
  volume: Volume;
  /** The pod may write into it, and finds that again until the volume is torn down. */
  writable?: boolean;
  /** One that cannot be made available now, e.g. of an object that is not there. */
  missing?: Volume;
}

/** The suite every plugin of kind `volume.v1` passes, once for each driver it provides. */
export async function volumeConformance(
  t: Checks,
  name: string,
  make: (t: Checks) => Promise<VolumeFixture>,
): Promise<void> {
  await t.test(`${name}: conformance to volume.v1`, async (t) => {
    const { driver, volume, writable, missing } = await make(t);
    const root = mkdtempSync(join(tmpdir(), 'orlop-volume-'));
    t.teardown(() => rmSync(root, { recursive: true, force: true }));
    const requests = await Promise.all([request(root, volume), request(root, volume)]);
    const [first, second] = requests;
    const paths = await Promise.all(requests.map((each) => driver.setUp(each)));
    for (const path of paths) t.ok(isAbsolute(path) && existsSync(path), `${path} is there to mount`);

    const path = paths[0]!;
    if (writable) writeFileSync(join(path, 'kept'), 'by the pod');
    const before = readdirSync(path).sort();
    t.equal(await driver.setUp(first), path, 'set up again, it has the same path');
    t.same(readdirSync(path).sort(), before, 'and the same content');
    if (writable) t.notOk(existsSync(join(paths[1]!, 'kept')), 'pods do not share it');

    await driver.tearDown(first);
    t.ok(isEmpty(first.dir), 'torn down, it leaves nothing behind');
    t.ok(existsSync(paths[1]!), "and the other pod's is still there");
    await driver.tearDown(first);
    await driver.tearDown(second);
    await driver.tearDown(await request(root, volume));
    t.pass('what is gone, or never was, can be torn down');

    if (!missing) return;
    const absent = await request(root, missing);
    await t.rejects(
      driver.setUp(absent),
      { name: 'StatusError' },
      'one that is missing is refused with a reason',
    );
    await driver.tearDown(absent);
  });
}

async function request(root: string, volume: Volume): Promise<VolumeRequest> {
  const uid = randomUUID();
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `p-${uid.slice(0, 8)}`, namespace: 'default', uid },
    spec: { containers: [{ name: 'main', image: 'i' }], volumes: [volume] },
  };
  const dir = join(root, uid);
  // As the node agent does.
  await mkdir(dir, { recursive: true });
  return { pod, volume, dir };
}

function isEmpty(dir: string): boolean {
  return !existsSync(dir) || readdirSync(dir).length === 0;
}
