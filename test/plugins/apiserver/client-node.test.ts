/** Server-side apply as @kubernetes/client-node does it. */
import { CoreV1Api, KubeConfig, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import t from 'tap';
import { testApi } from './cluster.ts';

t.test('server-side apply', async (t) => {
  const { kubeconfig } = await testApi(t);
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const api = config.makeApiClient(CoreV1Api);
  const apply = (fieldManager: string, data: Record<string, string>, force?: boolean) =>
    api.patchNamespacedConfigMap(
      {
        namespace: 'default',
        name: 'applied',
        fieldManager,
        ...(force === undefined ? {} : { force }),
        body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied' }, data },
      },
      setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply),
    );

  const made = await apply('one', { a: '1', b: '1' });
  t.match(made.metadata?.managedFields, [{ manager: 'one', operation: 'Apply' }]);
  t.match(await apply('two', { c: '2' }), { data: { a: '1', b: '1', c: '2' } }, 'each its own fields');
  await t.rejects(apply('two', { a: '2', c: '2' }), { code: 409, body: /conflict with .*one.*\.data\.a/ });
  t.match(await apply('two', { a: '2', c: '2' }, true), { data: { a: '2', b: '1', c: '2' } });
  const left = await apply('one', {});
  t.strictSame(left.data, { a: '2', c: '2' }, 'what is no longer applied by its only owner goes');
});
