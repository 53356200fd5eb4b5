import {
  ConfigMaps,
  Deployments,
  findCondition,
  isStatus,
  Namespaces,
  Pods,
  ReplicaSets,
  type Resource,
  ServiceAccounts,
} from 'orlop/plugin';
import t from 'tap';
import { eventually } from '../../cluster.ts';
import {
  controlPlane,
  createNamespace,
  podsIn,
  replicaSetsIn,
  rolledOut,
  standInNode,
  webDeployment,
} from './cluster.ts';

t.test('what is deleted takes the right things with it', { timeout: 120_000 }, async (t) => {
  const kernel = await controlPlane(t);
  const { objects } = kernel;
  await standInNode(t, kernel, 'a');

  await t.test('in the background: the owner first, the rest follows', async () => {
    const namespace = await createNamespace(kernel, 'background');
    await objects.create(Deployments, webDeployment(namespace, 3));
    await rolledOut(kernel, namespace, 3);
    await objects.delete(Deployments, { namespace, name: 'web' });
    await eventually('everything is gone', async () => {
      const left = [...(await replicaSetsIn(kernel, namespace)), ...(await podsIn(kernel, namespace))];
      return left.length === 0;
    });
  });

  await t.test('in the foreground: the owner stays until its dependents are gone', async (t) => {
    const namespace = await createNamespace(kernel, 'foreground');
    await objects.create(Deployments, webDeployment(namespace, 3));
    await rolledOut(kernel, namespace, 3);
    const key = { namespace, name: 'web' };
    const pods = await podsIn(kernel, namespace);
    // A pod held by a finalizer of someone else holds its ReplicaSet and the Deployment.
    const held = { namespace, name: pods[0]!.metadata!.name! };
    await objects.modify(Pods, held, (draft) => {
      draft.metadata!.finalizers = ['example.com/hold'];
    });
    const marked = await objects.delete(Deployments, key, { propagationPolicy: 'Foreground' });
    t.strictSame(marked.value.metadata?.finalizers, ['foregroundDeletion']);
    await eventually('the other pods are gone', async () => (await podsIn(kernel, namespace)).length === 1);
    t.equal((await replicaSetsIn(kernel, namespace)).length, 1);
    t.ok(await objects.get(Deployments, key));
    await objects.modify(Pods, held, (draft) => {
      delete draft.metadata!.finalizers;
    });
    await eventually('the Deployment is gone', async () => !(await objects.get(Deployments, key)));
    t.strictSame(await replicaSetsIn(kernel, namespace), []);
    t.strictSame(await podsIn(kernel, namespace), []);
  });

  await t.test('orphaning: dependents stay, without owner', async (t) => {
    const namespace = await createNamespace(kernel, 'orphan');
    await objects.create(Deployments, webDeployment(namespace, 2));
    await rolledOut(kernel, namespace, 2);
    const before = (await podsIn(kernel, namespace)).map((pod) => pod.metadata?.uid);
    const key = { namespace, name: 'web' };
    await objects.delete(Deployments, key, { propagationPolicy: 'Orphan' });
    await eventually('the Deployment is gone', async () => !(await objects.get(Deployments, key)));
    const [replicaSet] = await replicaSetsIn(kernel, namespace);
    t.equal(replicaSet?.metadata?.ownerReferences, undefined);
    t.strictSame(
      (await podsIn(kernel, namespace)).map((pod) => pod.metadata?.uid),
      before,
    );
    await objects.create(Deployments, webDeployment(namespace, 2));
    await rolledOut(kernel, namespace, 2);
    const [adopted] = await replicaSetsIn(kernel, namespace);
    t.equal(adopted?.metadata?.uid, replicaSet?.metadata?.uid, 'and are adopted by a new Deployment');
    t.equal(adopted?.metadata?.ownerReferences?.[0]?.kind, 'Deployment');
  });

  await t.test('an object with two owners goes with the last', async (t) => {
    const namespace = await createNamespace(kernel, 'two-owners');
    const make = (name: string, ownerReferences: object[] = []) =>
      objects.create(ConfigMaps, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace, ownerReferences: ownerReferences as never },
      });
    const reference = ({ value }: Awaited<ReturnType<typeof make>>) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: value.metadata!.name!,
      uid: value.metadata!.uid!,
    });
    const [one, two] = [await make('one'), await make('two')];
    await make('child', [reference(one), reference(two)]);
    await make('stray', [{ ...reference(one), uid: 'another-life' }]);
    const child = { namespace, name: 'child' };
    await eventually('the one whose owner is another goes', async () => {
      return !(await objects.get(ConfigMaps, { namespace, name: 'stray' }));
    });
    await objects.delete(ConfigMaps, one.key);
    await eventually('the reference is dropped', async () => {
      return (await objects.get(ConfigMaps, child))?.value.metadata?.ownerReferences?.length === 1;
    });
    await objects.delete(ConfigMaps, two.key);
    await eventually('the child is gone', async () => !(await objects.get(ConfigMaps, child)));
    t.pass('with the last');
  });

  await t.test('a namespace goes when all its content has, and says what it waits for', async (t) => {
    const namespace = await createNamespace(kernel, 'doomed');
    await eventually('its ServiceAccount', () =>
      objects.get(ServiceAccounts, { namespace, name: 'default' }),
    );
    await objects.create(Deployments, webDeployment(namespace, 3));
    await rolledOut(kernel, namespace, 3);
    const held = { namespace, name: 'held' };
    await objects.create(ConfigMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { ...held, finalizers: ['example.com/hold'] },
    });
    const marked = await objects.delete(Namespaces, { name: namespace });
    t.equal(marked.value.status?.phase, 'Terminating');
    const waiting = await eventually('it says what it waits for', async () => {
      const { status } = (await objects.get(Namespaces, { name: namespace }))!.value;
      const finalizers = findCondition(status?.conditions, 'NamespaceFinalizersRemaining');
      const content = findCondition(status?.conditions, 'NamespaceContentRemaining');
      const waits = finalizers?.status === 'True' && !content?.message?.includes('pods');
      return waits ? { finalizers, content } : undefined;
    });
    t.match(waiting.finalizers.message, /example\.com\/hold in 1 resource instances/);
    t.match(waiting.content, { status: 'True', message: /configmaps\. has 1 resource instances/ });
    await objects.modify(ConfigMaps, held, (draft) => {
      delete draft.metadata!.finalizers;
    });
    await eventually('it is gone', async () => !(await objects.get(Namespaces, { name: namespace })));
    for (const resource of [Pods, ReplicaSets, Deployments, ConfigMaps, ServiceAccounts] as Resource[]) {
      t.equal((await objects.list(resource, { namespace })).items.length, 0, resource.resource);
    }
  });

  await t.test('the ServiceAccount default comes back', async () => {
    const namespace = await createNamespace(kernel, 'accounts');
    const key = { namespace, name: 'default' };
    const first = await eventually('it is made', () => objects.get(ServiceAccounts, key));
    await objects.delete(ServiceAccounts, key).catch((error: unknown) => {
      if (!isStatus(error, 'NotFound')) throw error;
    });
    await eventually('it is made again', async () => {
      const again = await objects.get(ServiceAccounts, key);
      return again && again.value.metadata?.uid !== first.value.metadata?.uid;
    });
  });
});
