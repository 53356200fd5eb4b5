import { ConfigMaps } from 'orlop/plugin';
import { type Checks, eventually } from '../checks.ts';
import type { Event } from './client.ts';
import { CONFIG_MAPS, configMap, NAMESPACE, type Served } from './manifests.ts';

const SELECTED = 'labelSelector=set%3Dwatches';

const told = (events: readonly Event[]): string[] =>
  events.map(({ type, object }) => `${type} ${object.metadata.name ?? ''}`.trim());

/** Watches: every change after a revision, once and in order. */
export async function watchesConformance(t: Checks, served: Served): Promise<void> {
  const { api, objects } = served;
  const labels = { set: 'watches' };
  const follow = async (query: string) => {
    const watch = await api.watch(`${CONFIG_MAPS}?watch=true&${query}`);
    t.teardown(() => watch.close());
    return watch;
  };
  await api.post(CONFIG_MAPS, configMap('first', {}, { labels }));
  const { body: list } = await api.get(`${CONFIG_MAPS}?${SELECTED}`);
  const since = `resourceVersion=${list.metadata.resourceVersion}`;
  await api.post(CONFIG_MAPS, configMap('second', {}, { labels }));

  const watch = await follow(`${SELECTED}&${since}`);
  const named = await follow(`fieldSelector=metadata.name%3Dsecond&${since}`);
  await api.patch(`${CONFIG_MAPS}/second`, 'merge', { data: { a: '1' } });
  await api.patch(`${CONFIG_MAPS}/first`, 'merge', { metadata: { labels: { set: 'other' } } });
  await api.post(CONFIG_MAPS, configMap('unseen'));
  await api.patch(`${CONFIG_MAPS}/first`, 'merge', { metadata: { labels } });
  await api.delete(`${CONFIG_MAPS}/second`);
  await objects.create(ConfigMaps, { metadata: { namespace: NAMESPACE, name: 'plugin', labels } });
  const wanted = [
    'ADDED second',
    'MODIFIED second',
    'DELETED first',
    'ADDED first',
    'DELETED second',
    'ADDED plugin',
  ];
  await eventually('the events come', () => watch.events.length >= wanted.length, 10_000);
  t.same(told(watch.events), wanted, 'what comes to match is added, what ceases to is deleted');
  const revisions = watch.events.map(({ object }) => Number(object.metadata.resourceVersion));
  t.same(
    revisions,
    [...new Set(revisions)].sort((a, b) => a - b),
    'in the order of revisions, none twice',
  );
  t.match(watch.events[1]?.object, { kind: 'ConfigMap', data: { a: '1' } }, 'each with the whole object');
  await eventually('those of one object come', () => named.events.length >= 3, 10_000);
  t.same(
    told(named.events),
    ['ADDED second', 'MODIFIED second', 'DELETED second'],
    'of one object, by its name',
  );

  const again = await follow(`${SELECTED}&resourceVersion=${revisions[1]}`);
  await eventually('the rest comes again', () => again.events.length >= 4, 10_000);
  t.same(told(again.events), wanted.slice(2), 'a watch goes on after any revision');

  const initial = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
  const whole = await follow(`${SELECTED}&${initial}`);
  await eventually('all there is comes', () => whole.events.some(({ type }) => type === 'BOOKMARK'), 10_000);
  t.same(told(whole.events), ['ADDED first', 'ADDED plugin', 'BOOKMARK'], 'it may begin with all there is');
  t.match(
    whole.events[2]?.object.metadata,
    { annotations: { 'k8s.io/initial-events-end': 'true' }, resourceVersion: /^\d+$/ },
    'the end of which is marked',
  );
  await api.delete(`${CONFIG_MAPS}/plugin`);
  await eventually('and what follows', () => whole.events.length === 4, 10_000);
  t.same(told(whole.events).at(-1), 'DELETED plugin', 'and go on from there');
  const brief = await follow(`${SELECTED}&timeoutSeconds=1`);
  await eventually('it ends after the time it was given', () => brief.ended(), 10_000);
  t.pass('it ends after the time it was given');
}
