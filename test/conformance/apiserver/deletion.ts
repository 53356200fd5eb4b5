import { ConfigMaps } from 'orlop/plugin';
import type { Checks } from '../checks.ts';
import {
  CONFIG_MAPS,
  configMap,
  DEPLOYMENTS,
  deployment,
  failure,
  NAMESPACE,
  type Served,
} from './manifests.ts';

/** How objects go: at once, when their finalizers have, or after what they own. */
export async function deletionConformance(t: Checks, { api, objects }: Served): Promise<void> {
  const at = (name: string): string => `${CONFIG_MAPS}/${name}`;
  const { body } = await api.post(CONFIG_MAPS, configMap('doomed'));
  for (const [preconditions, what] of [
    [{ uid: 'another' }, 'another object of its name'],
    [{ resourceVersion: '1' }, 'another revision'],
  ] as const) {
    t.match(
      await api.delete(at('doomed'), { preconditions }),
      failure(409, 'Conflict'),
      `${what} is not deleted`,
    );
  }
  t.equal((await api.delete(`${at('doomed')}?dryRun=All`)).code, 200, 'nor does a dry run delete');
  t.equal((await api.get(at('doomed'))).code, 200, 'it is there');
  const { uid, resourceVersion } = body.metadata as Record<string, string>;
  const gone = await api.delete(at('doomed'), { preconditions: { uid, resourceVersion } });
  t.match(gone, { code: 200 }, 'it is deleted');
  t.equal((await api.get(at('doomed'))).code, 404, 'and gone');
  t.equal(
    await objects.get(ConfigMaps, { namespace: NAMESPACE, name: 'doomed' }),
    undefined,
    'from the store, too',
  );
  t.match(await api.delete(at('doomed')), failure(404, 'NotFound'), 'what there is not');

  const finalizers = ['conformance.test/one', 'conformance.test/two'];
  await api.post(CONFIG_MAPS, configMap('finalized', {}, { finalizers }));
  const marked = await api.delete(at('finalized'));
  t.match(
    marked,
    { code: 200, body: { metadata: { deletionTimestamp: /Z$/ } } },
    'one with finalizers is marked',
  );
  const more = { metadata: { finalizers: [...finalizers, 'conformance.test/late'] } };
  t.match(
    await api.patch(at('finalized'), 'merge', more),
    failure(422, 'Invalid'),
    'it gets no more of them',
  );
  const one = await api.patch(at('finalized'), 'merge', { metadata: { finalizers: finalizers.slice(1) } });
  t.match(
    one,
    { code: 200, body: { metadata: { finalizers: finalizers.slice(1) } } },
    'it stays as long as it has some',
  );
  await api.patch(at('finalized'), 'merge', { metadata: { finalizers: null } });
  t.equal((await api.get(at('finalized'))).code, 404, 'it goes with the last');

  for (const [propagationPolicy, finalizer] of [
    ['Foreground', 'foregroundDeletion'],
    ['Orphan', 'orphan'],
  ] as const) {
    const name = propagationPolicy.toLowerCase();
    await api.post(DEPLOYMENTS, deployment(name));
    const { body } = await api.delete(`${DEPLOYMENTS}/${name}`, { propagationPolicy });
    t.match(
      body.metadata,
      { deletionTimestamp: /Z$/, finalizers: [finalizer] },
      `${propagationPolicy} leaves it to the garbage collector`,
    );
  }
  t.match(
    await api.delete(`${DEPLOYMENTS}/foreground`, { propagationPolicy: 'Sideways' }),
    failure(422, 'Invalid'),
    'there is no other policy',
  );

  for (const [name, set] of [
    ['many-1', 'many'],
    ['many-2', 'many'],
    ['kept', 'kept'],
  ] as const) {
    await api.post(CONFIG_MAPS, configMap(name, {}, { labels: { set } }));
  }
  const many = await api.delete(`${CONFIG_MAPS}?labelSelector=set%3Dmany`);
  t.equal(many.code, 200, 'all that match are deleted at once');
  const { body: left } = await api.get(`${CONFIG_MAPS}?labelSelector=set%20in%20%28many%2Ckept%29`);
  t.same(
    (left.items as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name),
    ['kept'],
    'and no others',
  );
}
