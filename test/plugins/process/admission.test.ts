/** Admissions in another process: the example in Python on its streams and over NATS, and that nothing passes while they fail. */
import {
  Admission,
  ConfigMaps,
  definePlugin,
  type KubeObject,
  Namespaces,
  type ObjectClient,
  Plugins,
} from 'orlop/plugin';
import t, { type Test } from 'tap';
import { eventually, type TestKernel, testKernel } from '../../cluster.ts';
import { type AdmissionSample, admissionConformance, type Checks } from '../../conformance/index.ts';
import { testApi } from '../apiserver/cluster.ts';
import { writer } from '../writer.ts';
import { like, relay, root, services } from './relay.ts';

const EXAMPLE = 'plugins/admission/python';
const WRITER = 'system:serviceaccount:kube-system:writer';

/** Sees the admissions there are. */
function observer() {
  let admissions: ReadonlyMap<string, Admission> = new Map();
  const plugin = definePlugin<Record<string, never>, { admissions: typeof Admission }>({
    name: 'observer',
    kind: 'observer.v1',
    version: '1.0.0',
    description: 'Sees the admissions.',
    requires: { admissions: Admission },
    start(ctx) {
      admissions = ctx.services.admissions;
      return {};
    },
  });
  return { plugin, admissions: () => admissions };
}

const status = (kernel: TestKernel, name: string) => kernel.plugins().find((each) => each.name === name);
const named = (name: string, rest: object = {}): KubeObject => ({
  metadata: { namespace: 'default', name, ...rest },
});

async function conforms(t: Test, name: string, admission: Admission): Promise<void> {
  const of = (labels: object): AdmissionSample => ({ resource: ConfigMaps, object: named('a', { labels }) });
  await admissionConformance(t as unknown as Checks, name, async () => ({
    admission,
    admitted: [
      { ...of({ team: 'a' }), as: { metadata: { labels: { tier: 'standard' } } } },
      { ...of({ tier: 'standard' }), operation: 'DELETE' },
    ],
    refused: [{ ...of({ tier: 'standard' }), reason: 'Forbidden' }],
  }));
}

t.test('in Python', async (t) => {
  const seen = observer();
  const { plugin, objects: written } = writer();
  const module = `${root}${EXAMPLE}/plugin.json`;
  const { kubectl } = await testApi(t, { plugins: [{ module }, seen.plugin, plugin] });
  await conforms(t, 'required-labels', seen.admissions().get('required-labels')!);
  const refused = await kubectl('create configmap b');
  t.match(refused, {
    code: 1,
    stderr:
      'error: failed to create configmap: plugin "required-labels" revision 1: admin may not write ConfigMap "b" without the label "team": add it\n',
  });
  const labelled = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b', labels: { team: 'x' } } };
  await kubectl.ok('create -f -', JSON.stringify(labelled));
  t.equal(await kubectl.ok('get configmap b -o jsonpath={.metadata.labels.tier}'), 'standard');
  const objects = written();
  t.match((await objects.create(ConfigMaps, named('c'))).value, {
    metadata: { labels: { tier: 'standard' } },
  });
  await objects.modify(ConfigMaps, { namespace: 'default', name: 'b' }, (draft) => {
    delete draft.metadata!.labels!['tier'];
  });
  t.match((await objects.get(ConfigMaps, { namespace: 'default', name: 'b' }))?.value, {
    metadata: { labels: { team: 'x', tier: 'standard' } },
  });
});

t.test('over NATS', async (t) => {
  const remote = 'example.labels';
  const seen = observer();
  const plugin = like(t, EXAMPLE, { command: undefined, remote });
  const kernel = await testKernel(t, { plugins: [plugin, seen.plugin], timing: { restart: 20 } });
  await relay(t, kernel, remote, ['python3', `${root}${EXAMPLE}/admission.py`]);
  await eventually('it runs', () => status(kernel, 'required-labels')?.phase === 'Running');
  await conforms(t, 'required-labels over NATS', seen.admissions().get('required-labels')!);
});

t.test('nothing passes that it has not admitted', async (t) => {
  const rules = [
    { operations: ['*'], apiGroups: [''], resources: ['configmaps'], scope: 'Namespaced' },
    { operations: ['*'], apiGroups: ['*'], resources: ['plugins', 'leases', 'events'] },
  ];
  const { module } = services(t, { kind: 'admission.v1', timeoutSeconds: 1, rules });
  const { plugin, objects: written } = writer();
  // Who has failed stays down until it is swapped.
  const { kernel, kubectl } = await testApi(t, { plugins: [plugin], timing: { restart: 600_000 } });
  const objects: ObjectClient = written();
  const object = {
    apiVersion: 'orlop.dev/v1',
    kind: 'Plugin',
    metadata: { name: 'services' },
    spec: { module },
  };
  await kubectl.ok('apply -f -', JSON.stringify(object));
  await eventually('it runs', () => status(kernel, 'services')?.phase === 'Running');
  const create = (name: string) => objects.create(ConfigMaps, named(name));
  const refused = async (name: string, reason: string, why: string): Promise<void> => {
    const message = new RegExp(
      `^plugin "services", which is to admit the CREATE of configmaps, failed: .*${why}.*: kubectl delete plugin services$`,
    );
    await t.rejects(create(name), { reason, message });
    t.match(await kubectl(`create configmap ${name}`), { code: 1, stderr: new RegExp(why) });
    t.equal(await objects.get(ConfigMaps, { namespace: 'default', name }), undefined, 'it is not stored');
  };
  t.match((await create('kept')).value, { data: { seen: 'yes' } });
  await refused('renamed', 'InternalError', 'cannot be: metadata.name must stay as it is');
  await refused('emptied', 'InternalError', 'cannot be: it must have metadata');
  await refused('mistyped', 'InternalError', 'cannot be: ConfigMap in version "v1" cannot be handled');
  await refused('foolish', 'InternalError', 'mutate answered nonsense: it must be null, or have the object');
  const said = `plugin "services" revision 1: ${WRITER} may not delete it`;
  await t.rejects(objects.delete(ConfigMaps, { namespace: 'default', name: 'kept' }), {
    reason: 'Forbidden',
    message: said,
  });
  t.match(await kubectl('delete configmaps --all'), { code: 1, stderr: /admin may not delete it/ });
  await t.rejects(create('killer'), {
    reason: 'ServiceUnavailable',
    message: /its process ended: exit code 1/,
  });
  await eventually('that is shown', () => status(kernel, 'services')?.phase === 'Failed');
  await refused('a', 'ServiceUnavailable', '1: its process ended: exit code 1');
  t.ok(await objects.create(Namespaces, { metadata: { name: 'n' } }), 'what does not concern it is written');
  const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l' } };
  await kubectl.ok('create -f -', JSON.stringify(lease));
  await kubectl.ok('annotate plugin services note=x');

  await kernel.swap('services', { module });
  t.match((await create('a')).value, { data: { seen: 'yes' } });
  const before = performance.now();
  await t.rejects(create('sloth'), { reason: 'Timeout', message: /2: mutate took longer than 1000 ms/ });
  t.ok(performance.now() - before < 30_000);
  await kubectl.ok('delete plugin services');
  await eventually('it is gone', () => status(kernel, 'services') === undefined);
  t.equal('data' in (await create('b')).value, false, 'without it objects are stored as they are');
  t.equal(await kernel.objects.get(Plugins, { name: 'services' }), undefined);
});
