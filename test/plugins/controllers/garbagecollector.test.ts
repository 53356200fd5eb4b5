import { type KubeObject, Pods, ReplicaSets } from 'orlop/plugin';
import t from 'tap';
import { entryOf, judge, OwnerGraph } from '../../../plugins/controllers/garbagecollector/graph.ts';
import { resourceOf } from '../../../plugins/controllers/garbagecollector/resources.ts';

function object(uid: string, owners: string[] = [], finalizers?: string[]): KubeObject {
  return {
    metadata: {
      name: uid,
      namespace: 'default',
      uid,
      ownerReferences: owners.map((owner) => ({
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        name: owner,
        uid: owner,
      })),
      ...(finalizers ? { finalizers, deletionTimestamp: '2030-01-01T00:00:00Z' } : {}),
    },
  };
}

t.test('the graph says what a change makes due', async (t) => {
  const graph = new OwnerGraph();
  t.strictSame(graph.set(entryOf(Pods, object('pod', ['rs']))), ['pod'], 'its owner has not been seen');
  t.strictSame(graph.set(entryOf(ReplicaSets, object('rs'))), []);
  t.strictSame(graph.due(), [], 'now it has');
  t.strictSame(
    graph.set(entryOf(ReplicaSets, object('rs', [], ['foregroundDeletion']))),
    ['rs'],
    'a foreground deletion begins',
  );
  t.strictSame(graph.due(), ['pod', 'rs']);
  t.strictSame(graph.remove('pod'), ['rs'], 'a dependent went');
  graph.set(entryOf(Pods, object('pod', ['rs'])));
  t.strictSame(graph.set(entryOf(Pods, object('pod'))), ['rs'], 'a dependent was let go');
  graph.set(entryOf(Pods, object('pod', ['rs'])));
  t.strictSame(graph.remove('rs'), ['pod'], 'the owner went');
  t.strictSame(
    graph.dependentsOf('rs').map((entry) => entry.uid),
    ['pod'],
  );
});

t.test('an object goes only when no owner holds it', async (t) => {
  const owner = (uid: string, state: 'solid' | 'absent' | 'waiting') => ({ uid, state });
  t.strictSame(judge([owner('a', 'solid')], false), { action: 'keep' });
  t.strictSame(judge([owner('a', 'solid'), owner('b', 'absent'), owner('c', 'waiting')], true), {
    action: 'unlink',
    uids: ['b', 'c'],
  });
  t.strictSame(judge([owner('a', 'absent')], true), { action: 'delete', propagationPolicy: 'Background' });
  t.strictSame(judge([owner('a', 'waiting')], true), { action: 'delete', propagationPolicy: 'Foreground' });
  t.strictSame(judge([owner('a', 'waiting')], false), { action: 'delete', propagationPolicy: 'Background' });
});

t.test('owner references find their resource whatever the version', async (t) => {
  const reference = { kind: 'ReplicaSet', name: 'x', uid: 'x' };
  t.equal(resourceOf({ ...reference, apiVersion: 'apps/v1beta1' }), ReplicaSets);
  t.equal(resourceOf({ ...reference, apiVersion: 'extensions/v1' }), undefined);
});
