/** Kinds beyond score plugins whose service another process can give: each passes the suite of its kind. */
import { fileURLToPath } from 'node:url';
import { Authenticator, definePlugin, type VolumeDriver, VolumeDrivers } from 'orlop/plugin';
import t, { type Test } from 'tap';
import { testKernel } from '../../cluster.ts';
import { authConformance, type Checks, volumeConformance } from '../../conformance/index.ts';
import { testdir } from '../../testdir.ts';

const services = fileURLToPath(new URL('../../../../test/plugins/process/services.py', import.meta.url));
/** Tap's overloads hide that it has what a suite needs. */
const checks = (t: Test): Checks => t as unknown as Checks;

function manifest(t: Test, changes: object): { module: string } {
  const plugin = {
    name: 'services',
    version: '1.0.0',
    description: 'Gives a service.',
    command: ['python3', services],
    ...changes,
  };
  return { module: `${testdir(t, { 'plugin.json': JSON.stringify(plugin) })}/plugin.json` };
}

t.test('a volume driver', async (t) => {
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
  const kernel = await testKernel(t, {
    plugins: [observer, manifest(t, { kind: 'volume.v1', provides: ['ephemeral'] })],
  });
  t.same([...drivers.keys()], ['ephemeral']);
  const driver = drivers.get('ephemeral')!;
  await volumeConformance(checks(t), 'services', async () => ({
    driver,
    volume: { name: 'v', ephemeral: {} },
    missing: { name: 'v', ephemeral: { missing: true } as object },
  }));
  await t.rejects(driver.setUp({ pod: {}, volume: { name: 'v', ephemeral: {} }, dir: '/' }), {
    message: /plugin "services" revision 1: its process ended: exit code 1; it said last: KeyError/,
  });
  t.equal(kernel.plugins().find(({ name }) => name === 'services')?.isolation, 'process');
});

t.test('an authenticator', async (t) => {
  const plugin = manifest(t, { kind: 'auth.v1' });
  const kernel = await testKernel(t, { plugins: [plugin] });
  await authConformance(checks(t), 'services', async () => ({
    authenticator: kernel.service(Authenticator),
    token: 'a-token-for-amy',
  }));
  const authenticator = kernel.service(Authenticator);
  const amy = async (): Promise<unknown> =>
    (await authenticator.authenticate({ token: 'a-token-for-amy' }))?.username;
  await t.rejects(Promise.resolve(authenticator.authenticate({ token: 'strange' })), {
    reason: 'InternalError',
    message: 'plugin "services" revision 1: no reason that there is',
  });
  await t.rejects(Promise.resolve(authenticator.authenticate({ token: 'nameless' })), {
    reason: 'InternalError',
    message: /answered nonsense: it must be null, or have a username and a list of groups/,
  });
  const many = await Promise.all(Array.from({ length: 500 }, amy));
  t.same([...new Set(many)], ['amy'], 'many at once');

  let swapping = true;
  const answers: unknown[] = [];
  const load = Array.from({ length: 8 }, async () => {
    while (swapping) answers.push(await amy().catch((error: Error) => error.message));
  });
  for (let index = 0; index < 10; index++) await kernel.swap('services', plugin);
  swapping = false;
  await Promise.all(load);
  t.same([...new Set(answers)], ['amy'], `swapped ten times, none of ${answers.length} calls failed`);
});
