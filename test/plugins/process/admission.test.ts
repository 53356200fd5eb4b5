/** Admissions in another process: the example in Python on its streams and over NATS, and that nothing passes while they fail. */
import {
  ConfigMaps,
  type KubeObject,
  Namespaces,
  type ObjectClient,
  Plugins,
  Pods,
  WriteAdmission,
} from 'orlop/plugin';
import t, { type Test } from 'tap';
import { eventually, type TestKernel, type TestKernelOptions, testKernel } from '../../cluster.ts';
import { type AdmissionSample, admissionConformance, type Checks } from '../../conformance/index.ts';
import { writer } from '../writer.ts';
import { like, relay, root, services } from './relay.ts';

const EXAMPLE = 'plugins/admission/python';

/** A kernel, and its store as a plugin has it. */
async function writing(
  t: Test,
  o: TestKernelOptions,
): Promise<{ kernel: TestKernel; objects: ObjectClient }> {
  const { plugin, objects } = writer();
  const kernel = await testKernel(t, { ...o, plugins: [plugin, ...(o.plugins ?? [])] });
  return { kernel, objects: objects() };
}

const status = (kernel: TestKernel, name: string) => kernel.plugins().find((each) => each.name === name);
const named = (name: string, rest: object = {}): KubeObject => ({
  metadata: { namespace: 'default', name, ...rest },
});

async function conforms(t: Test, name: string, kernel: TestKernel, objects: ObjectClient): Promise<void> {
  const of = (labels: object): AdmissionSample => ({ resource: ConfigMaps, object: named('a', { labels }) });
  await admissionConformance(t as unknown as Checks, name, async () => ({
    admission: kernel.service(WriteAdmission),
    objects,
    admitted: [{ ...of({ team: 'a' }), as: { metadata: { labels: { tier: 'standard' } } } }],
    refused: [{ ...of({ tier: 'standard' }), reason: 'Forbidden' }],
  }));
}

t.test('in Python', async (t) => {
  const module = `${root}${EXAMPLE}/plugin.json`;
  const { kernel, objects } = await writing(t, { plugins: [{ module }] });
  await conforms(t, 'required-labels', kernel, objects);
  await t.rejects(objects.create(ConfigMaps, named('b')), {
    reason: 'Forbidden',
    message:
      'plugin "required-labels" revision 1: writer may not write ConfigMap "b" without the label "team": add it',
  });
  await objects.create(ConfigMaps, named('b', { labels: { team: 'x' } }));
  await objects.modify(ConfigMaps, { namespace: 'default', name: 'b' }, (draft) => {
    delete draft.metadata!.labels!['tier'];
  });
  t.match((await objects.get(ConfigMaps, { namespace: 'default', name: 'b' }))?.value, {
    metadata: { labels: { team: 'x', tier: 'standard' } },
  });
});

t.test('over NATS', async (t) => {
  const remote = 'example.labels';
  const plugin = like(t, EXAMPLE, { command: undefined, remote });
  const { kernel, objects } = await writing(t, { plugins: [plugin], timing: { restart: 20 } });
  await relay(t, kernel, remote, ['python3', `${root}${EXAMPLE}/admission.py`]);
  await eventually('it runs', () => status(kernel, 'required-labels')?.phase === 'Running');
  await conforms(t, 'required-labels over NATS', kernel, objects);
});

t.test('nothing passes that it has not admitted', async (t) => {
  const rules = [{ operations: ['*'], apiGroups: [''], resources: ['configmaps'], scope: 'Namespaced' }];
  const { module } = services(t, { kind: 'admission.v1', timeoutSeconds: 1, rules });
  // Who has failed stays down until it is swapped.
  const { kernel, objects } = await writing(t, { timing: { restart: 600_000 } });
  await kernel.objects.create(Plugins, { metadata: { name: 'services' }, spec: { module } });
  await eventually('it runs', () => status(kernel, 'services')?.phase === 'Running');
  const create = (name: string) => objects.create(ConfigMaps, named(name));
  const refused = async (name: string, reason: string, message: string): Promise<void> => {
    await t.rejects(create(name), { reason, message: `plugin "services" revision ${message}` });
    t.equal(await objects.get(ConfigMaps, { namespace: 'default', name }), undefined, 'it is not stored');
  };
  t.match((await create('kept')).value, { data: { seen: 'yes' } });
  await refused('renamed', 'InternalError', '1: admit answered nonsense: metadata.name must stay as it is');
  await refused(
    'emptied',
    'InternalError',
    '1: admit answered nonsense: it must be null, or have the object to be stored',
  );
  await t.rejects(objects.delete(ConfigMaps, { namespace: 'default', name: 'kept' }), {
    reason: 'Conflict',
    message: 'plugin "services" revision 1: writer may not delete it',
  });
  await refused('killer', 'ServiceUnavailable', '1: its process ended: exit code 1');
  await eventually('that is shown', () => status(kernel, 'services')?.phase === 'Failed');
  await refused('a', 'ServiceUnavailable', '1: its process ended: exit code 1');
  const both = [ConfigMaps, Pods].map(
    (resource) => ({ verb: 'create', resource, object: named('b') }) as const,
  );
  await t.rejects(objects.transact(both), {
    message: /its process ended: exit code 1/,
  });
  t.ok(await objects.create(Namespaces, { metadata: { name: 'n' } }), 'what does not concern it is written');

  await kernel.swap('services', { module });
  t.match((await create('a')).value, { data: { seen: 'yes' } });
  const before = performance.now();
  await refused('sloth', 'Timeout', '2: admit took longer than 1000 ms');
  t.ok(performance.now() - before < 30_000);
  await kernel.objects.delete(Plugins, { name: 'services' });
  await eventually('it is gone', () => status(kernel, 'services') === undefined);
  t.equal('data' in (await create('b')).value, false, 'without it objects are stored as they are');
});
