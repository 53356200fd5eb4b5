import { controllerReference, type Pod, type ReplicaSet, ReplicaSets } from 'orlop/plugin';

/** A pod of the ReplicaSet, to create; the store completes its name. */
export function podFromTemplate(replicaSet: ReplicaSet): Pod {
  const template = replicaSet.spec!.template!;
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${replicaSet.metadata!.name}-`,
      namespace: replicaSet.metadata!.namespace!,
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ...(finalizers ? { finalizers } : {}),
      ownerReferences: [controllerReference(ReplicaSets, replicaSet)],
    },
    spec: template.spec!,
    status: { phase: 'Pending' },
  };
}

/**
 * Runs `call` `count` times in batches of 1, 2, 4, ..., each concurrent, and stops after the first batch with a failure: a quota or a
 * full disk is asked once, not a thousand times. Returns how many succeeded and the first failure. Source: upstream's `slowStartBatch`.
 */
export async function slowStart(
  count: number,
  call: () => Promise<void>,
): Promise<{ done: number; error: unknown }> {
  let done = 0;
  for (let size = Math.min(1, count); size > 0; size = Math.min(2 * size, count - done)) {
    const results = await Promise.allSettled(Array.from({ length: size }, call));
    done += results.filter((each) => each.status === 'fulfilled').length;
    const failed = results.find((each) => each.status === 'rejected');
    if (failed) return { done, error: failed.reason };
  }
  return { done, error: undefined };
}
